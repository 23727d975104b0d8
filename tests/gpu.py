"""Kernels for GPUs in tests: made, run in numpy, and assembled by NVIDIA's ptxas."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import MemRefType, ModuleOp
from xdsl.utils.hints import isa

from brdialect.reference import find_entry
from brdialect.reference import run as interpret
from brdialect.reference.gpu import Statistics, run
from brdialect.reference.values import round_to_bf16, storage
from brdialect.resources import dense_bits
from brdialect.source import context, parse_module, resources
from brdialect.target import set_target, target_named
from passes.gpu.pipeline import STAGES
from passes.llvm.llvm_text import llvm_ir
from passes.memory.buffers import ARENA, RESULT
from passes.memory.hoist_load_time import PACKED, SUFFIX
from passes.pipelines import marked_arguments, passes_of
from passes.registry import pass_named
from passes.shared.load_time import CONSTANT
from runtime.codegen import emit_assembly

Array = np.ndarray[Any, np.dtype[Any]]
SM_80, SM_90 = "nvptx64-sm_80", "nvptx64-sm_90a"
PASSES = passes_of(STAGES)
MADE = PASSES.index("convert-br-to-mma") + 1
"""The passes up to kernels that can be run in numpy."""

# numpy has no bf16: its values are held in float32
DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": np.float32, "f64": np.float64}


@dataclass(frozen=True)
class Contraction:
    """`c = epilogue(a b)` of two operands read by indexing maps over named iterators:

    Contraction("m k, k n -> m n", dict(m=70, n=52, k=40))
    """

    maps: str
    extents: dict[str, int]
    element: str = "f32"
    schedule: str = ""
    epilogue: str = ""
    """Lines that make %r of %acc and of %x, an element of the extra operand."""

    extra: str = ""
    """The extra operand's map, such as `n`."""

    beta: float = 0.0
    shapes: tuple[tuple[int, ...], ...] = ()
    """Of a, b, c, where a map has more than plain iterators."""

    @property
    def operands(self) -> list[str]:
        """The maps' results, of a, b, c and the extra operand."""
        inputs, c = self.maps.split(" -> ")
        found = [*inputs.split(", "), c]
        return [*found, self.extra] if self.extra else found

    def shape(self, number: int) -> tuple[int, ...]:
        """Of an operand."""
        if number < len(self.shapes):
            return self.shapes[number]
        return tuple(self.extents[i] for i in self.operands[number].split())

    def type(self, number: int) -> str:
        """The memref type of an operand."""
        element = self.element if number < 2 else self.result_element
        return f"memref<{'x'.join([*map(str, self.shape(number)), element])}>"

    @property
    def result_element(self) -> str:
        """What is added up."""
        return "f64" if self.element == "f64" else "f32"

    def attributes(self) -> str:
        """Those of the op: maps, kinds of iterators, schedule."""
        its = ", ".join(self.extents)
        c = self.operands[2]
        kinds = [
            "parallel" if i in re.findall(r"\w+", c) else "reduction"
            for i in self.extents
        ]
        maps = ", ".join(
            f"affine_map<({its}) -> ({', '.join(x.split())})>" for x in self.operands
        )
        types = ", ".join(f"#linalg.iterator_type<{kind}>" for kind in kinds)
        schedule = self.schedule and f', schedule = #br.schedule<"{self.schedule}">'
        return (
            f"indexing_maps = [{maps}], iterator_types = [{types}], "
            f"beta = {self.beta} : f64{schedule}"
        )

    def text(self) -> str:
        """A function @f of one br.contract on memory."""
        arguments = [f"%{i}: {self.type(i)}" for i in range(len(self.operands))]
        end = ""
        e = self.result_element
        if self.epilogue:
            extras = f"(%3 : {self.type(3)}) " if self.extra else ""
            x = f", %x: {e}" if self.extra else ""
            end = (
                f" epilogue{extras}{{\n^bb0(%acc: {e}{x}):\n{self.epilogue}\n"
                f"br.yield %r : {e}\n}}"
            )
        return f"""
func.func private @f({", ".join(arguments)}) {{
  br.contract ins(%0, %1 : {self.type(0)}, {self.type(1)}) outs(%2 : {self.type(2)})
    {{{self.attributes()}}}{end}
  func.return
}}"""

    def program(self) -> str:
        """A function @main of a and b on tensors, with no extra operand."""
        a, b, c = (self.type(i).replace("memref", "tensor") for i in range(3))
        return f"""
func.func @main(%a: {a}, %b: {b}) -> {c} {{
  %e = tensor.empty() : {c}
  %r = br.contract ins(%a, %b : {a}, {b}) outs(%e : {c}) {{{self.attributes()}}} -> {c}
  func.return %r : {c}
}}"""

    def module(self, passes: int = MADE, target: str = SM_80) -> ModuleOp:
        """The module after the first few passes, from choose-schedule on."""
        module = parse_module(self.text())
        set_target(module, target_named(target))
        for name in [
            "choose-schedule",
            *PASSES[PASSES.index("outline-nests") + 1 : passes],
        ]:
            pass_named(name)().apply(context(), module)
            module.verify()
        return module

    def arrays(self, seed: int = 0) -> list[Array]:
        """Random operands; C is NaN where it is not read."""
        random = np.random.default_rng(seed)
        found: list[Array] = []
        for i in range(len(self.operands)):
            array = random.standard_normal(self.shape(i))
            array = array.astype(DTYPES[self.element if i < 2 else self.result_element])
            if self.element == "bf16" and i < 2:
                array = round_to_bf16(array).astype(np.float32)
            if i == 2 and self.beta == 0.0:
                array[...] = np.nan
            found.append(np.ascontiguousarray(array))
        return found

    def want(self, arrays: Sequence[Array]) -> Array:
        """What C should be, computed in f64."""
        module = parse_module(self.text())
        wide = [x.astype(np.float64) for x in arrays]
        interpret(module, "f", wide)
        return wide[2]


def lowered(
    program: str | ModuleOp,
    target: str = SM_80,
    passes: int = MADE,
    exact: bool = False,
) -> ModuleOp:
    """A program on tensors after the first few passes of lower-to-gpu."""
    module = parse_module(program) if isinstance(program, str) else program
    set_target(module, replace(target_named(target), exact=exact))
    for name in PASSES[:passes]:
        pass_named(name)().apply(context(), module)
    module.verify()
    return module


def simulate(module: ModuleOp, entry: str, arrays: Sequence[Array]) -> Statistics:
    """Runs the kernels in numpy."""
    return run(module, entry, arrays)


def ptx_of(module: ModuleOp, target: str = SM_80, done: int = MADE) -> str:
    """The rest of the pipeline, and LLVM."""
    for name in PASSES[done:]:
        pass_named(name)().apply(context(), module)
    return emit_assembly(llvm_ir(module), target_named(target))


def find_tool(name: str) -> str | None:
    """`ptxas` or `nvdisasm`, from NVIDIA's wheels or from the PATH."""
    folder = Path(sysconfig.get_path("purelib")) / "nvidia"
    found = sorted(folder.glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


needs_ptxas = pytest.mark.skipif(
    find_tool("ptxas") is None, reason="needs ptxas (pip install nvidia-cuda-nvcc)"
)


@dataclass(frozen=True)
class Usage:
    """What ptxas says of a kernel."""

    registers: int
    stack: int
    spills: int


def assemble(ptx: str, arch: str = "sm_80") -> tuple[dict[str, Usage], bytes]:
    """What each kernel uses, and the machine code."""
    tool = find_tool("ptxas")
    assert tool is not None
    with tempfile.TemporaryDirectory() as folder:
        source, image = Path(folder) / "a.ptx", Path(folder) / "a.cubin"
        source.write_text(ptx)
        command = [tool, "-v", f"-arch={arch}", str(source), "-o", str(image)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "serialized" not in done.stderr, done.stderr  # of wgmma
        usage: dict[str, Usage] = {}
        blocks = re.split(r"Compiling entry function '", done.stderr)[1:]
        for block in blocks:
            numbers = [
                int(re.search(pattern, block)[1])  # pyright: ignore
                for pattern in (
                    r"Used (\d+) registers",
                    r"(\d+) bytes stack",
                    r"(\d+) bytes spill stores",
                )
            ]
            usage[block.partition("'")[0]] = Usage(*numbers)
        return usage, image.read_bytes()


def machine_code(image: bytes) -> str:
    """The disassembly."""
    tool = find_tool("nvdisasm")
    if tool is None:
        pytest.skip("needs nvdisasm (pip install nvidia-cuda-nvdisasm)")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.cubin"
        path.write_bytes(image)
        done = subprocess.run([tool, "-c", str(path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


def error(got: Array, want: Array) -> float:
    """|got - want| / |want|; NaN and infinity never pass."""
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def called(
    module: ModuleOp, arrays: Sequence[Array], entry: str = "main"
) -> tuple[list[Array], Statistics]:
    """The results of a program's function whose kernels are run in numpy, and what the
    run has seen; constants are packed first."""
    packed: list[Array] = []
    load = f"{entry}{SUFFIX}"
    if any(isinstance(o, func.FuncOp) and o.sym_name.data == load for o in module.ops):
        every, packed = _arguments(module, load, [], [])
        run(module, load, every)
    every, results = _arguments(module, entry, arrays, packed)
    return results, run(module, entry, every)


def _arguments(
    module: ModuleOp, entry: str, arrays: Sequence[Array], packed: Sequence[Array]
) -> tuple[list[Array], list[Array]]:
    """What a function takes, and those of it that are results."""
    every: list[Array] = []
    results: list[Array] = []
    given, loaded = iter(arrays), iter(packed)
    for type_, marks in marked_arguments(find_entry(module, entry)):
        assert isa(type_, MemRefType)
        dtype = storage(type_, precise=False)
        if RESULT in marks:
            unset = np.nan if dtype.kind == "f" else 99
            results.append(np.full(type_.get_shape(), unset, dtype))
            every.append(results[-1])
        elif ARENA in marks:
            every.append(np.full(type_.get_shape(), -1, np.int8))
        elif CONSTANT in marks:
            bits = dense_bits(marks[CONSTANT], resources(module))
            every.append(bits.view(dtype).reshape(type_.get_shape()))
        else:
            every.append(next(loaded if PACKED in marks else given))
    return every, results
