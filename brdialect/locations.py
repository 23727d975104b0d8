"""Where an operation comes from: a line of a file, or a node of a model.

An operation that several became carries all of their locations, the first one that of
the operation that the others ride with.
"""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects.builtin import (
    ArrayAttr,
    CallSiteLoc,
    FileLineColLoc,
    FusedLoc,
    LocationAttr,
    NameLoc,
    NoneAttr,
    StringAttr,
    UnknownLoc,
)
from xdsl.ir import Attribute, Operation
from xdsl.utils.hints import isa


def node_location(name: str, kind: str) -> NameLoc:
    """That of a node of a model, its operator inside: `loc("conv1"("Conv"))`."""
    return NameLoc(StringAttr(name), NameLoc(StringAttr(kind), NoneAttr()))


def sources(location: Attribute) -> list[LocationAttr]:
    """The known locations that an operation's consists of, each once."""
    if isinstance(location, FusedLoc):
        parts = location.locations
        assert isa(parts, ArrayAttr)
        return list(dict.fromkeys(s for part in parts for s in sources(part)))
    known = (FileLineColLoc, NameLoc, CallSiteLoc)
    return [location] if isinstance(location, known) else []


def fused(*locations: LocationAttr) -> LocationAttr:
    """One location for what several operations became."""
    every = list(dict.fromkeys(s for each in locations for s in sources(each)))
    if len(every) < 2:
        return every[0] if every else UnknownLoc()
    return FusedLoc(tuple(every), NoneAttr())


def locate(ops: Iterable[Operation], location: LocationAttr) -> None:
    """Gives operations that have none a location."""
    for op in ops:
        if isinstance(op.location, UnknownLoc):
            op.location = location


def node_of(location: LocationAttr) -> tuple[str, str] | None:
    """The name and the operator of a model's node."""
    if isinstance(location, NameLoc) and isinstance(location.location, NameLoc):
        return location.desc.data, location.location.desc.data
    return None


def place(location: LocationAttr) -> str:
    """`file:line:col`, or `node 'conv1' (Conv)`; empty where it is not known."""
    for source in sources(location):
        if isinstance(source, FileLineColLoc):
            file, line, column = source.filename, source.line, source.column
            return f"{file.data}:{line.data}:{column.data}"
        if (node := node_of(source)) is not None:
            return f"node '{node[0]}' ({node[1]})"
        if isinstance(source, NameLoc):
            return source.desc.data
    return ""
