"""How an operation that xDSL has already defined is changed in place.

In place, because `isinstance(op, arith.SelectOp)` in xDSL's own rewrites must go on
holding for the repaired operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xdsl.ir import Dialect, Operation
from xdsl.irdl import (
    AttrConstraint,
    IRDLOperation,
    OperandDef,
    OptionalPropertyAccessor,
    OptPropertyDef,
    ResultDef,
)
from xdsl.traits import OpTrait


def constrain(op: type[IRDLOperation], **constraints: AttrConstraint) -> None:
    """Gives the named operands and results of `op` new type constraints."""
    definition = op.get_irdl_definition()
    for i, (name, _) in enumerate(definition.operands):
        if name in constraints:
            definition.operands[i] = (name, OperandDef(constraints[name]))
    for i, (name, _) in enumerate(definition.results):
        if name in constraints:
            definition.results[i] = (name, ResultDef(constraints[name]))


def override(cls: type, **members: Any) -> None:
    """Replaces members of a class that is not ours."""
    for name, member in members.items():
        setattr(cls, name, member)


def verify_with(op: type[IRDLOperation], check: Callable[[Any], None]) -> None:
    """Replaces the hand-written part of the verifier of `op` by `check`."""
    definition = op.get_irdl_definition()

    def verify_(self: IRDLOperation) -> None:
        definition.verify(self)
        check(self)

    override(op, verify_=verify_)


def verify_also(op: type[IRDLOperation], check: Callable[[Any], None]) -> None:
    """Adds `check` to the verifier of `op`."""
    stock = op.verify_

    def verify_(self: IRDLOperation) -> None:
        stock(self)
        check(self)

    override(op, verify_=verify_)


def make_optional(op: type[IRDLOperation], *names: str) -> None:
    """Makes required properties of `op` optional: absent reads as None."""
    properties = op.get_irdl_definition().properties
    for name in names:
        properties[name] = OptPropertyDef(properties[name].constr)
        setattr(op, name, OptionalPropertyAccessor(name, None))


def add_traits(op: type[IRDLOperation], *traits: OpTrait) -> None:
    """Adds traits to `op`."""
    for trait in traits:
        op.traits.add_trait(trait)


def rebind(dialect: Dialect, *ops: type[Operation]) -> None:
    """Puts `ops` into `dialect`, in the place of those of the same name."""
    operations = dialect._operations  # pyright: ignore[reportPrivateUsage]
    names = {op.name for op in ops}
    operations[:] = [op for op in operations if op.name not in names]
    operations.extend(ops)
