"""An ONNX file: its bytes as a model, its weights, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from brdialect.arrays import Array
from brdialect.errors import BrError
from frontends.array_builder import Tensor
from frontends.elements import DType

if TYPE_CHECKING:
    from onnx import (
        FunctionProto,
        GraphProto,
        ModelProto,
        TensorProto,
        ValueInfoProto,
    )

OLDEST_OPSET = 1
"""Operators whose meaning was another one before some opset say so themselves."""

NEWEST_OPSET: int = onnx.defs.onnx_opset_version()

Sizes = tuple["int | None", ...]


@dataclass(frozen=True)
class Input:
    """An argument of the model. A size of None is open; sizes of one name are equal."""

    name: str
    shape: Sizes
    dtype: DType
    names: tuple[str, ...]
    """Of the open sizes, "" for the others."""


def dtype_of(element: int, what: str) -> DType:
    """numpy's type for a TensorProto.DataType."""
    try:
        found = helper.tensor_dtype_to_np_dtype(element)
    except KeyError:
        found = np.dtype(object)
    if found.kind == "O":
        raise BrError(
            f"{what}: expected elements that are numbers, got "
            f"{_name_of(element)}; strings and the like are not supported"
        )
    return found


def _name_of(element: int) -> str:
    known = onnx.TensorProto.DataType
    return known.Name(element) if element in known.values() else f"type {element}"


@dataclass(frozen=True)
class Model:
    """A model that has been read."""

    proto: ModelProto
    folder: Path | None
    """Where its external data may lie."""

    file: str

    @property
    def graph(self) -> GraphProto:
        """The main graph."""
        return self.proto.graph

    @cached_property
    def opsets(self) -> dict[str, int]:
        """Domain -> version."""
        return opsets_of(self.proto)

    @cached_property
    def functions(self) -> Mapping[tuple[str, str], FunctionProto]:
        """The model's own functions."""
        return {(standard(f.domain), f.name): f for f in self.proto.functions}

    @cached_property
    def inputs(self) -> list[Input]:
        """The arguments: those inputs that have no value of their own."""
        given = {t.name for t in self.graph.initializer}
        given |= {t.values.name for t in self.graph.sparse_initializer}
        return [_input(v) for v in self.graph.input if v.name not in given]

    def tensor(self, proto: TensorProto) -> Tensor:
        """A tensor whose elements are read when they are needed."""
        shape, what = tuple(proto.dims), f"tensor '{proto.name}'"
        if any(n < 0 for n in shape):
            raise BrError(f"{what}: expected sizes of at least 0, got {list(shape)}")
        dtype = dtype_of(proto.data_type, what)
        load = self._loader(proto, shape, dtype, what)
        return Tensor(shape, dtype, None, load, proto.name)

    def _loader(
        self, proto: TensorProto, shape: tuple[int, ...], dtype: DType, what: str
    ) -> Callable[[], Array]:
        external = onnx.TensorProto.EXTERNAL
        size = prod(shape) * dtype.itemsize
        if proto.data_location == external:
            place = external_place(proto, self.folder, size, what)
            return lambda: place.read(shape, dtype, what)
        if proto.raw_data and len(proto.raw_data) != packed_size(proto.data_type, size):
            raise BrError(
                f"{what}: expected {size} bytes for its sizes {list(shape)}, got "
                f"{len(proto.raw_data)}"
            )

        def load() -> Array:
            try:
                return np.asarray(numpy_helper.to_array(proto))
            except (ValueError, TypeError) as e:
                raise BrError(
                    f"{what}: expected elements for its sizes {list(shape)}, got "
                    f"others: {e}"
                ) from e

        if not proto.raw_data:
            load()  # a list of numbers, to be counted now
        return load


def packed_size(element: int, size: int) -> int:
    """Bytes in the file: types of 4 and 2 bits lie side by side."""
    bits = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}
    name = _name_of(element)
    return (size * bits[name] + 7) // 8 if name in bits else size


@dataclass(frozen=True)
class Place:
    """Part of a file beside the model."""

    path: Path
    offset: int
    size: int

    def read(self, shape: tuple[int, ...], dtype: DType, what: str) -> Array:
        """The elements, mapped: the system reads what is used."""
        if self.size == 0:
            return np.zeros(shape, dtype)
        try:
            raw = np.memmap(self.path, np.uint8, "r", self.offset, (self.size,))
        except (OSError, ValueError) as e:
            raise BrError(f"{what}: {self.path} cannot be read: {e}") from e
        return raw.view(dtype).reshape(shape)


def external_place(
    proto: TensorProto, folder: Path | None, size: int, what: str
) -> Place:
    """Where a tensor's external data lies: in a file below the model's folder."""
    fields = {entry.key: entry.value for entry in proto.external_data}
    location = fields.get("location", "")
    if folder is None:
        raise BrError(f"{what}: expected the model in a file, beside its data")
    root = folder.resolve()
    try:
        path = (root / location).resolve()
    except (OSError, RuntimeError, ValueError) as e:
        raise BrError(f"{what}: expected the name of a file, got {location!r}") from e
    parts = Path(location).parts
    inside = path.is_relative_to(root) and not Path(location).is_absolute()
    if not location or not inside or ".." in parts:
        raise BrError(
            f"{what}: expected data in a file below the model's folder, got "
            f"{location!r}"
        )
    if not path.is_file():
        raise BrError(f"{what}: expected its data in the file {path}, got none there")
    try:
        offset = int(fields.get("offset", 0))
        length = int(fields.get("length", size))
    except ValueError as e:
        raise BrError(f"{what}: expected a place of its data in bytes, got {e}") from e
    if length != size or offset < 0 or offset + length > path.stat().st_size:
        raise BrError(
            f"{what}: expected {size} bytes inside {path} of "
            f"{path.stat().st_size} bytes, got {length} from {offset} on"
        )
    return Place(path, offset, size)


def standard(domain: str) -> str:
    """The standard's domain has two names."""
    return "" if domain == "ai.onnx" else domain


def opsets_of(proto: ModelProto | FunctionProto) -> dict[str, int]:
    """Domain -> version."""
    return {standard(o.domain): o.version for o in proto.opset_import}


def _input(value: ValueInfoProto) -> Input:
    what = f"input '{value.name}'"
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        raise BrError(
            f"{what}: expected a tensor, got {kind or 'no type'}; sequences, maps and "
            "optional values are not supported as arguments"
        )
    tensor = value.type.tensor_type
    dtype = dtype_of(tensor.elem_type, what)
    if not tensor.HasField("shape"):
        raise BrError(
            f"{what}: expected a known number of dimensions, got a tensor without shape"
        )
    sizes: list[int | None] = []
    names: list[str] = []
    for dim in tensor.shape.dim:
        # Paddle's exporter writes -1 or "?" for any size that is open
        is_open = dim.WhichOneof("value") != "dim_value" or dim.dim_value == -1
        if not is_open and dim.dim_value < 0:
            raise BrError(f"{what}: expected sizes of at least 0, got {dim.dim_value}")
        sizes.append(None if is_open else dim.dim_value)
        names.append("" if dim.dim_param == "?" else dim.dim_param)
    return Input(value.name, tuple(sizes), dtype, tuple(names))


@contextmanager
def printable() -> Generator[None]:
    """Names in a damaged file may hold anything: in messages, what does not print is
    escaped, so that each is one line."""
    try:
        yield
    except BrError as e:
        told = (c if c.isprintable() else repr(c)[1:-1] for c in str(e))
        e.args = ("".join(told), *e.args[1:])
        raise


def read_model(path: Path) -> Model:
    """The model in a file."""
    try:
        data = path.read_bytes()
    except OSError as e:
        raise BrError(f"{path}: cannot be read: {e.strerror}") from e
    return parse_model(data, path.parent, str(path))


@printable()
def parse_model(data: bytes, folder: Path | None, file: str) -> Model:
    """The model that a file's bytes are."""
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except (DecodeError, RuntimeError) as e:
        raise BrError(f"{file}: expected an ONNX model, got other bytes: {e}") from e
    return checked_model(proto, folder, file)


@printable()
def checked_model(proto: ModelProto, folder: Path | None, file: str) -> Model:
    """A model whose opsets are known."""
    model = Model(proto, folder, file)
    if not proto.HasField("graph") or not proto.opset_import:
        raise BrError(f"{file}: expected an ONNX model with a graph, got none")
    version = model.opsets.get("", OLDEST_OPSET)
    if not OLDEST_OPSET <= version <= NEWEST_OPSET:
        raise BrError(
            f"{file}: expected opset {OLDEST_OPSET} to {NEWEST_OPSET}, the newest that "
            f"onnx {onnx.__version__} knows, got {version}"
        )
    return model
