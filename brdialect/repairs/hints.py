"""Type hints: what `isa(x, ArrayAttr[IntAttr])` checks is worked out once.

xDSL 0.74 builds the constraint behind a hint anew for each shape of a memref and each
dense constant that it reads: a tenth of the time of both.
"""

from __future__ import annotations

from functools import cache
from typing import Any, get_origin

import xdsl.irdl
import xdsl.irdl.attributes
from xdsl.ir import Attribute
from xdsl.irdl import AttrConstraint

_stock = xdsl.irdl.irdl_to_attr_constraint
_remembered = cache(_stock)


def _constraint_of(hint: Any, *, allow_type_var: bool = False) -> AttrConstraint[Any]:
    origin = get_origin(hint)
    if isinstance(origin, type) and issubclass(origin, Attribute):
        return _remembered(hint, allow_type_var=allow_type_var)
    return _stock(hint, allow_type_var=allow_type_var)


def repair_hints() -> None:
    """Remembers the constraint of each attribute type with parameters."""
    xdsl.irdl.irdl_to_attr_constraint = _constraint_of
    xdsl.irdl.attributes.irdl_to_attr_constraint = _constraint_of
