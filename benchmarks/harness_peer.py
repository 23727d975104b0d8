"""The adapter through which an outside harness times this compiler.

    run = prepare({"family": "conv", "pas": "fwd", "N": 1, "C": 64, "K": 64, ...})
    run()           # does the work once
    run.inputs      # name -> array in plain layout
    run.output()    # name -> array in plain layout, of the latest call

A workload is a flat dict: `family`, `pas` (the pass) and sizes.

Forward (`fwd`), the output is y:

| family | sizes | inputs | y |
|---|---|---|---|
| conv | N C K H W R S stride pad | x [N,C,H,W], w [K,C,R,S] | [N,K,P,Q] |
| fc | N C K | x [N,C], w [K,C] | x w^T: [N,K] |
| mlp | N C layers | x [N,C], w0 [C,C], b0 [C], w1 ... | relu(.. w^T + b): [N,C] |
| lstm, gru | N C K T | x [T,N,C], w, r, b, rb as br.lstm | all hidden states: [T,N,K] |
| gemm | M N K | a [M,K], b [K,N] | a b: [M,N] |
| lstm, pas = bwd | N C K T | the same, dy [T,N,K] | dx, dw, dr, db, drb |
| lstm, pas = train | N C K T | the same, 4 layers where its name is lstm4 | weights |
| resnet50 | N | x [N,3,224,224], torchvision's parameters | logits [N,1000] |

Gradients. `dy` is that of y, and an input; those of the inputs are the outputs:

| family | pas | inputs | outputs |
|---|---|---|---|
| conv, fc | bwd_d | w, dy | dx |
| conv, fc | bwd_w | x, dy | dw |
| conv, fc | bwd | x, w, dy | dx, dw |
| mlp | train: forward and gradients | x, w0, b0, w1 .., dy | dw0, db0, dw1 .. |
| resnet50 | train: with cross-entropy and SGD | runtime/cli/bench/training.py | there |

What is packed before the timed call is in the table of runtime/cli/bench/own.py. The
environment variable PEER_THREADS is the number of threads, 1 where it is not set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from recurrent_training import StackSteps

from brdialect.arrays import Array
from brdialect.mistake import BrError
from frontends.resnet50 import ResNet50
from runtime.cli.bench.gradients import (
    by_both,
    by_data,
    by_parameters,
    by_weights,
)
from runtime.cli.bench.own import BoundCall, call_of
from runtime.cli.bench.training import training
from runtime.cli.bench.workloads import (
    Convolution,
    Forward,
    FullyConnected,
    Gemm,
    Mlp,
    Recurrent,
    WholeResNet50,
    Workload,
)


class Call(Protocol):
    """What is timed."""

    @property
    def inputs(self) -> Mapping[str, Array]: ...

    def __call__(self) -> None: ...

    def output(self) -> dict[str, Array]: ...


def prepare(workload: Mapping[str, Any]) -> Call:
    """Compiles a workload and packs its weights; what is left is the work itself."""
    family, direction = workload["family"], workload.get("pas", "fwd")
    if family == "lstm" and direction in ("bwd", "train"):
        layer = Recurrent("lstm", *_sizes(workload, "N", "C", "K", "T"))
        if direction == "bwd":
            work = by_both(layer)
            return BoundCall(work, threads(), work.inputs())
        stack = str(workload.get("name", "")).startswith("lstm4")
        return StackSteps(layer, 4 if stack else 1, threads())
    work = workload_of(workload)
    return call_of(work, threads(), work.inputs())


def threads() -> int:
    """The number of threads that PEER_THREADS says."""
    text = os.environ.get("PEER_THREADS", "1")
    if not text.isdecimal():
        raise BrError(f"expected a number in PEER_THREADS, got '{text}'")
    return int(text)


def workload_of(row: Mapping[str, Any]) -> Workload:
    """The workload that a flat dict says; NotImplementedError for one that the
    compiler does not have."""
    family, direction = row["family"], row.get("pas", "fwd")
    forward = forward_of(row)
    if direction == "fwd":
        return forward
    if (family, direction) not in GRADIENTS:
        known = " ".join(["fwd", *(d for f, d in GRADIENTS if f == family)])
        raise NotImplementedError(
            f"expected pas out of {known} for family {family}, got '{direction}'"
        )
    return GRADIENTS[family, direction](forward)


GRADIENTS: Mapping[tuple[str, str], Callable[[Forward], Workload]] = {
    **{(family, "bwd_d"): by_data for family in ("conv", "fc")},
    **{(family, "bwd_w"): by_weights for family in ("conv", "fc")},
    **{(family, "bwd"): by_both for family in ("conv", "fc")},
    ("mlp", "train"): by_parameters,
    ("resnet50", "train"): training,
}
"""What a family's pass makes of its forward workload."""


def forward_of(row: Mapping[str, Any]) -> Forward:
    """The forward workload of a flat dict's family and sizes."""
    family = row["family"]
    match family:
        case "conv":
            n, c, k, h, w, r, s, stride, pad = _sizes(
                row, "N", "C", "K", "H", "W", "R", "S", "stride", "pad"
            )
            name = str(row.get("name", "conv"))
            return Convolution(name, n, c, h, w, k, r, s, stride, stride, pad, pad)
        case "fc":
            return FullyConnected(*_sizes(row, "N", "C", "K"))
        case "gemm":
            return Gemm(*_sizes(row, "M", "N", "K"))
        case "mlp":
            return Mlp(*_sizes(row, "N", "C", "layers"))
        case "lstm" | "gru":
            return Recurrent(family, *_sizes(row, "N", "C", "K", "T"))
        case "resnet50":
            return WholeResNet50(ResNet50(batch=_sizes(row, "N")[0]))
        case _:
            raise NotImplementedError(
                "expected a family out of conv, fc, gemm, gru, lstm, mlp and resnet50, "
                f"got '{family}'"
            )


def _sizes(row: Mapping[str, Any], *names: str) -> list[int]:
    if missing := [name for name in names if name not in row]:
        raise BrError(
            f"expected the sizes {', '.join(names)} of a workload of family "
            f"{row['family']}, got none for {', '.join(missing)}"
        )
    return [int(row[name]) for name in names]
