"""What the recurrent ops share: named sizes, properties and the verifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    Float32Type,
    Float64Type,
    FloatAttr,
    StringAttr,
    TensorType,
    UnitAttr,
    f64,
    i32,
)
from xdsl.ir import Attribute, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    OptResultDef,
    ParsePropInAttrDict,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    opt_result_def,
    prop_def,
    result_def,
    traits_def,
)
from xdsl.rewriter import Rewriter
from xdsl.traits import Pure
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from brdialect.activations import Activation, parse_activation
from brdialect.mistake import BrError

SHAPES: Mapping[str, tuple[str, ...]] = {
    "x": ("T", "N", "C"),
    "w": ("D", "G*K", "C"),
    "r": ("D", "G*K", "K"),
    "bias": ("D", "G*K"),
    "recurrent_bias": ("D", "G*K"),
    "h0": ("D", "N", "K"),
    "c0": ("D", "N", "K"),
    "peepholes": ("D", "3*K"),
    "lengths": ("N",),
    "y": ("T", "N", "D*K"),
    "h": ("D", "N", "K"),
    "c": ("D", "N", "K"),
    "saved": ("D", "T", "N", "S*K"),
}
"""The named sizes of each operand and result; a cell's are those without T and D. The
gradient of any, `dx`, is as large as what it is the gradient of."""

REVERSED: Mapping[str, tuple[bool, ...]] = {
    "forward": (False,),
    "reverse": (True,),
    "bidirectional": (False, True),
}
"""`direction` -> for each of the D directions, whether it walks back in time."""

Option = str | float | bool | Sequence[str] | None
"""A property as Python has it."""

TENSOR = TensorType.constr()


@dataclass(frozen=True)
class Sizes:
    """The named sizes of one op; DYNAMIC_INDEX where the types leave one open."""

    T: int
    N: int
    C: int
    K: int
    D: int
    G: int
    S: int = 0

    def shape(self, dims: Sequence[str]) -> list[int]:
        """`("D", "G*K", "C")` in numbers."""
        return [self._size(dim) for dim in dims]

    def _size(self, dim: str) -> int:
        factors = [
            int(f) if f.isdigit() else int(getattr(self, f)) for f in dim.split("*")
        ]
        return DYNAMIC_INDEX if DYNAMIC_INDEX in factors else prod(factors)


def shape_of(name: str) -> tuple[str, ...]:
    """The named sizes of an operand, a result or the gradient of one."""
    return SHAPES[name if name in SHAPES else name.removeprefix("d")]


def _tensor(value: SSAValue) -> TensorType[Attribute]:
    assert isa(value.type, TensorType)
    return value.type


def _text(sizes: Iterable[int | str]) -> str:
    words = ("?" if size == DYNAMIC_INDEX else str(size) for size in sizes)
    return f"[{', '.join(words)}]"


def _property(value: Option) -> Attribute | None:
    match value:
        case None | False:
            return None
        case True:
            return UnitAttr()
        case str():
            return StringAttr(value)
        case int() | float():
            return FloatAttr(float(value), f64)
        case _:
            return ArrayAttr(StringAttr(word) for word in value)


class RecurrentOp(IRDLOperation):
    """What all of them share: the operands of a cell with one state."""

    GATES: ClassVar[str] = ""
    """One letter for each gate, in ONNX's order."""

    ACTIVATIONS: ClassVar[tuple[str, ...]] = ()
    """The default activations of one direction: f, g, h."""

    STATES: ClassVar[tuple[str, ...]] = ("h0",)
    """The operands that are states before the first step."""

    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    r = operand_def(TENSOR)
    bias = opt_operand_def(TENSOR)
    recurrent_bias = opt_operand_def(TENSOR)
    h0 = opt_operand_def(TENSOR)
    activations = opt_prop_def(ArrayAttr[StringAttr])
    clip = opt_prop_def(FloatAttr)

    irdl_options = (ParsePropInAttrDict(), AttrSizedOperandSegments(as_property=True))
    traits = traits_def(Pure())

    def __init__(
        self,
        x: SSAValue,
        w: SSAValue,
        r: SSAValue,
        options: Mapping[str, Option] | None = None,
        saves: bool = False,
        /,
        **optional: SSAValue | None,
    ):
        """`optional` are the further operands, by name; `saves` asks for the results
        that may be left out."""
        definition = self.get_irdl_definition()
        named = {"x": x, "w": w, "r": r, **optional}
        operands = [named.pop(name, None) for name, _ in definition.operands]
        if named:
            raise BrError(f"expected operands of {self.name}, got {', '.join(named)}")
        properties = {k: _property(v) for k, v in (options or {}).items()}
        super().__init__(
            operands=operands,
            # what they are follows from the operands once these have names
            result_types=[
                None if isinstance(d, OptResultDef) and not saves else x.type
                for _, d in definition.results
            ],
            properties=properties,
        )
        self.infer_result_types()

    def infer_result_types(self) -> None:
        """Gives the results the types that follow from the operands'."""
        element = _tensor(self.x).element_type
        results = [(n, v) for n, v in self.tensors() if v.owner is self]
        for name, result in results:
            shape = self.sizes.shape(self.dims(name))
            Rewriter.replace_value_with_new_type(result, TensorType(element, shape))

    @property
    def directions(self) -> tuple[bool, ...]:
        """For each of the D directions, whether it walks back in time."""
        return (False,)

    @property
    def gate_order(self) -> str:
        """The letters of the gates as they lie in w, r and the biases."""
        gates = self.properties.get("gates")
        return gates.data if isinstance(gates, StringAttr) else self.GATES

    def activation(self, direction: int, which: int) -> Activation:
        """Function f, g or h (`which` = 0, 1, 2) of a direction."""
        if self.activations is None:
            return parse_activation(self.ACTIVATIONS[which])
        first = direction * len(self.ACTIVATIONS)
        if len(self.activations) == len(self.ACTIVATIONS):
            first = 0
        return parse_activation(self.activations.data[first + which].data)

    def saves_result(self, direction: int, which: int) -> bool:
        """Whether what is saved of a gate with function f or g (`which` = 0, 1) is the
        function's result; else it is what is added up for the gate."""
        activation = self.activation(direction, which)
        return self.clip_value is None and activation.gives_slope

    @property
    def saved_parts(self) -> int:
        """S: how many numbers of each unit a step saves for the gradients. Those are
        the gates, as `saves_result` says; with `linear_before_reset` R h' of the
        candidate; the states before the step, but for h."""
        apart = "linear_before_reset" in self.properties
        return len(self.GATES) + apart + len(self.STATES) - 1

    @property
    def clip_value(self) -> float | None:
        """What bounds the arguments of f and g: [-clip, clip]."""
        return None if self.clip is None else self.clip.value.data

    def dims(self, name: str) -> tuple[str, ...]:
        """The named sizes of an operand or result."""
        dims = (d.removeprefix("D*") for d in shape_of(name) if d not in ("T", "D"))
        return tuple(dims)

    def tensors(self) -> Iterator[tuple[str, SSAValue]]:
        """The operands that are there, then the results, by name."""
        definition = self.get_irdl_definition()
        for name, _ in (*definition.operands, *definition.results):
            value = getattr(self, name)
            if isinstance(value, SSAValue):
                yield name, value

    @property
    def sizes(self) -> Sizes:
        """What the operands' types say; where they differ, what the first says."""
        known: dict[str, int] = {}
        for name, value in self.tensors():
            if value.owner is self:
                continue
            for dim, size in zip(
                self.dims(name), _tensor(value).get_shape(), strict=False
            ):
                if size != DYNAMIC_INDEX:
                    known.setdefault(dim, size)
        known |= {"D": len(self.directions), "G": len(self.GATES)}
        known["S"] = self.saved_parts
        return Sizes(**{d: known.get(d, DYNAMIC_INDEX) for d in "TNCKDGS"})

    def verify_(self) -> None:
        self._verify_types()
        self._verify_sizes()
        gates, order = self.GATES, self.gate_order
        if sorted(order) != sorted(gates):
            raise VerifyException(
                f'expected gates to be an order of "{gates}", got "{order}"'
            )
        if self.clip_value is not None and not self.clip_value > 0:
            raise VerifyException(
                f"expected clip greater than 0, got {self.clip_value}"
            )
        self._verify_activations()

    def _verify_types(self) -> None:
        element = _tensor(self.x).element_type
        if not isinstance(element, Float32Type | Float64Type):
            raise VerifyException(f"expected x of f32 or f64, got {self.x.type}")
        for name, value in self.tensors():
            want = i32 if name == "lengths" else element
            if _tensor(value).element_type != want:
                raise VerifyException(f"expected {name} of {want}, got {value.type}")
            dims = self.dims(name)
            if _tensor(value).get_num_dims() != len(dims):
                raise VerifyException(
                    f"expected {name} as {_text(dims)}, got {value.type}"
                )

    def _verify_sizes(self) -> None:
        sizes = self.sizes
        for name in ("C", "K"):
            if getattr(sizes, name) < 1:
                raise VerifyException(
                    f"expected a static {name} of at least 1, got x: {self.x.type}, "
                    f"w: {self.w.type}, r: {self.r.type}"
                )
        for name, value in self.tensors():
            got, dims = _tensor(value).get_shape(), self.dims(name)
            want = sizes.shape(dims)
            if any(
                DYNAMIC_INDEX not in (x, y) and x != y
                for x, y in zip(got, want, strict=True)
            ):
                gates = "" if sizes.G == 1 else f"{sizes.G}*"
                named = _text(dim.replace("G*", gates) for dim in dims)
                raise VerifyException(
                    f"expected {name} as {named} = {_text(want)}, got {_text(got)}"
                )

    def _verify_activations(self) -> None:
        each = len(self.ACTIVATIONS)
        counts = sorted({each, each * len(self.directions)})
        if self.activations is None:
            return
        if len(self.activations) not in counts:
            raise VerifyException(
                f"expected {', '.join('fgh'[:each])} of each direction as activations, "
                f"{' or '.join(map(str, counts))}, got {len(self.activations)}"
            )
        for text in self.activations:
            try:
                parse_activation(text.data)
            except BrError as e:
                raise VerifyException(str(e)) from e


class LayerOp(RecurrentOp):
    """What the ops over a sequence share, those with one state and their gradients."""

    # named again, since xDSL puts inherited operands and results behind others
    x = operand_def(TENSOR)
    w = operand_def(TENSOR)
    r = operand_def(TENSOR)
    bias = opt_operand_def(TENSOR)
    recurrent_bias = opt_operand_def(TENSOR)
    h0 = opt_operand_def(TENSOR)
    lengths = opt_operand_def(TENSOR)
    direction = prop_def(StringAttr, default_value=StringAttr("forward"))
    batch_first = opt_prop_def(UnitAttr)

    @property
    def directions(self) -> tuple[bool, ...]:
        return REVERSED.get(self.direction.data, (False,))

    def dims(self, name: str) -> tuple[str, ...]:
        dims = shape_of(name)
        if dims[0] == "T" and self.batch_first is not None:
            return (dims[1], dims[0], *dims[2:])
        return dims

    def verify_(self) -> None:
        if self.direction.data not in REVERSED:
            raise VerifyException(
                f"expected direction to be one of {', '.join(REVERSED)}, got "
                f"{self.direction.data}"
            )
        super().verify_()


class SequenceOp(LayerOp):
    """What the layers share. As it stands: one with one state."""

    y = result_def(TENSOR)
    h = result_def(TENSOR)
    saved = opt_result_def(TENSOR)
