"""What is timed, as data: sizes, plain-layout inputs, operations and bytes.

Plain layouts: images [n, c, h, w], weights of a convolution [k, c / groups, r, s],
those of a linear layer [k, c], matrices row-major, a recurrent layer's as `br.lstm` and
`br.gru` take them. Everything is f32.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from brdialect.arrays import Array
from brdialect.recurrent_ops import GruOp, LstmOp
from frontends.resnet50 import ResNet50

Shape = tuple[int, ...]
Cell = Literal["lstm", "gru"]

WINDOWS = (
    "windows of 3x3 may take 16 products for 36, but with BR_EXACT=1 (docs/windows.md)"
)
FIRST_STEP = "the first of t steps has no product with its state, which is 0"


class Workload(ABC):
    """One row of a table."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique in a table."""

    @property
    @abstractmethod
    def flops(self) -> int:
        """Floating-point operations: two for each multiplication with its addition."""

    @abstractmethod
    def shapes(self) -> dict[str, Shape]:
        """Inputs by name. The first one changes from call to call, and so do those
        that `weights` does not name."""

    @property
    @abstractmethod
    def results(self) -> dict[str, Shape]:
        """What is computed, by name."""

    @property
    def sensitive(self) -> list[str]:
        """The results that rounding can change much, in few elements."""
        return []

    @property
    def spared(self) -> str | None:
        """Which of the products that `flops` counts this compiler may leave out."""
        return None

    @property
    def weights(self) -> list[str]:
        """The inputs that are known when a model is loaded."""
        return list(self.shapes())[1:]

    @property
    def bytes(self) -> int:
        """What must move at least once: inputs and result."""
        moved = (*self.shapes().values(), *self.results.values())
        return 4 * sum(math.prod(s) for s in moved)

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        """Random inputs with which results stay near 1."""
        random = np.random.default_rng(seed)
        weights = self.weights
        return {
            name: _normal(shape, random, name in weights)
            for name, shape in self.shapes().items()
        }


class Forward(Workload):
    """A layer or network from its inputs to its one result."""

    @property
    @abstractmethod
    def result(self) -> Shape:
        """The shape of what is computed."""

    @property
    def results(self) -> dict[str, Shape]:
        return {"y": self.result}


def _normal(shape: Shape, random: np.random.Generator, weight: bool) -> Array:
    scale = math.prod(shape[1:]) ** -0.5 if weight and len(shape) > 1 else 1.0
    return random.standard_normal(shape, dtype=np.float32) * np.float32(scale)


@dataclass(frozen=True)
class Convolution(Forward):
    """Sizes by benchdnn's names, but dilations count from 1 (a dense window)."""

    label: str
    mb: int
    ic: int
    ih: int
    iw: int
    oc: int
    kh: int
    kw: int
    sh: int = 1
    sw: int = 1
    ph: int = 0
    pw: int = 0
    dh: int = 1
    dw: int = 1
    g: int = 1

    @property
    def name(self) -> str:
        return self.label

    @property
    def oh(self) -> int:
        """The result's height."""
        return (self.ih + 2 * self.ph - (self.kh - 1) * self.dh - 1) // self.sh + 1

    @property
    def ow(self) -> int:
        """The result's width."""
        return (self.iw + 2 * self.pw - (self.kw - 1) * self.dw - 1) // self.sw + 1

    @property
    def flops(self) -> int:
        window = self.ic // self.g * self.kh * self.kw
        return 2 * math.prod(self.result) * window

    @property
    def spared(self) -> str | None:
        return WINDOWS if self.kh == self.kw == 3 and self.sh == self.sw == 1 else None

    def shapes(self) -> dict[str, Shape]:
        return {
            "x": (self.mb, self.ic, self.ih, self.iw),
            "w": (self.oc, self.ic // self.g, self.kh, self.kw),
        }

    @property
    def result(self) -> Shape:
        return (self.mb, self.oc, self.oh, self.ow)


@dataclass(frozen=True)
class FullyConnected(Forward):
    """x [n, c] times the transpose of w [k, c]."""

    n: int
    c: int
    k: int

    @property
    def name(self) -> str:
        return f"fc n{self.n} c{self.c} k{self.k}"

    @property
    def flops(self) -> int:
        return 2 * self.n * self.c * self.k

    def shapes(self) -> dict[str, Shape]:
        return {"x": (self.n, self.c), "w": (self.k, self.c)}

    @property
    def result(self) -> Shape:
        return (self.n, self.k)


@dataclass(frozen=True)
class Gemm(Forward):
    """a [m, k] times b [k, n], neither known before the call."""

    m: int
    n: int
    k: int

    @property
    def name(self) -> str:
        return f"gemm {self.m}x{self.n}x{self.k}"

    @property
    def flops(self) -> int:
        return 2 * self.m * self.n * self.k

    def shapes(self) -> dict[str, Shape]:
        return {"a": (self.m, self.k), "b": (self.k, self.n)}

    @property
    def result(self) -> Shape:
        return (self.m, self.n)

    @property
    def weights(self) -> list[str]:
        return []


@dataclass(frozen=True)
class Mlp(Forward):
    """Linear layers [c, c] with bias and ReLU, one after another."""

    n: int
    c: int
    layers: int

    @property
    def name(self) -> str:
        return f"mlp{self.layers} n{self.n} c{self.c}"

    @property
    def flops(self) -> int:
        return 2 * self.n * self.c * self.c * self.layers

    def shapes(self) -> dict[str, Shape]:
        shapes: dict[str, Shape] = {"x": (self.n, self.c)}
        for i in range(self.layers):
            shapes |= {f"w{i}": (self.c, self.c), f"b{i}": (self.c,)}
        return shapes

    @property
    def result(self) -> Shape:
        return (self.n, self.c)


@dataclass(frozen=True)
class Recurrent(Forward):
    """A layer over a sequence: x [t, n, c] to all hidden states y [t, n, k], from
    states of 0. A GRU is `linear_before_reset`, the one that PyTorch has and that every
    library can be asked for."""

    cell: Cell
    n: int
    c: int
    k: int
    t: int

    @property
    def name(self) -> str:
        return f"{self.cell} n{self.n} c{self.c} k{self.k} t{self.t}"

    @property
    def gates(self) -> str:
        """One letter for each, in the order in which they stand in w, r and biases."""
        return LstmOp.GATES if self.cell == "lstm" else GruOp.GATES

    @property
    def flops(self) -> int:
        """Of the products alone, not of what is done element by element."""
        return 2 * self.t * self.n * (self.c + self.k) * len(self.gates) * self.k

    @property
    def spared(self) -> str | None:
        return FIRST_STEP

    def shapes(self) -> dict[str, Shape]:
        rows = len(self.gates) * self.k
        return {
            "x": (self.t, self.n, self.c),
            "w": (1, rows, self.c),
            "r": (1, rows, self.k),
            "b": (1, rows),
            "rb": (1, rows),
        }

    @property
    def result(self) -> Shape:
        return (self.t, self.n, self.k)

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        """Weights as PyTorch draws them: within 1 / sqrt(k)."""
        random = np.random.default_rng(seed)
        bound = self.k**-0.5
        x, *weights = self.shapes().items()
        drawn = {
            name: random.uniform(-bound, bound, shape).astype(np.float32)
            for name, shape in weights
        }
        return {x[0]: _normal(x[1], random, weight=False), **drawn}

    def reordered(self, weight: Array, gates: str, back: bool = False) -> Array:
        """A weight or bias [1, g*k, ...] with its gates in another order; or `back`
        from that one."""
        blocks = weight.reshape(len(self.gates), self.k, *weight.shape[2:])
        given, wanted = (gates, self.gates) if back else (self.gates, gates)
        order = [given.index(gate) for gate in wanted]
        return np.ascontiguousarray(blocks[order]).reshape(weight.shape)


@dataclass(frozen=True)
class RecurrentStack(Forward):
    """Recurrent layers, each over all hidden states of the one before."""

    layer: Recurrent
    """Each of them: c and k are equal."""

    layers: int

    @property
    def name(self) -> str:
        layer = self.layer
        return f"{layer.cell}{self.layers} n{layer.n} c{layer.c} t{layer.t}"

    @property
    def flops(self) -> int:
        return self.layer.flops * self.layers

    @property
    def spared(self) -> str | None:
        return FIRST_STEP

    def shapes(self) -> dict[str, Shape]:
        x, *weights = self.layer.shapes().items()
        numbered = [(f"{n}{i}", s) for i in range(self.layers) for n, s in weights]
        return dict([x, *numbered])

    @property
    def result(self) -> Shape:
        return self.layer.result

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        drawn = [self.layer.inputs(seed + i) for i in range(self.layers)]
        own = {f"{n}{i}": a for i, d in enumerate(drawn) for n, a in d.items()}
        return {"x": drawn[0]["x"], **{n: own[n] for n in self.weights}}


@dataclass(frozen=True)
class DepthwiseBlock(Forward):
    """MobileNet's block: a 3x3 convolution of each channel by itself, then a 1x1
    convolution; each with a bias and ReLU6."""

    mb: int
    c: int
    k: int
    size: int
    stride: int

    @property
    def name(self) -> str:
        return f"dw{self.c} s{self.stride} pw{self.k} {self.size}x{self.size}"

    @property
    def out_size(self) -> int:
        """Height and width of the result."""
        return (self.size - 1) // self.stride + 1

    @property
    def flops(self) -> int:
        return 2 * self.mb * self.out_size**2 * self.c * (9 + self.k)

    def shapes(self) -> dict[str, Shape]:
        return {
            "x": (self.mb, self.c, self.size, self.size),
            "w0": (self.c, 1, 3, 3),
            "b0": (self.c,),
            "w1": (self.k, self.c, 1, 1),
            "b1": (self.k,),
        }

    @property
    def result(self) -> Shape:
        return (self.mb, self.k, self.out_size, self.out_size)


@dataclass(frozen=True)
class WholeResNet50(Forward):
    """The network from image to logits, 4.09 billion multiplications an image."""

    network: ResNet50

    @property
    def name(self) -> str:
        return f"resnet50 n{self.network.batch}"

    @property
    def flops(self) -> int:
        return self.network.flops

    @property
    def spared(self) -> str | None:
        return WINDOWS

    def shapes(self) -> dict[str, Shape]:
        return {"x": self.network.input_shape, **self.network.parameter_shapes()}

    @property
    def result(self) -> Shape:
        return (self.network.batch, self.network.classes)

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        random = np.random.default_rng(seed)
        image = random.standard_normal(self.network.input_shape, dtype=np.float32)
        return {"x": image, **self.network.random_parameters(seed)}
