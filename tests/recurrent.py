"""Recurrent layers to test: their program, arguments, and what a plain loop in Python
over single numbers makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brdialect.recurrent import SHAPES, Option, Sizes

Array = np.ndarray[Any, np.dtype[Any]]

GATES = {"lstm": "iofc", "gru": "zrh", "rnn": "i"}
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "lstm": ("sigmoid", "tanh", "tanh"),
    "gru": ("sigmoid", "tanh"),
    "rnn": ("tanh",),
}
CLAUSES = ("bias", "recurrent_bias", "initial", "peepholes", "lengths")


@dataclass(frozen=True)
class Layer:
    """One op and its sizes. `has` names clauses of the op: bias, initial ..."""

    kind: str
    steps: int = 2
    batch: int = 3
    inputs: int = 5
    hidden: int = 7
    has: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    cell: bool = False
    element: str = "f32"

    def __str__(self) -> str:
        sizes = f"{self.steps}x{self.batch}x{self.inputs}x{self.hidden}"
        options = [f"{k}={v}" for k, v in self.options.items()]
        name = self.kind + "_cell" * self.cell
        return " ".join([name, sizes, *self.has, *options]).replace("'", "")

    @property
    def directions(self) -> int:
        return 1 + (self.options.get("direction") == "bidirectional")

    @property
    def states(self) -> list[str]:
        return ["h", "c"] if self.kind == "lstm" else ["h"]

    def shape(self, name: str) -> list[int]:
        """Of an operand or result."""
        gates = len(GATES[self.kind])
        dims = SHAPES[name]
        if self.cell:
            dims = tuple(d for d in dims if d not in ("T", "D"))
        elif self.options.get("batch_first") and dims[0] == "T":
            dims = (dims[1], dims[0], *dims[2:])
        sizes = Sizes(
            self.steps, self.batch, self.inputs, self.hidden, self.directions, gates
        )
        return sizes.shape(dims)

    @property
    def operands(self) -> list[str]:
        """The names of those that this layer has."""
        initial = [f"{state}0" for state in self.states]
        clauses = [c for c in CLAUSES if c in self.has]
        names = [initial if c == "initial" else [c] for c in clauses]
        return ["x", "w", "r", *(name for each in names for name in each)]

    @property
    def results(self) -> list[str]:
        return [*([] if self.cell else ["y"]), *self.states]

    def type_of(self, name: str, open_sizes: bool = False) -> str:
        """As MLIR text; T and N stay open with `open_sizes`."""
        element = "i32" if name == "lengths" else self.element
        sizes = [str(n) for n in self.shape(name)]
        if open_sizes and name in ("x", "y"):
            sizes[:2] = "??"
        if open_sizes and name in ("h0", "c0", "h", "c"):
            sizes[1] = "?"
        if open_sizes and name == "lengths":
            sizes = ["?"]
        return f"tensor<{'x'.join([*sizes, element])}>"

    def program(self, open_sizes: bool = False) -> str:
        """A function @main whose arguments are the op's operands."""

        def group(names: Sequence[str]) -> str:
            types = ", ".join(self.type_of(name, open_sizes) for name in names)
            return f"({', '.join('%' + name for name in names)} : {types})"

        arguments = ", ".join(
            f"%{name}: {self.type_of(name, open_sizes)}" for name in self.operands
        )
        results = ", ".join(self.type_of(name, open_sizes) for name in self.results)
        names = ", ".join(f"%{name}" for name in self.results)
        clauses = ["ins" + group(["x", "w", "r"])]
        for clause in CLAUSES:
            if clause == "initial" and clause in self.has:
                clauses.append(clause + group([f"{state}0" for state in self.states]))
            elif clause in self.has:
                clauses.append(clause + group([clause]))
        return f"""
func.func @main({arguments}) -> ({results}) {{
  {names} = br.{self.kind}{"_cell" * self.cell} {" ".join(clauses)}
    {{{", ".join(map(_attribute, self.options.items()))}}} -> {
            f"({results})" if len(self.results) > 1 else results
        }
  return {names} : {results}
}}
"""

    def arguments(self, seed: int = 0) -> list[Array]:
        """Random ones; the lengths hold 0 and T."""
        random = np.random.default_rng(seed)
        dtype = np.float32 if self.element == "f32" else np.float64
        found: list[Array] = []
        for name in self.operands:
            shape = self.shape(name)
            if name == "lengths":
                lengths = random.integers(0, self.steps + 1, shape, np.int32)
                lengths[:2] = (0, self.steps)[: len(lengths)]
                found.append(lengths)
            else:
                scale = 2 / math.sqrt(shape[-1]) if name in ("w", "r") else 1
                found.append(random.uniform(-scale, scale, shape).astype(dtype))
        return found


def _attribute(option: tuple[str, Option]) -> str:
    match option:
        case name, True:
            return name
        case name, str(text):
            return f'{name} = "{text}"'
        case name, float(number):
            return f"{name} = {number} : f64"
        case name, words:
            assert isinstance(words, Sequence)
            quoted = (f'"{word}"' for word in words)
            return f"{name} = [{', '.join(quoted)}]"


def function(text: str, x: float) -> float:
    """An activation with all its parameters, of one number."""
    name, _, rest = text.partition("(")
    a, b, *_ = [*map(float, filter(None, rest.rstrip(")").split(","))), 0.0, 0.0]
    return {
        "sigmoid": lambda: 1 / (1 + math.exp(-x)),
        "tanh": lambda: math.tanh(x),
        "relu": lambda: max(x, 0.0),
        "affine": lambda: a * x + b,
        "leaky_relu": lambda: x if x >= 0 else a * x,
        "thresholded_relu": lambda: x if x >= a else 0.0,
        "scaled_tanh": lambda: a * math.tanh(b * x),
        "hard_sigmoid": lambda: min(max(a * x + b, 0.0), 1.0),
        "elu": lambda: x if x >= 0 else a * (math.exp(x) - 1),
        "softsign": lambda: x / (1 + abs(x)),
        "softplus": lambda: math.log(1 + math.exp(x)),
    }[name]()


def by_hand(layer: Layer, arguments: Sequence[Array]) -> list[Array]:
    """The results, number by number."""
    given = {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array
        for name, array in zip(layer.operands, arguments, strict=True)
    }
    if layer.cell:
        given = {name: array[np.newaxis] for name, array in given.items()}
    if layer.options.get("batch_first"):
        given["x"] = given["x"].swapaxes(0, 1)
    steps, batch, hidden = len(given["x"]), layer.batch, layer.hidden
    y = np.zeros((steps, batch, layer.directions * hidden))
    finals = np.zeros((len(layer.states), layer.directions, batch, hidden))
    for d in range(layer.directions):
        back = d == 1 or layer.options.get("direction") == "reverse"
        for n in range(batch):
            length = int(given["lengths"][n]) if "lengths" in given else steps
            state = [
                list(given[f"{s}0"][d, n]) if f"{s}0" in given else [0.0] * hidden
                for s in layer.states
            ]
            for t in reversed(range(length)) if back else range(length):
                state = _step(layer, given, d, given["x"][t, n], state)
                y[t, n, d * hidden : (d + 1) * hidden] = state[0]
            finals[:, d, n] = state
    if layer.cell:
        return [final[0] for final in finals]
    if layer.options.get("batch_first"):
        y = y.swapaxes(0, 1)
    return [y, *finals]


def _step(
    layer: Layer, given: Mapping[str, Array], d: int, x: Array, state: list[list[float]]
) -> list[list[float]]:
    order = str(layer.options.get("gates", GATES[layer.kind]))
    names = layer.options.get("activations") or FUNCTIONS[layer.kind]
    assert isinstance(names, Sequence)
    count = len(FUNCTIONS[layer.kind])
    names = names[d * count :] if len(names) > count else names
    clip = layer.options.get("clip")
    hidden = layer.hidden
    h = state[0]

    def bounded(which: int, total: float) -> float:
        if isinstance(clip, float):
            total = min(max(total, -clip), clip)
        return function(names[which], total)

    def term(
        weights: str, bias: str, gate: str, k: int, vector: Sequence[float] | Array
    ):
        row = order.index(gate) * hidden + k
        total = float(given[bias][d, row]) if bias in given else 0.0
        for i in range(len(vector)):
            total += float(given[weights][d, row, i]) * float(vector[i])
        return total

    def w(gate: str, k: int) -> float:
        return term("w", "bias", gate, k, x)

    def r(gate: str, k: int, vector: Sequence[float] = h) -> float:
        return term("r", "recurrent_bias", gate, k, vector)

    def p(gate: str, k: int) -> float:
        row = "iof".index(gate) * hidden + k
        return float(given["peepholes"][d, row]) if "peepholes" in given else 0.0

    if layer.kind == "rnn":
        return [[bounded(0, w("i", k) + r("i", k)) for k in range(hidden)]]
    if layer.kind == "gru":
        z = [bounded(0, w("z", k) + r("z", k)) for k in range(hidden)]
        reset = [bounded(0, w("r", k) + r("r", k)) for k in range(hidden)]
        if layer.options.get("linear_before_reset"):
            from_h = [reset[k] * r("h", k) for k in range(hidden)]
        else:
            kept = [reset[k] * h[k] for k in range(hidden)]
            from_h = [r("h", k, kept) for k in range(hidden)]
        new = [bounded(1, w("h", k) + from_h[k]) for k in range(hidden)]
        return [[(1 - z[k]) * new[k] + z[k] * h[k] for k in range(hidden)]]
    after: list[list[float]] = [[], []]
    for k in range(hidden):
        old = state[1][k]
        i = bounded(0, w("i", k) + r("i", k) + p("i", k) * old)
        f = bounded(0, w("f", k) + r("f", k) + p("f", k) * old)
        if layer.options.get("input_forget"):
            f = 1 - i
        c = f * old + i * bounded(1, w("c", k) + r("c", k))
        o = bounded(0, w("o", k) + r("o", k) + p("o", k) * c)
        after[0].append(o * function(names[2], c))
        after[1].append(c)
    return after


ACTIVATIONS = (
    *("sigmoid", "tanh", "relu", "affine(0.5, 0.1)", "leaky_relu(0.2)"),
    *("thresholded_relu(0.3)", "scaled_tanh(1.2, 0.5)", "hard_sigmoid(0.3, 0.4)"),
    *("elu(0.7)", "softsign", "softplus"),
)
BIASES = ("bias", "recurrent_bias")
ALL_OF = {
    "lstm": (
        (*BIASES, "initial", "peepholes", "lengths"),
        {"gates": "ifco", "clip": 0.6, "input_forget": True},
    ),
    "gru": (
        (*BIASES, "initial", "lengths"),
        {"gates": "rzh", "clip": 0.6, "linear_before_reset": True},
    ),
    "rnn": ((*BIASES, "initial", "lengths"), {"clip": 0.6}),
}


def layers() -> list[Layer]:
    """Each option alone, and all together, on sizes that divide nothing."""
    found: list[Layer] = []
    for kind, (has, options) in ALL_OF.items():
        found += [Layer(kind, steps) for steps in (0, 1, 2, 37)]
        found += [Layer(kind, 5, has=(clause,)) for clause in has]
        found += [Layer(kind, 5, has=(*BIASES, "initial"))]
        found += [Layer(kind, 5, options={k: v}) for k, v in options.items()]
        for direction in ("reverse", "bidirectional"):
            only = {"direction": direction}
            found += [Layer(kind, steps, options=only) for steps in (0, 1, 5)]
            found += [Layer(kind, 5, has=has, options={**options, **only})]
            found += [
                Layer(
                    kind, 5, has=has, options={**options, **only, "batch_first": True}
                )
            ]
        found += [Layer(kind, options={"batch_first": True})]
        found += [Layer(kind, 5, batch=1), Layer(kind, 5, batch=0)]
        found += [Layer(kind, 2, 1, 1, 1), Layer(kind, 3, 8, 16, 32)]
        cell = tuple(name for name in has if name != "lengths")
        found += [Layer(kind, cell=True)]
        found += [Layer(kind, has=cell, options=options, cell=True)]
        count = len(FUNCTIONS[kind])
        for first in range(len(ACTIVATIONS)):
            names = [ACTIVATIONS[(first + i) % len(ACTIVATIONS)] for i in range(count)]
            found += [Layer(kind, 3, options={"activations": names})]
        found += [
            Layer(
                kind,
                3,
                options={
                    "direction": "bidirectional",
                    "activations": ACTIVATIONS[: 2 * count],
                },
            )
        ]
    for order in ("cofi", "fico"):
        found += [Layer("lstm", has=("peepholes",), options={"gates": order})]
    for order in ("hrz", "zhr"):
        found += [Layer("gru", has=BIASES, options={"gates": order})]
    found += [Layer("gru", 5, has=BIASES, options={"linear_before_reset": True})]
    return found
