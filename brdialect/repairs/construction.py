"""Making operations: a third of the time that lowering takes goes into their
constructors, half of it into what xDSL 0.74 works out anew for each of them.

Nothing here changes what an operation is.
"""

# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import xdsl.irdl.operations as stock
from xdsl.dialects.builtin import UNKNOWN_LOC, LocationAttr
from xdsl.ir import Attribute, Block, Operation, OpResult, Region, SSAValue, Use
from xdsl.ir.core import SSAValues
from xdsl.irdl import IRDLOperation, OptionalDef

from brdialect.repairs.opdef import override

_arguments_of_any_form: Callable[..., tuple[list[Any], list[int]]] = (
    stock.irdl_build_arg_list
)
_Defaults = list[tuple[str, Attribute]]


def _arguments(
    construct: Any, args: Sequence[Any], definitions: Sequence[Any], prefix: str = ""
) -> tuple[list[Any], list[int]]:
    """One argument for each definition, as nearly all operations have, is what it is:
    no need to ask each whether it is a sequence, which is an abstract class."""
    single = (SSAValue, Attribute, Region, Block)
    if len(args) == len(definitions) and all(isinstance(a, single) for a in args):
        return list(args), [1] * len(args)
    return _arguments_of_any_form(construct, args, definitions, prefix)


@cache
def _defaults(cls: type[IRDLOperation]) -> tuple[_Defaults, _Defaults]:
    """The default properties and attributes of a class of operations."""
    definition = cls.get_irdl_definition()
    properties, attributes = (
        [
            (name, known.default_value)
            for name, known in definitions.items()
            if not isinstance(known, OptionalDef) and known.default_value is not None
        ]
        for definitions in (definition.properties, definition.attributes)
    )
    return properties, attributes


def _post_init(self: IRDLOperation) -> None:
    properties, attributes = _defaults(type(self))
    for name, default in properties:
        self.properties.setdefault(name, default)
    for name, default in attributes:
        self.attributes.setdefault(name, default)
    Operation.__post_init__(self)


def _init(
    self: Operation,
    *,
    operands: Sequence[SSAValue] = (),
    result_types: Sequence[Attribute] = (),
    properties: Mapping[str, Attribute] | None = None,
    attributes: Mapping[str, Attribute] | None = None,
    location: LocationAttr | None = None,
    successors: Sequence[Block] = (),
    regions: Sequence[Region] = (),
) -> None:
    self._operands = SSAValues(operands)
    self._operand_uses = tuple([Use(self, i) for i in range(len(self._operands))])
    for operand, use in zip(self._operands, self._operand_uses, strict=True):
        operand.add_use(use)
    self.results = SSAValues([OpResult(t, self, i) for i, t in enumerate(result_types)])
    self.properties = dict(properties or {})
    self.attributes = dict(attributes or {})
    self.location = UNKNOWN_LOC if location is None else location
    if successors:
        self.successors = successors
    self.regions = ()
    for region in regions:
        self.add_region(region)
    self.__post_init__()


def repair_construction() -> None:
    """Makes the constructors of all operations faster."""
    stock.irdl_build_arg_list = _arguments
    override(IRDLOperation, __post_init__=_post_init)
    override(Operation, __init__=_init)
