"""Coverage-guided fuzzing of the ONNX importer, by hand:

    pip install -e '.[fuzz]'
    python tests/fuzz/fuzz_onnx.py corpus/ -max_total_time=600 -rss_limit_mb=4096

Atheris mutates the bytes of models and watches which lines of the importer they reach.
A model is imported, or refused by a `BrError` of one line; any other exception, a
crash, more than 4 GiB or more than 30 s is a finding, whose bytes libFuzzer writes to
`crash-...`, `oom-...` or `timeout-...`. `python tests/fuzz/fuzz_onnx.py FILE` runs such
a file again. An empty corpus is filled with small models first.
"""

# atheris is not there where this is only looked at
# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false

from __future__ import annotations

import sys
from pathlib import Path

import atheris
from onnx import TensorProto, helper

with atheris.instrument_imports(include=["frontends", "brdialect"]):
    from brdialect.mistake import BrError
    from frontends.from_onnx import import_model
    from frontends.onnx_model import parse_model

_OPTIONS = ("-timeout=30", "-max_len=65536")
_SHAPES = {
    "Relu": [(2, 3)],
    "Add": [(2, 3), (3,)],
    "MatMul": [(2, 3), (3, 4)],
    "Conv": [(1, 2, 5, 5), (3, 2, 3, 3)],
    "MaxPool": [(1, 2, 5, 5)],
    "Softmax": [(2, 3)],
    "Transpose": [(2, 3)],
    "Concat": [(2, 3), (2, 3)],
    "LSTM": [(4, 1, 3), (1, 8, 3), (1, 8, 2)],
    "LayerNormalization": [(2, 3), (3,)],
}
_ATTRIBUTES = {"MaxPool": {"kernel_shape": [2, 2]}, "Concat": {"axis": 0}}
_ATTRIBUTES |= {"LSTM": {"hidden_size": 2}}


def seeds() -> dict[str, bytes]:
    """A model of one node for each of some operators."""
    made: dict[str, bytes] = {}
    for kind, shapes in _SHAPES.items():
        names = [f"x{i}" for i in range(len(shapes))]
        values = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in zip(names, shapes, strict=True)
        ]
        node = helper.make_node(kind, names, ["y"])
        node.attribute.extend(
            helper.make_attribute(name, value)
            for name, value in _ATTRIBUTES.get(kind, {}).items()
        )
        result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph([node], "g", values, [result])
        opsets = [helper.make_opsetid("", 17)]
        made[kind] = helper.make_model(graph, opset_imports=opsets).SerializeToString()
    return made


def run(data: bytes) -> None:
    """Imports the bytes, or is told in one line why not."""
    try:
        import_model(parse_model(data, None, "m.onnx"))
    except BrError as e:
        assert str(e) and "\n" not in str(e).rstrip(), f"more than one line: {e}"


def main() -> None:
    """Fills an empty corpus, and fuzzes."""
    for folder in (Path(a) for a in sys.argv[1:] if not a.startswith("-")):
        if not folder.is_file():
            folder.mkdir(parents=True, exist_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            for name, data in seeds().items():
                (folder / name).write_bytes(data)
    atheris.Setup([*sys.argv, *_OPTIONS], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
