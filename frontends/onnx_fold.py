"""What is known of a node before it is built: the types of its results, and, where all
its inputs are known and small, the results themselves.

    Shape -> Gather -> Mul -> Floor -> Cast -> Concat        sizes, computed from sizes

The onnx package's evaluator computes those. It reads some operators as newer opsets
define them, or leaves out inputs of theirs, so that it is asked for what sizes are
computed with, and for operators that nothing else here knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
import onnx
from onnx import NodeProto, TypeProto, helper, numpy_helper
from onnx.checker import ValidationError
from onnx.reference import ReferenceEvaluator
from onnx.shape_inference import InferenceError, infer_node_outputs

from brdialect.arrays import Array
from brdialect.errors import BrError
from frontends.array_builder import Tensor, known
from frontends.onnx_functions import Schema

MOST = 4096
"""Elements up to which values are computed at compile time: sizes, axes, positions.
Weights are computed by compiled code when they are loaded."""

SIZES = frozenset(
    (
        *("Abs", "Add", "And", "ArgMax", "ArgMin", "Cast", "CastLike", "Ceil", "Clip"),
        *("Concat", "Constant", "ConstantOfShape", "CumSum", "Div", "Equal", "Exp"),
        *("Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND"),
        *("Greater", "GreaterOrEqual", "Identity", "Less", "LessOrEqual", "Log", "Max"),
        *("Min", "Mod", "Mul", "Neg", "Not", "OneHot", "Or", "Pad", "Pow", "Range"),
        *("Reciprocal", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd"),
        *("ReduceSum", "Reshape", "Round", "ScatterElements", "ScatterND", "Shape"),
        *("Sign", "Size", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tile"),
        *("Relu", "TopK", "Transpose", "Unsqueeze", "Where", "Xor"),
    )
)
"""What sizes, axes and positions are computed with."""

NEVER = frozenset(
    (
        *("If", "Loop", "Scan", "SequenceMap", "Dropout", "Bernoulli", "Multinomial"),
        *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
    )
)
"""What has a graph inside, or another result each time."""


def inferred(
    node: NodeProto,
    schema: Schema,
    inputs: Sequence[Tensor | None],
    opsets: Mapping[str, int],
    ir_version: int,
) -> dict[str, TypeProto]:
    """The types of the node's inputs and results, as far as the onnx package knows
    them; a node that it finds fault with is refused."""
    types: dict[str, TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    for name, x in zip(node.input, inputs, strict=True):
        if x is None:
            continue
        element = helper.np_dtype_to_tensor_dtype(x.dtype)
        types[name] = helper.make_tensor_type_proto(element, x.shape)
        if x.known and x.size <= MOST:
            data[name] = numpy_helper.from_array(x.array, name)
    if schema.deprecated and schema.has_context_dependent_function:
        return types  # replaced by a later opset, but defined: GroupNormalization of 18
    imports = [helper.make_opsetid(d, v) for d, v in opsets.items()]
    try:
        found = infer_node_outputs(
            schema, node, types, data, opset_imports=imports, ir_version=ir_version
        )
    except (InferenceError, ValidationError, RuntimeError) as e:
        raise BrError(f"expected what the standard asks for: {_first_line(e)}") from e
    return types | found


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # `[ShapeInferenceError] axis must be ..`
    return re.sub(r"^\[\w+\] ", "", lines[0]) if lines else type(error).__name__


def fold(
    node: NodeProto,
    inputs: Sequence[Tensor | None],
    types: Mapping[str, TypeProto],
    opsets: Mapping[str, int],
    in_table: bool,
) -> list[Tensor] | None:
    """The results of a node whose inputs are known and small; None of others, and of
    those that are better built: they are in the table, and no sizes come of them."""
    if node.op_type in NEVER or not all(x is None or x.known for x in inputs):
        return None
    if in_table and node.op_type not in SIZES:
        return None
    outputs = [types.get(name) for name in node.output if name]
    sizes = [x.size for x in inputs if x is not None] + [_size(t) for t in outputs]
    if max(sizes, default=0) > MOST:
        return None
    names = dict.fromkeys(name for name in node.input if name)
    graph = helper.make_graph(
        [node],
        "node",
        [onnx.ValueInfoProto(name=name) for name in names],
        [onnx.ValueInfoProto(name=name) for name in node.output if name],
    )
    imports = [helper.make_opsetid(d, v) for d, v in opsets.items()]
    model = helper.make_model(graph, opset_imports=imports)
    feeds = {
        name: x.array
        for name, x in zip(node.input, inputs, strict=True)
        if x is not None
    }
    try:
        found = ReferenceEvaluator(model).run(None, feeds)
    except Exception:  # not known there: it may be in the table
        return None
    if not all(isinstance(x, np.ndarray | np.generic) for x in found):
        return None
    arrays = [np.asarray(x) for x in found]
    made = dict(zip((name for name in node.output if name), arrays, strict=True))
    if in_table and not all(_has_type(x, types.get(name)) for name, x in made.items()):
        return None
    return [known(made.get(name, 0)) for name in node.output]


def _has_type(x: Array, type_: TypeProto | None) -> bool:
    """Whether an array has the element type and the sizes that were inferred."""
    if type_ is None:
        return True
    want = type_.tensor_type
    dims = [
        d.dim_value if d.HasField("dim_value") else n
        for d, n in zip(want.shape.dim, x.shape, strict=False)
    ]
    return helper.np_dtype_to_tensor_dtype(x.dtype) == want.elem_type and (
        not want.HasField("shape") or tuple(dims) == x.shape
    )


def _size(type_: TypeProto | None) -> int:
    """The elements of a tensor type, more than can be folded where that is open."""
    if type_ is None or not type_.tensor_type.HasField("shape"):
        return MOST + 1
    dims = type_.tensor_type.shape.dim
    if any(d.WhichOneof("value") != "dim_value" for d in dims):
        return MOST + 1
    return prod(d.dim_value for d in dims)
