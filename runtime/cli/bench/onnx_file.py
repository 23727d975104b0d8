"""A workload that is a model in a file: who reads ONNX runs it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import TensorType
from xdsl.utils.hints import isa

from brdialect.arrays import Array
from brdialect.mistake import BrError
from brdialect.reference import find_entry
from runtime.cli.bench.workloads import WINDOWS, Forward, Shape
from runtime.cli.measure import flops_of
from runtime.cli.spec import parse_spec, random_array
from runtime.host import host_target
from runtime.program import Program, load_program

SUFFIX = ".onnx"


@dataclass(frozen=True)
class OnnxFile(Forward):
    """A model with the arrays of `--input`, or random ones where its sizes are known.
    All of its results count as one vector."""

    path: str
    specs: tuple[str, ...]

    def __reduce__(self) -> tuple[type[OnnxFile], tuple[str, tuple[str, ...]]]:
        """Another process reads the file itself."""
        return OnnxFile, (self.path, self.specs)

    @property
    def name(self) -> str:
        sizes = ("x".join(map(str, s)) for s in self.shapes().values())
        return f"{Path(self.path).stem} {', '.join(sizes)}"

    @cached_property
    def _program(self) -> Program:
        return load_program(Path(self.path), None, host_target(1))

    @cached_property
    def _shapes(self) -> tuple[Shape, ...]:
        return tuple(array.shape for array in self._inputs.values())

    @property
    def flops(self) -> int:
        """Of its products, convolutions and recurrent layers."""
        return self._flops

    @cached_property
    def _flops(self) -> int:
        return flops_of(self._program, self._shapes)

    @property
    def spared(self) -> str | None:
        return WINDOWS

    def shapes(self) -> dict[str, Shape]:
        return dict(zip(self._inputs, self._shapes, strict=True))

    @property
    def weights(self) -> list[str]:
        return []

    @property
    def result(self) -> Shape:
        return self._result

    @cached_property
    def _result(self) -> Shape:
        module = self._program.specialised(self._shapes)
        entry = find_entry(module, self._program.signature.entry)
        types = entry.function_type.outputs
        return (sum(int(np.prod(t.get_shape())) for t in types if isa(t, TensorType)),)

    @property
    def bytes(self) -> int:
        """What must move at least once: inputs, results and the file."""
        return super().bytes + Path(self.path).stat().st_size

    @cached_property
    def _inputs(self) -> Mapping[str, Array]:
        random = np.random.default_rng(0)
        signature = self._program.signature
        from frontends.onnx_model import read_model  # needs the extra onnx

        names = [given.name for given in read_model(Path(self.path)).inputs]
        if self.specs:
            arrays = [parse_spec(text, random) for text in self.specs]
        else:
            arrays: list[Array] = []
            for name, parameter in zip(names, signature.parameters, strict=True):
                shape = tuple(n for n in parameter.shape if n is not None)
                if len(shape) != len(parameter.shape):
                    raise BrError(
                        f"{self.path}: expected --input for each input, because the "
                        f"sizes of '{name}', {parameter}, are open; such as "
                        "--input=1x3x224x224xf32"
                    )
                arrays.append(random_array(shape, parameter.dtype, random))
        return dict(zip(names, signature.checked(arrays), strict=True))

    def inputs(self, seed: int = 0) -> dict[str, Array]:
        return dict(self._inputs)


def joined(results: Sequence[Array]) -> Array:
    """All results as one vector."""
    return np.concatenate([np.asarray(r, np.float64).ravel() for r in results])
