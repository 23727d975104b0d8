"""Walks an ONNX graph, node by node, and lets the table of operators build each."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import onnx
from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto

from brdialect.errors import BrError
from brdialect.locations import node_location
from frontends.array_builder import Tensor, known
from frontends.array_sums import Builder
from frontends.elements import HALVES
from frontends.onnx_fold import fold, inferred
from frontends.onnx_functions import Schema, bind, function_body
from frontends.onnx_model import Model, dtype_of, opsets_of, standard
from frontends.onnx_ops.registry import (
    TABLE,
    Operator,
    UnknownValueError,
)

for _name in (
    *("control", "convolution", "elementwise", "indexing", "normalisation", "pooling"),
    *("product", "quantised", "recurrent", "reduction", "resize", "shape"),
):
    import_module(f"frontends.onnx_ops.{_name}")

F32 = np.dtype(np.float32)
TYPES = ("to", "dtype", "output_dtype")
"""Attributes that are the number of a type."""

DEEPEST = 64
"""Functions and subgraphs inside each other."""


def describe(node: NodeProto) -> str:
    """`node 'conv1' (Conv)`"""
    return "node '{}' ({})".format(*name_and_kind(node))


def name_and_kind(node: NodeProto) -> tuple[str, str]:
    """What a node is called, and its operator."""
    domain = standard(node.domain)
    kind = f"{domain}.{node.op_type}" if domain else node.op_type
    return node.name or ", ".join(node.output), kind


@dataclass
class Importer:
    """One model on its way into a builder."""

    model: Model
    b: Builder
    opsets: Mapping[str, int] = field(default_factory=dict[str, int])
    depth: int = 0
    expanding: bool = False
    """Whether the nodes are those of a function, in the place of a node."""

    def run(self, arguments: Mapping[str, Tensor]) -> list[Tensor]:
        """The results of the main graph."""
        self.opsets = self.model.opsets
        return self.graph(self.model.graph, ChainMap(dict(arguments)))

    def graph(self, graph: GraphProto, scope: ChainMap[str, Tensor]) -> list[Tensor]:
        """The results of a graph, whose inputs stand in the scope."""
        if graph.sparse_initializer:
            raise BrError("expected dense initializers, got sparse ones; densify them")
        local = scope.maps[0]
        for proto in graph.initializer:
            if proto.name in local:
                raise BrError(f"expected one value of the name '{proto.name}', got two")
            local[proto.name] = self.model.tensor(proto)
        self.nodes(graph.node, scope)
        return [look_up(o.name, scope, "a result") for o in graph.output]

    def nodes(self, nodes: Iterable[NodeProto], scope: ChainMap[str, Tensor]) -> None:
        """Nodes in their order."""
        for node in nodes:
            check_names(node)
            before = self.b.tensors.location
            if not self.expanding:
                self.b.tensors.location = node_location(*name_and_kind(node))
            try:
                results = self.node(node, scope)
            except UnknownValueError as e:
                raise UnknownValueError(f"{describe(node)}: {e}", e.tensor) from e
            except BrError as e:
                raise BrError(f"{describe(node)}: {e}") from e
            except RecursionError as e:
                raise BrError(f"{describe(node)}: nested too deep") from e
            except Exception as e:
                raise BrError(
                    f"{describe(node)}: cannot be imported: {one_line(e)}"
                ) from e
            self.b.tensors.location = before
            define(node, results, scope)

    def node(
        self, node: NodeProto, scope: ChainMap[str, Tensor]
    ) -> Sequence[Tensor | None]:
        """The results of one node; None for those that nobody wants."""
        inputs = [
            look_up(name, scope, "an input") if name else None for name in node.input
        ]
        domain = standard(node.domain)
        if (function := self.model.functions.get((domain, node.op_type))) is not None:
            return self.call(function, node, inputs, opsets_of(function))
        schema = self.schema(node)
        types = inferred(node, schema, inputs, self.opsets, self.model.proto.ir_version)
        entry = TABLE.get((domain, node.op_type))
        if entry is not None and schema.since_version < entry.since:
            entry = None
        folded = fold(node, inputs, types, self.opsets, entry is not None)
        if folded is not None:
            return folded
        if entry is not None:
            return self.apply(entry, node, schema, inputs, scope)
        body = function_body(node, schema, types)
        if body is not None:
            return self.call(body, node, inputs, opsets_of(body), schema)
        raise BrError(
            f"expected an operator that is supported, got {node.op_type} of opset "
            f"{schema.since_version}; docs/conformance.md lists those that are"
        )

    def schema(self, node: NodeProto) -> Schema:
        """The standard's definition of the node's operator."""
        domain = standard(node.domain)
        version = self.opsets.get(domain)
        if version is None:
            raise BrError(
                f"expected a domain that the model imports, got '{domain}'; it imports "
                + ", ".join(f"'{d}'" for d in self.opsets)
            )
        try:
            return onnx.defs.get_schema(node.op_type, version, domain)
        except onnx.defs.SchemaError as e:
            raise BrError(
                f"expected an operator of the standard's opset {version} or a function "
                f"of the model, got '{node.op_type}' of the domain '{domain}'; "
                "docs/conformance.md lists what is supported"
            ) from e

    # One entry of the table

    def apply(
        self,
        entry: Operator,
        node: NodeProto,
        schema: Schema,
        inputs: Sequence[Tensor | None],
        scope: ChainMap[str, Tensor],
    ) -> list[Tensor]:
        """Calls the operator's function with inputs and attributes."""
        given = self.attributes(node, schema, scope)
        values = list(inputs)
        if not entry.variadic:
            names = entry.inputs
            if len(values) > len(names):
                raise BrError(
                    f"expected at most {len(names)} inputs, got {len(values)}"
                )
            values += [None] * (len(names) - len(values))
            for i, name in enumerate(names):
                if values[i] is None and given.get(name) is not None:
                    values[i] = known(given[name])
                    del given[name]
        keywords = {
            entry.attributes[name]: given.get(name) for name in entry.attributes
        }
        if "version" in entry.attributes:
            keywords["version"] = schema.since_version
        if "outputs" in entry.attributes:
            keywords["outputs"] = len(node.output)
        for attribute in node.attribute:
            if attribute.name not in entry.attributes and attribute.name in given:
                default = schema.attributes[attribute.name].default_value
                if _value(default) != given[attribute.name]:
                    raise BrError(
                        f"expected no attribute '{attribute.name}', or its default"
                    )
        half = None if entry.moves else self._widen(values)
        found = entry.function(self.b, *values, **keywords)
        results = [found] if isinstance(found, Tensor) else list(found)
        return results if half is None else self._narrow(results, half, schema, inputs)

    def _widen(self, values: list[Tensor | None]) -> np.dtype[Any] | None:
        """Takes f16 and bf16 as f32; which of them there was."""
        half = None
        for i, x in enumerate(values):
            if x is not None and x.dtype.name in HALVES:
                half = x.dtype
                values[i] = self.b.cast(x, F32)
        return half

    def _narrow(
        self,
        results: Sequence[Tensor],
        half: np.dtype[Any],
        schema: Schema,
        inputs: Sequence[Tensor | None],
    ) -> list[Tensor]:
        """Results go back to the type of the inputs where the standard says so."""
        formal = schema.inputs
        narrow = {
            formal[min(i, len(formal) - 1)].type_str
            for i, x in enumerate(inputs)
            if x is not None and x.dtype == half
        }
        last = len(schema.outputs) - 1
        return [
            self.b.cast(x, half)
            if x.dtype == F32 and schema.outputs[min(i, last)].type_str in narrow
            else x
            for i, x in enumerate(results)
        ]

    def attributes(
        self, node: NodeProto, schema: Schema, scope: ChainMap[str, Tensor]
    ) -> dict[str, Any]:
        """The node's attributes, and the standard's defaults of the others."""
        given: dict[str, Any] = {}
        for name, formal in schema.attributes.items():
            if formal.default_value.type != AttributeProto.UNDEFINED:
                given[name] = _value(formal.default_value)
        for attribute in node.attribute:
            formal = schema.attributes.get(attribute.name)
            if formal is None:
                raise BrError(
                    f"expected attributes out of {', '.join(schema.attributes)}, got "
                    f"'{attribute.name}'"
                )
            if attribute.type != formal.type.value:
                raise BrError(
                    f"expected the attribute '{attribute.name}' of type "
                    f"{formal.type.name}, got "
                    f"{AttributeProto.AttributeType.Name(attribute.type)}"
                )
            if attribute.type == AttributeProto.GRAPH:
                given[attribute.name] = partial(self.subgraph, attribute.g, scope)
            elif attribute.name in TYPES and attribute.type == AttributeProto.INT:
                given[attribute.name] = dtype_of(attribute.i, attribute.name)
            elif attribute.type == AttributeProto.TENSOR:
                given[attribute.name] = self.model.tensor(attribute.t).array
            else:
                given[attribute.name] = _value(attribute)
        return given

    # Graphs inside graphs

    def subgraph(
        self, graph: GraphProto, scope: ChainMap[str, Tensor], *inputs: Tensor
    ) -> list[Tensor]:
        """The results of a subgraph, which sees the values around it."""
        if len(inputs) != len(graph.input):
            raise BrError(
                f"expected a subgraph of {len(inputs)} inputs, got {len(graph.input)}"
            )
        names = [v.name for v in graph.input]
        inner = scope.new_child(dict(zip(names, inputs, strict=True)))
        return self.deeper().graph(graph, inner)

    def call(
        self,
        function: FunctionProto,
        node: NodeProto,
        inputs: Sequence[Tensor | None],
        opsets: Mapping[str, int],
        schema: Schema | None = None,
    ) -> list[Tensor | None]:
        """The nodes of a function in the place of a call."""
        given = {a.name: a for a in function.attribute_proto}
        if schema is not None:
            given |= {
                name: a.default_value
                for name, a in schema.attributes.items()
                if a.default_value.type != AttributeProto.UNDEFINED
            }
        given |= {a.name: a for a in node.attribute}
        values = {name: x for name, x in zip(function.input, inputs, strict=False) if x}
        if len(inputs) > len(function.input):
            raise BrError(
                f"expected at most {len(function.input)} inputs, got {len(inputs)}"
            )
        scope = ChainMap(values)
        opset = {**self.opsets, **opsets}
        inner = replace(self.deeper(), opsets=opset, expanding=True)
        absent = {*function.input} - values.keys()
        inner.nodes((bind(n, given, absent) for n in function.node), scope)
        wanted = zip(function.output, node.output, strict=False)
        return [
            look_up(name, scope, "a result") if used else None for name, used in wanted
        ]

    def deeper(self) -> Importer:
        """One graph further in."""
        if self.depth == DEEPEST:
            raise BrError(
                f"expected functions and subgraphs less than {DEEPEST} deep, got one "
                "that is deeper, or that calls itself"
            )
        return replace(self, depth=self.depth + 1)


def check_names(node: NodeProto) -> None:
    """Protobuf hands over as bytes what is no text."""
    for name in (node.op_type, node.domain, node.name, *node.input, *node.output):
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise BrError(f"expected names of nodes and values in UTF-8, got {name}")


def one_line(e: Exception) -> str:
    """What an exception of a library says, in one line of limited length."""
    return f"{type(e).__name__}: {' '.join(str(e).split())}"[:300]


def look_up(name: str, scope: Mapping[str, Tensor], what: str) -> Tensor:
    """The value of a name."""
    if name not in scope:
        raise BrError(
            f"expected {what} that an input, an initializer or a node before gives, "
            f"got '{name}'; nodes stand in the order in which they run, without cycles"
        )
    return scope[name]


def define(
    node: NodeProto, results: Sequence[Tensor | None], scope: ChainMap[str, Tensor]
) -> None:
    """Gives the results their names."""
    if any(name for name in node.output[len(results) :]):
        raise BrError(
            f"{describe(node)}: expected at most {len(results)} results, got "
            f"{len(node.output)}; the others are not supported"
        )
    for name, result in zip(node.output, results, strict=False):
        if not name or result is None:
            continue
        if name in scope.maps[0]:
            raise BrError(
                f"{describe(node)}: expected one value of the name '{name}', got two"
            )
        scope.maps[0][name] = result


def _value(attribute: AttributeProto) -> Any:
    """A plain attribute as Python's numbers, strings and lists of them."""
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if attribute.type == AttributeProto.STRINGS:
        return [v.decode("utf-8", "replace") for v in value]
    if attribute.type in (AttributeProto.INTS, AttributeProto.FLOATS):
        return list(value)
    return value
