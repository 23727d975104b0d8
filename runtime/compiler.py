"""`brdialect.compile`: from MLIR text or a file to a function on numpy arrays."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from xdsl.dialects.builtin import ModuleOp
from xdsl.ir import Attribute

from brdialect.errors import BrError
from brdialect.interface import Interface
from brdialect.reference import find_entry
from brdialect.reference.values import Array
from brdialect.resources import dense_bits
from brdialect.source import (
    attach_resources,
    context,
    parse_module,
    read_module,
    resources,
)
from brdialect.target import Target, set_target
from passes.llvm_text import llvm_ir
from passes.load_time import bind
from passes.pipelines import STAGES, Observer, lower_to_cpu
from passes.registry import pass_named
from passes.specialise import specialise
from passes.tuned_schedules import Tuned, set_tuned
from runtime.arguments import Parameter, check_array, check_arrays, parameter_of
from runtime.code import load_object
from runtime.codegen import emit_assembly, emit_object, in_child
from runtime.collection import without_collection
from runtime.debug import debug_level, show, timed
from runtime.declared import check_defined
from runtime.executable import Executable
from runtime.host import check_runs_here, resolve_target
from runtime.schedule_cache import tuned_schedules

T = TypeVar("T")
Shapes = tuple[tuple[int, ...], ...]

# The dialects of which every operation passes through our own lowering.
_OURS = frozenset(
    ("builtin", "func", "linalg", "tensor", "arith", "math", "scf", "memref", "br")
)


@dataclass(frozen=True)
class Lowered:
    """One entry as LLVM IR text, and how to call it."""

    llvm_ir: str
    interface: Interface
    weights: Sequence[Array]
    """What the load function takes."""


class Program:
    """A parsed module with its entry, target and bound constants: what is needed to
    lower it for any shapes of its arguments."""

    def __init__(
        self,
        module: ModuleOp,
        entry: str | None,
        target: Target,
        constants: Mapping[int, Array] | None = None,
        guard: bool = False,
        tuned: Tuned | None = None,
    ):
        self.module = module
        self.guarded = guard or not _OURS.issuperset(
            op.name.partition(".")[0] for op in module.walk()
        )
        self.target = target
        set_target(module, target)
        set_tuned(module, tuned or {})
        function = find_entry(module, entry)
        self.entry = function.sym_name.data
        types = list(function.function_type.inputs)
        parameters = [parameter_of(t, f"argument {i}") for i, t in enumerate(types)]
        results = function.function_type.outputs
        for i, type_ in enumerate(results):
            parameter_of(type_, f"result {i}")
        self.constants = _checked_constants(parameters, constants or {})
        for index in self.constants:
            bind(function, index)
        self.all_parameters = parameters
        self.free = [i for i in range(len(parameters)) if i not in self.constants]

    @property
    def parameters(self) -> list[Parameter]:
        """The arguments that a call gives: those that are no constants."""
        return [self.all_parameters[i] for i in self.free]

    def checked(self, arrays: Sequence[object]) -> list[Array]:
        """The arrays of a call, contiguous and of the right types and sizes."""
        names = [f"argument {i}" for i in self.free]
        return check_arrays(self.parameters, arrays, names)

    def static_shapes(self) -> Shapes | None:
        """The free arguments' shapes, if none of them waits for an array."""
        shapes = [p.shape for p in self.parameters]
        if any(size is None for shape in shapes for size in shape):
            return None
        return tuple(tuple(s for s in shape if s is not None) for shape in shapes)

    def specialised(self, shapes: Shapes) -> ModuleOp:
        """A copy of the module in which no size of an argument is open."""
        module = self.module.clone()
        attach_resources(module, resources(self.module))
        every = {i: array.shape for i, array in self.constants.items()}
        every |= dict(zip(self.free, shapes, strict=True))
        specialise(module, self.entry, [every[i] for i in range(len(every))])
        return module

    @without_collection()
    def lowered(self, shapes: Shapes) -> Lowered:
        """Down to LLVM IR."""
        module = self.specialised(shapes)
        with timed("lower to the llvm dialect"):
            interface, constants = lower_to_cpu(
                module, self.target, self.entry, _stopwatch(), context()
            )
        with timed("print LLVM IR"):
            text = llvm_ir(module)
        show(3, "LLVM IR", text)
        if debug_level() >= 4:
            show(4, "assembly", self.generate(emit_assembly, text))
        return Lowered(text, interface, self.weights(interface, constants))

    def weights(
        self, interface: Interface, constants: Sequence[Attribute]
    ) -> list[Array]:
        """The arrays that the load function takes: bound arguments and constants."""
        blobs = resources(self.module)
        decoded = (dense_bits(constant, blobs) for constant in constants)
        return [
            next(decoded) if index is None else self.constants[index]
            for index in interface.load_arguments
        ]

    def generate(self, emit: Callable[[str, Target], T], text: str) -> T:
        """Gives LLVM IR to one of the code generator's functions.

        A fatal error of LLVM ends its process. What the pipeline makes of linalg causes
        none, so only operations that reach LLVM as the user wrote them are compiled in
        a child process; and the command lines always do, where its 20 ms count little.
        """
        with timed("LLVM"):
            if self.guarded:
                return in_child(emit, text, self.target)
            return emit(text, self.target)


def _stopwatch() -> Observer:
    """Prints how long each pass took, where BR_DEBUG asks for it."""
    last = time.perf_counter()

    def observe(name: str, _: ModuleOp) -> None:
        nonlocal last
        now = time.perf_counter()
        show(1, name, f"{(now - last) * 1e3:.1f} ms")
        last = now

    return observe


def _checked_constants(
    parameters: Sequence[Parameter], constants: Mapping[int, object]
) -> dict[int, Array]:
    arrays: dict[int, Array] = {}
    for index, value in sorted(constants.items()):
        if index not in range(len(parameters)):
            raise BrError(
                f"expected constants for arguments 0 to {len(parameters) - 1}, "
                f"got one for argument {index}"
            )
        arrays[index] = check_array(parameters[index], value, f"constant {index}")
    return arrays


class Compiled:
    """A compiled function. Call it with numpy arrays; it returns one array or a tuple.

    Sizes that the program leaves open (`?`) are bound by the arrays given: for each
    concrete shape one piece of machine code is made and kept.
    """

    def __init__(self, program: Program):
        self._program = program
        self._executables: dict[Shapes, Executable] = {}
        self._lock = threading.Lock()
        self._shapes = program.static_shapes()
        if self._shapes is not None:
            self.executable(self._shapes)

    @property
    def parameters(self) -> list[Parameter]:
        """What a call expects, in order."""
        return self._program.parameters

    def executable(self, shapes: Shapes) -> Executable:
        """The machine code for concrete shapes, made on first use."""
        with self._lock:
            if shapes not in self._executables:
                self._executables[shapes] = self._build(shapes)
            return self._executables[shapes]

    def _build(self, shapes: Shapes) -> Executable:
        program = self._program
        check_defined(program.module)
        lowered = program.lowered(shapes)
        interface = lowered.interface
        image = program.generate(emit_object, lowered.llvm_ir)
        names = filter(None, (interface.entry, interface.load_entry))
        code = load_object(image, program.target, names)
        with timed("pack weights"):
            return Executable(code, interface, self.parameters, lowered.weights)

    def __call__(self, *arrays: object) -> Array | tuple[Array, ...]:
        checked = self._program.checked(arrays)
        self._shapes = tuple(array.shape for array in checked)
        results = self.executable(self._shapes)(checked)
        return results[0] if len(results) == 1 else tuple(results)

    def _known_shapes(self) -> Shapes:
        if self._shapes is None:
            raise BrError(
                "expected a call first: the arrays bind the sizes that "
                f"{', '.join(map(str, self.parameters))} leave open"
            )
        return self._shapes

    def ir(self, stage: str = "input") -> str:
        """The program as MLIR text after a stage of the pipeline, for the shapes of the
        latest call. `input` is what came in."""
        names = ["input"]
        for name, passes in STAGES:
            names += dict.fromkeys((*passes, name))
        if stage not in names:
            raise BrError(f"expected a stage out of {', '.join(names)}, got '{stage}'")
        if stage == "input":
            return str(self._program.module)
        module = self._program.specialised(self._known_shapes())
        run_until(module, self._program.target, stage)
        return str(module)

    def llvm_ir(self) -> str:
        """The LLVM IR made for the shapes of the latest call."""
        return self._program.lowered(self._known_shapes()).llvm_ir

    def assembly(self) -> str:
        """The assembly made for the shapes of the latest call."""
        return self._program.generate(emit_assembly, self.llvm_ir())


def run_until(module: ModuleOp, target: Target, stage: str) -> None:
    """The pipeline up to and including a stage or one of its passes."""
    set_target(module, target)
    ctx = context()
    for name, passes in STAGES:
        for pass_name in passes:
            pass_named(pass_name)().apply(ctx, module)
            if pass_name == stage:
                return
        if name == stage:
            return


@without_collection()
def load_program(
    source: str | Path | ModuleOp,
    entry: str | None,
    target: Target,
    constants: Mapping[int, Array] | None = None,
    guard: bool = False,
    tuned: bool = False,
) -> Program:
    """Reads a file (a path), parses MLIR text (a string with a line break or a
    bracket) or takes a module as it is; with the tuned schedules of the target."""
    with timed("parse"):
        if isinstance(source, ModuleOp):
            module = source.clone()
            attach_resources(module, resources(source))
        elif isinstance(source, str) and any(c in source for c in "\n{("):
            module = parse_module(source)
        else:
            module = read_module(Path(source))
    schedules = tuned_schedules(target) if tuned else {}
    return Program(module, entry, target, constants, guard, schedules)


def compile(
    source: str | Path | ModuleOp,
    entry: str | None = None,
    target: Target | str | None = None,
    threads: int | None = None,
    constants: Mapping[int, Array] | None = None,
    tuned: bool = True,
) -> Compiled:
    """Compiles one function of a program on tensors for this machine.

    * `source`: the path of an .mlir file, MLIR text, or a module.
    * `entry`: the function; may be left out if there is one, or one named main.
    * `target`: `host` (the default) or a target that this machine can run.
    * `threads`: how many run parallel loops; all processors where it is left out.
    * `constants`: arrays for some arguments, such as weights. They are given once,
      here, and packed once; calls take the other arguments.
    * `tuned`: whether to use the schedules that br-tune has found for this target.
    """
    resolved = resolve_target(target, threads)
    check_runs_here(resolved)
    return Compiled(load_program(source, entry, resolved, constants, tuned=tuned))
