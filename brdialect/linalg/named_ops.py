"""Operation classes made from the rows of `table.py`.

linalg.conv_1d_nwc_wcf {strides = dense<2> : vector<1xi64>}
  ins(%x, %w : tensor<1x9x4xf32>, tensor<3x4x8xf32>) outs(%y : tensor<1x4x8xf32>)
  -> tensor<1x4x8xf32>
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DenseIntElementsAttr,
    DenseIntOrFPElementsAttr,
    ShapedType,
)
from xdsl.dialects.linalg.abstract_ops import ElementwiseOperation, NamedOperation
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import Attribute, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineMap
from xdsl.irdl import irdl_op_definition, opt_prop_def, prop_def
from xdsl.parser import Parser
from xdsl.utils.exceptions import VerifyException
from xdsl.utils.hints import isa

from brdialect.linalg.attributes import ElementwiseKindAttr, TypeFnAttr
from brdialect.linalg.bodies import number_of_inputs
from brdialect.linalg.table import ELEMENTWISE, ROWS, Row
from brdialect.repairs.linalg_syntax import body_members


def iterator_types_of(maps: Sequence[AffineMap]) -> ArrayAttr[IteratorTypeAttr]:
    """Parallel for the loops that index the output, the last map."""
    used = maps[-1].used_dims()
    return ArrayAttr(
        IteratorTypeAttr.parallel() if i in used else IteratorTypeAttr.reduction()
        for i in range(maps[-1].num_dims)
    )


def stated_maps(maps: Attribute) -> list[AffineMap]:
    """What stands in an `indexing_maps` attribute."""
    assert isa(maps, ArrayAttr[AffineMapAttr])
    return [m.data for m in maps]


def check_operands(op: NamedOperation, inputs: int) -> None:
    """Counts, and a result exactly on tensors."""
    if len(op.inputs) != inputs or len(op.outputs) != 1:
        raise VerifyException(
            f"expected {inputs} inputs and 1 output, "
            f"got {len(op.inputs)} and {len(op.outputs)}"
        )


class TableOperation(NamedOperation):
    """An operation whose loops are those of `ROW`."""

    ROW: ClassVar[Row]

    def _factors(self, name: str) -> list[int]:
        """The strides or the dilations; 1 where none are stated."""
        stated = self.properties.get(name)
        windows = self.ROW.formula.windows
        if stated is None:
            return [1] * windows
        assert isinstance(stated, DenseIntOrFPElementsAttr)
        values = [int(value) for value in stated.get_values()]
        if len(values) != windows or min(values) < 1:
            raise VerifyException(
                f"expected {windows} of 1 or more for {name}, got {values}"
            )
        return values

    def get_default_indexing_maps(self) -> Sequence[AffineMap]:
        stated = self.properties.get("indexing_maps")
        if stated is not None:
            return stated_maps(stated)
        strides, dilations = self._factors("strides"), self._factors("dilations")
        return self.ROW.formula.maps(strides, dilations)

    def get_iterator_types(self) -> ArrayAttr[IteratorTypeAttr]:
        return iterator_types_of(self.get_default_indexing_maps())

    def verify_(self) -> None:
        check_operands(self, number_of_inputs(self.ROW.body))
        if "indexing_maps" not in self.properties:
            self._check_shapes()
        super().verify_()

    def _check_shapes(self) -> None:
        """One size for each loop, as far as sizes are known."""
        seen: dict[str, tuple[int, str]] = {}
        for i, (operand, words) in enumerate(
            zip(self.operands, self.ROW.formula.operands, strict=True)
        ):
            shape = (
                operand.type.get_shape() if isinstance(operand.type, ShapedType) else ()
            )
            if len(shape) != len(words):
                raise VerifyException(
                    f"expected operand #{i} of rank {len(words)} ({' '.join(words)}), "
                    f"got {operand.type}"
                )
            for axis, (word, size) in enumerate(zip(words, shape, strict=True)):
                if "*" in word or size < 0:
                    continue
                place = f"dimension {axis} of operand #{i}"
                want, where = seen.setdefault(word, (size, place))
                if size != want:
                    raise VerifyException(
                        f"expected {place} ({word}) to be {want} like {where}, "
                        f"got {size}"
                    )


class ContractOperation(NamedOperation):
    """An operation that must state its `indexing_maps`: `linalg.contract`."""

    def get_default_indexing_maps(self) -> Sequence[AffineMap]:
        return stated_maps(self.properties["indexing_maps"])

    def get_iterator_types(self) -> ArrayAttr[IteratorTypeAttr]:
        return iterator_types_of(self.get_default_indexing_maps())

    def verify_(self) -> None:
        check_operands(self, 2)
        for i, map in enumerate(self.get_default_indexing_maps()):
            if not all(isinstance(e, AffineDimExpr) for e in map.results):
                raise VerifyException(
                    f"expected indexing map #{i} to be a projected permutation, "
                    f"got {map}"
                )
        super().verify_()


class ElementwiseTableOperation(ElementwiseOperation):
    """Operands of one shape, the element's body by `BODY`."""

    BODY: ClassVar[str]

    def verify_(self) -> None:
        check_operands(self, number_of_inputs(self.BODY))
        super().verify_()


@irdl_op_definition
class ElementwiseOp(NamedOperation):
    """`linalg.elementwise kind=#linalg.elementwise_kind<add> ins(...) outs(...)`"""

    name = "linalg.elementwise"
    kind = prop_def(ElementwiseKindAttr)
    indexing_maps = opt_prop_def(ArrayAttr[AffineMapAttr])

    @classmethod
    def body_kind(cls, stated: dict[str, Attribute]) -> str | None:
        """The body's kind; None where none is stated."""
        kind = stated.get("kind")
        return kind.data if isinstance(kind, ElementwiseKindAttr) else None

    @classmethod
    def get_hidden_region(
        cls, inputs: Sequence[SSAValue], outputs: Sequence[SSAValue]
    ) -> Any:
        raise NotImplementedError("the body depends on the operation's kind")

    @classmethod
    def parse(cls, parser: Parser) -> ElementwiseOp:
        op = super().parse(parser)
        maps = ArrayAttr(AffineMapAttr(m) for m in op.get_default_indexing_maps())
        # upstream's generic form has them even where its custom form leaves them out
        op.properties.setdefault("indexing_maps", maps)
        return op

    def get_default_indexing_maps(self) -> Sequence[AffineMap]:
        if self.indexing_maps is not None:
            return [m.data for m in self.indexing_maps]
        output = self.outputs[0].type
        rank = len(output.get_shape()) if isinstance(output, ShapedType) else 0
        return [AffineMap.identity(rank)] * len(self.operands)

    def get_iterator_types(self) -> ArrayAttr[IteratorTypeAttr]:
        loops = self.get_default_indexing_maps()[0].num_dims
        return ArrayAttr([IteratorTypeAttr.parallel()] * loops)

    def verify_(self) -> None:
        check_operands(self, number_of_inputs(self.kind.data))
        super().verify_()


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_")) + "Op"


def _define(name: str, base: type[NamedOperation], body: str, **members: Any) -> Any:
    """The operation class `linalg.NAME`."""
    members |= {"name": f"linalg.{name}", "__module__": __name__}
    # xDSL takes an upper-case member for a constant only where it is annotated so
    constants = {key: ClassVar[Any] for key in members if key.isupper()}
    members |= {**body_members(body), "__annotations__": constants}
    cls = type(_class_name(name), (base,), members)
    return irdl_op_definition(cls)


def _from_row(row: Row) -> Any:
    members: dict[str, Any] = {"ROW": row, "__doc__": f"`{row.formula.text}`"}
    if row.strided:
        members["strides"] = opt_prop_def(DenseIntElementsAttr)
        members["dilations"] = opt_prop_def(DenseIntElementsAttr)
    if row.custom_maps:
        members["indexing_maps"] = opt_prop_def(ArrayAttr[AffineMapAttr])
    if row.body == "mul_add":
        members["cast"] = opt_prop_def(TypeFnAttr)
    return _define(row.name, TableOperation, row.body, **members)


ContractOp = _define(
    "contract",
    ContractOperation,
    "mul_add",
    indexing_maps=prop_def(ArrayAttr[AffineMapAttr]),
    cast=opt_prop_def(TypeFnAttr),
    __doc__="`C += A * B` with the indices that the maps say.",
)
NAMED_OPS: tuple[type[NamedOperation], ...] = (
    *(_from_row(row) for row in ROWS.values()),
    *(_define(n, ElementwiseTableOperation, n, BODY=n) for n in ELEMENTWISE),
    ContractOp,
    ElementwiseOp,
)
"""Every operation that this module adds to the linalg dialect."""
