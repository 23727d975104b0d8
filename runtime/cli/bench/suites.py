"""The tables that `br-bench` knows by name, and the choice of their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from brdialect.mistake import BrError
from frontends.resnet50 import ResNet50
from runtime.cli.bench.descriptor import parse_descriptor
from runtime.cli.bench.onnx_file import SUFFIX, OnnxFile
from runtime.cli.bench.workloads import (
    Cell,
    Convolution,
    DepthwiseBlock,
    Forward,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    RecurrentStack,
    WholeResNet50,
)

_RESNET50 = (
    # in, out, height and width in, window, stride
    (3, 64, 224, 7, 2),
    (64, 256, 56, 1, 1),
    (64, 64, 56, 1, 1),
    (64, 64, 56, 3, 1),
    (256, 64, 56, 1, 1),
    (256, 512, 56, 1, 2),
    (256, 128, 56, 1, 2),
    (128, 128, 28, 3, 1),
    (128, 512, 28, 1, 1),
    (512, 128, 28, 1, 1),
    (512, 1024, 28, 1, 2),
    (512, 256, 28, 1, 2),
    (256, 256, 14, 3, 1),
    (256, 1024, 14, 1, 1),
    (1024, 256, 14, 1, 1),
    (1024, 2048, 14, 1, 2),
    (1024, 512, 14, 1, 2),
    (512, 512, 7, 3, 1),
    (512, 2048, 7, 1, 1),
    (2048, 512, 7, 1, 1),
)
"""The distinct convolutions of ResNet-50, numbered from 1 as in arXiv:1906.06440."""

_MOBILENET = (
    # channels, channels out, height and width in, stride
    (32, 64, 112, 1),
    (64, 128, 112, 2),
    (128, 128, 56, 1),
    (128, 256, 56, 2),
    (256, 256, 28, 1),
    (256, 512, 28, 2),
    (512, 512, 14, 1),
    (512, 1024, 14, 2),
    (1024, 1024, 7, 1),
)
"""The distinct blocks of MobileNet."""

_WIDTHS = (256, 512, 1024, 2048)

_SKINNY = (
    # m, n, k
    (1, 1024, 1024),
    (16, 1024, 1024),
    (168, 1024, 1024),
    (1024, 16, 1024),
    (4096, 64, 64),
    (3136, 64, 576),
    (64, 4096, 256),
    (2048, 2048, 32),
)


_MLP_LAYERS = 3
_TRAINED = (2, 8)
"""Images in a training step of the model."""

_SEQUENCES = 168
_STEPS = 50
_LAYERS = ((256, _STEPS), (512, 10), (1024, 10), (2048, 10))
"""Hidden units, as many inputs, and steps; sizes of arXiv:1906.06440."""

_DEEP = 4
"""Recurrent layers in a training step, as in GNMT."""


def _resnet50(minibatch: int | None) -> list[Forward]:
    return [
        Convolution(
            f"{number:2d} {c}->{k} {size}x{size} {window}x{window}"
            + (f" s{stride}" if stride > 1 else ""),
            minibatch or 1,
            c,
            size,
            size,
            k,
            window,
            window,
            stride,
            stride,
            window // 2,
            window // 2,
        )
        for number, (c, k, size, window, stride) in enumerate(_RESNET50, 1)
    ]


def _fc(minibatch: int | None) -> list[Forward]:
    rows = (168, 1344) if minibatch is None else (minibatch,)
    return [FullyConnected(n, c, c) for n in rows for c in _WIDTHS]


def _gemm(minibatch: int | None) -> list[Forward]:
    if minibatch is not None:
        raise BrError("--minibatch: gemm has none; its sizes are those of matrices")
    return [Gemm(*sizes) for sizes in (*((s, s, s) for s in _WIDTHS), *_SKINNY)]


def _depthwise(minibatch: int | None) -> list[Forward]:
    return [DepthwiseBlock(minibatch or 1, *row) for row in _MOBILENET]


def _model(minibatch: int | None) -> list[Forward]:
    return [WholeResNet50(ResNet50(minibatch or 1))]


def _recurrent(cell: Cell, minibatch: int | None) -> list[Forward]:
    rows = [(minibatch or _SEQUENCES, width, t) for width, t in _LAYERS]
    if minibatch is None:
        rows += [(1, width, _STEPS) for width in _WIDTHS[:-1]]
    return [Recurrent(cell, n, width, width, t) for n, width, t in rows]


def _stacks(cell: Cell, minibatch: int | None) -> list[Forward]:
    n = minibatch or _SEQUENCES
    layers = [Recurrent(cell, n, width, width, t) for width, t in _LAYERS[:-1]]
    return [RecurrentStack(layer, _DEEP) for layer in layers]


def _mlp(minibatch: int | None) -> list[Forward]:
    rows = ((168, 512), (168, 1024), (1344, 1024))
    return [Mlp(minibatch or n, c, _MLP_LAYERS) for n, c in rows]


SUITES: Mapping[str, tuple[str, Callable[[int | None], list[Forward]]]] = {
    "resnet50": ("the 20 distinct convolutions of ResNet-50", _resnet50),
    "fc": ("fully connected layers, weights packed ahead", _fc),
    "gemm": ("row-major matrix products, packed in the call", _gemm),
    "depthwise": ("the blocks of MobileNet: 3x3 depthwise, 1x1, ReLU6", _depthwise),
    "model": ("ResNet-50 from image to logits", _model),
    "mlp": ("three linear layers with bias and ReLU", _mlp),
    "lstm": ("LSTM layers, weights packed ahead", partial(_recurrent, "lstm")),
    "gru": ("GRU layers, linear before reset", partial(_recurrent, "gru")),
}
"""What each suite is, and its rows for a minibatch (None: its own)."""


TRAINED: Mapping[str, Callable[[int | None], list[Forward]]] = {
    "model": lambda n: [row for m in ([n] if n else _TRAINED) for row in _model(m)],
    "lstm": partial(_stacks, "lstm"),
    "gru": partial(_stacks, "gru"),
}
"""The rows of suites that have others for a step of training."""


def rows_of(
    name: str,
    minibatch: int | None,
    layers: str | None,
    pass_: str = "fwd",
    inputs: Sequence[str] = (),
    files: str = f"*{SUFFIX}",
) -> list[Forward]:
    """The forward rows of a suite, the convolution that a descriptor says, or the model
    in a file with its inputs. `files`: the names of files that the command takes."""
    file = name.endswith(SUFFIX)
    if inputs and not file:
        raise BrError(f"--input: expected a file named *{SUFFIX} with it, got '{name}'")
    if file and (minibatch is not None or layers is not None):
        raise BrError("--minibatch, --layers: a file has none; --input says its sizes")
    if name in SUITES:
        rows = SUITES[name][1](minibatch)
        if pass_ == "train" and name in TRAINED:
            rows = TRAINED[name](minibatch)
    elif file:
        rows = [OnnxFile(name, tuple(inputs))]
        rows[0].shapes()  # a mistake is told now
    elif re.search(r"\d", name):
        row = parse_descriptor(name)
        rows: list[Forward] = [replace(row, mb=minibatch or row.mb)]
    else:
        raise BrError(
            f"expected a suite out of {', '.join(SUITES)}, a convolution such as "
            f"mb1ic64ih56oc64oh56kh3ph1, or a file named {files}, got '{name}'"
        )
    if layers is None:
        return rows
    return [rows[number - 1] for number in parse_layers(layers, len(rows))]


def parse_layers(text: str, count: int) -> Sequence[int]:
    """`1-3,8` -> 1, 2, 3, 8; each row once, in the order given."""
    chosen: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
        first = int(match[1]) if match else 0
        last = int(match[2] or first) if match else 0
        if not 1 <= first <= last <= count:
            raise BrError(
                f"--layers: expected numbers and ranges from 1 to {count}, such as "
                f"1-{count} or 1,{count}, got '{text}'"
            )
        chosen |= dict.fromkeys(range(first, last + 1))
    return list(chosen)
