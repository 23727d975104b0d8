"""Functions of ONNX: nodes in the place of one, with what the call says in the places
where they refer to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, NodeProto

Schema = Any
"""An onnx.defs.OpSchema, most of whose members its type stubs leave out."""


def bind(
    node: NodeProto, given: Mapping[str, AttributeProto], absent: set[str]
) -> NodeProto:
    """A node of a function, with the attributes of the call in the places where it
    refers to them, and without the inputs that the call leaves out."""
    made = NodeProto()
    made.CopyFrom(node)
    del made.attribute[:]
    for attribute in node.attribute:
        if not attribute.ref_attr_name:
            made.attribute.append(attribute)
            if attribute.HasField("g"):
                for inner in made.attribute[-1].g.node:
                    inner.CopyFrom(bind(inner, given, absent))
        elif (value := given.get(attribute.ref_attr_name)) is not None:
            made.attribute.append(value)
            made.attribute[-1].name = attribute.name
    for i, name in enumerate(made.input):
        if name in absent:
            made.input[i] = ""
    while made.input and not made.input[-1]:
        del made.input[-1]
    return made


def function_body(
    node: NodeProto,
    schema: Schema,
    types: Mapping[str, onnx.TypeProto],
) -> FunctionProto | None:
    """The standard's definition of an operator by others, if it has one."""
    data = None
    if schema.has_context_dependent_function:
        given = [
            types[name].SerializeToString() if name else b"" for name in node.input
        ]
        data = schema.get_context_dependent_function(node.SerializeToString(), given)
    elif schema.has_function:
        return schema.function_body
    return FunctionProto.FromString(data) if data else None
