"""A program that has been read, and what the compiler makes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from xdsl.dialects import func
from xdsl.dialects.builtin import (
    DYNAMIC_INDEX,
    ArrayAttr,
    DictionaryAttr,
    ModuleOp,
    TensorType,
    UnitAttr,
)
from xdsl.ir import Attribute, Block, Region

from brdialect.arrays import Array
from brdialect.errors import BrError
from brdialect.interface import UNSIGNED, Interface, Nest
from brdialect.launch_plan import LaunchPlan
from brdialect.locations import place
from brdialect.readers import OpenProgram
from brdialect.reference import find_entry
from brdialect.resources import dense_bits
from brdialect.source import (
    attach_resources,
    context,
    parse_module,
    read_program,
    resources,
)
from brdialect.target import Target, set_target
from passes.gpu.pipeline import lower_kernels, stages_of
from passes.llvm.call_by_table import call_by_table
from passes.llvm.llvm_text import llvm_ir
from passes.memory.time_nests import time_entry
from passes.pipelines import (
    lower_functions,
    lower_to_functions,
)
from passes.program.specialise import specialise
from passes.program.split_module import contractions, split_module
from passes.registry import pass_named
from passes.schedule.tuned_schedules import Tuned, set_tuned
from passes.shared.load_time import bind
from runtime.children import in_child, in_children
from runtime.code import Objects
from runtime.codegen import emit_assembly, emit_object
from runtime.collection import without_collection
from runtime.debug import debug_level, show, stopwatch, timed
from runtime.declared import check_defined
from runtime.device_executable import DeviceCode
from runtime.entry import check_marks, signature_of
from runtime.host import cpus
from runtime.schedule_cache import tuned_schedules
from runtime.signature import Shapes
from runtime.source_digest import is_text

T = TypeVar("T")

# The dialects of which every operation passes through our own lowering.
_OURS = frozenset(
    ("builtin", "func", "linalg", "tensor", "arith", "math", "scf", "memref", "br")
)

_CONTRACTIONS_PER_PART = 8


@dataclass(frozen=True)
class Lowered:
    """One entry as LLVM IR text, and how to call it."""

    llvm_ir: str
    interface: Interface
    weights: Sequence[Array]
    """What the load function takes."""

    plan: LaunchPlan | None = None
    """Of a GPU's kernels."""


class Program:
    """A parsed module with its entry, target and bound constants: what is needed to
    lower it for any shapes of its arguments."""

    def __init__(
        self,
        module: ModuleOp | OpenProgram,
        entry: str | None,
        target: Target,
        constants: Mapping[int, object] | None = None,
        guard: bool = False,
        tuned: Tuned | None = None,
        profile: bool = False,
        state: bool = False,
    ):
        self.profile = profile
        """Whether the code reads the clock between its nests."""
        self._open, self._tuned = None, tuned
        if isinstance(module, OpenProgram):
            self._open, module = module, stand_in(module)
        self.module = module
        self.guarded = guard or not _OURS.issuperset(
            op.name.partition(".")[0] for op in module.walk()
        )
        self.target = target
        set_target(module, target)
        if tuned is not None:
            set_tuned(module, tuned)
        function = find_entry(module, entry)
        signature = signature_of(function, target)
        self.constants = signature.checked_constants(constants or {})
        check_marks(function, self.constants, state)
        for index in self.constants:
            bind(function, index)
        self.signature = replace(signature, constants=frozenset(self.constants))

    def specialised(self, shapes: Shapes) -> ModuleOp:
        """A copy of the module in which sizes of arguments are open only where those of
        `shapes` are."""
        every: dict[int, tuple[int | None, ...]]
        every = {i: array.shape for i, array in self.constants.items()}
        every |= dict(zip(self.signature.free, shapes, strict=True))
        in_order = [every[i] for i in range(len(every))]
        if self._open is not None:
            return self._opened(self._open, in_order)
        module = self.module.clone()
        attach_resources(module, resources(self.module))
        specialise(module, self.signature.entry, in_order)
        return module

    def _opened(
        self, program: OpenProgram, shapes: Sequence[tuple[int | None, ...]]
    ) -> ModuleOp:
        """The module that an open program is for these shapes, all of them known."""
        sizes = [tuple(n for n in shape if n is not None) for shape in shapes]
        module = program.at(sizes, self.constants)
        set_target(module, self.target)
        if self._tuned is not None:
            set_tuned(module, self._tuned)
        for index in self.constants:
            bind(find_entry(module, self.signature.entry), index)
        return module

    @without_collection()
    def lowered(self, shapes: Shapes) -> Lowered:
        """Down to LLVM IR."""
        module, interface, weights = self._functions(shapes)
        if not self.target.is_gpu:
            return Lowered(_llvm_ir(module), interface, weights)
        with timed("lower to kernels"):
            plan = lower_kernels(module, interface, stopwatch(), context())
        text = llvm_ir(module)
        show(3, "LLVM IR", text)
        return Lowered(text, interface, weights, plan)

    def _functions(self, shapes: Shapes) -> tuple[ModuleOp, Interface, Sequence[Array]]:
        """Down to functions on memory, with what the load function takes."""
        module = self.specialised(shapes)
        with timed("lower to functions"):
            interface, constants = lower_to_functions(
                module,
                self.target,
                self.signature.entry,
                stopwatch(),
                context(),
                stages_of(self.target),
            )
        return module, interface, self.weights(module, interface, constants)

    @cached_property
    def _operations(self) -> Mapping[str, str]:
        """Of each line and column of the source, which operation stands there."""
        return {place(op.location): op.name for op in self.module.walk()}

    def weights(
        self, module: ModuleOp, interface: Interface, constants: Sequence[Attribute]
    ) -> list[Array]:
        """The arrays that the load function takes: bound arguments and constants."""
        blobs = resources(module)
        decoded = (dense_bits(constant, blobs) for constant in constants)
        return [
            next(decoded) if index is None else self.constants[index]
            for index in interface.load_arguments
        ]

    @without_collection()
    def object_code(self, shapes: Shapes) -> Objects:
        """Down to object files, for arrays of these shapes."""
        check_defined(self.module)
        module, interface, weights = self._functions(shapes)
        if self.profile:
            nests = time_entry(module, self.signature.entry)
            interface.nests = [named(nest, self._operations) for nest in nests]
        parts = split_module(module, _parts(module))
        names = interface.functions
        jobs = [partial(_object_file, part, self.target, names) for part in parts]
        with timed("lower functions to machine code"):
            apart = self.guarded or len(parts) > 1
            images = in_children(jobs) if apart else [job() for job in jobs]
        return Objects(images, interface, weights)

    @without_collection()
    def device_code(self, shapes: Shapes) -> DeviceCode:
        """Down to a GPU's kernels and the plan of their launches."""
        check_defined(self.module)
        found = self.lowered(shapes)
        assert found.plan is not None
        ptx = self.generate(emit_assembly, found.llvm_ir)
        show(4, "PTX", ptx)
        return DeviceCode(ptx, found.plan, found.interface, found.weights)

    def assembly(self, text: str) -> str:
        """What the code generator makes of LLVM IR, as text."""
        return self.generate(emit_assembly, text)

    def ir(self, shapes: Shapes, stage: str) -> str:
        """MLIR text after a stage of the pipeline or one of its passes."""
        names = ["input"]
        for name, passes in stages_of(self.target):
            names += dict.fromkeys((*passes, name))
        if stage not in names:
            raise BrError(f"expected a stage out of {', '.join(names)}, got '{stage}'")
        module = self.specialised(shapes)
        run_until(module, self.target, stage)
        return str(module)

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


def named(nest: Nest, operations: Mapping[str, str]) -> Nest:
    """A nest that names the operations of the lines that it comes from."""
    nodes = [(at, kind or operations.get(at, "")) for at, kind in nest.nodes]
    return replace(nest, nodes=nodes)


def stand_in(program: OpenProgram) -> ModuleOp:
    """A function of the program's arguments that does nothing."""
    types = [
        TensorType(a.element, [DYNAMIC_INDEX if n is None else n for n in a.shape])
        for a in program.arguments
    ]
    marks = [
        DictionaryAttr({UNSIGNED: UnitAttr()} if a.unsigned else {})
        for a in program.arguments
    ]
    body = Region(Block([func.ReturnOp()], arg_types=types))
    function = func.FuncOp(program.entry, (types, ()), body, arg_attrs=ArrayAttr(marks))
    return ModuleOp([function])


def _parts(module: ModuleOp) -> int:
    """Into how many parts a module is cut that are lowered at the same time: a part has
    some contractions, so that it takes longer than to start its process. The copy of a
    process has one thread, and the locks that others hold would stay locked in it."""
    if threading.active_count() > 1:
        return 1
    return min(cpus(), 1 + contractions(module) // _CONTRACTIONS_PER_PART)


def _llvm_ir(module: ModuleOp, by_table: Sequence[str] = ()) -> str:
    """The LLVM IR of functions on memory, some of which are called with a table."""
    lower_functions(module, stopwatch(), context())
    call_by_table(module, by_table)
    with timed("print LLVM IR"):
        text = llvm_ir(module)
    show(3, "LLVM IR", text)
    return text


def _object_file(module: ModuleOp, target: Target, by_table: Sequence[str]) -> bytes:
    """The machine code of functions on memory."""
    text = _llvm_ir(module, by_table)
    if debug_level() >= 4:
        show(4, "assembly", emit_assembly(text, target))
    with timed("LLVM"):
        return emit_object(text, target)


def run_until(module: ModuleOp, target: Target, stage: str) -> None:
    """The pipeline up to and including a stage or one of its passes."""
    set_target(module, target)
    ctx = context()
    for name, passes in stages_of(target):
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
    constants: Mapping[int, object] | None = None,
    guard: bool = False,
    tuned: bool = False,
    profile: bool = False,
    state: bool = False,
) -> Program:
    """Reads a file (a path), parses MLIR text (a string with a line break or a
    bracket) or takes a module as it is; with the tuned schedules of the target, and for
    a `profile` if its times are to be looked at."""
    with timed("parse"):
        if isinstance(source, ModuleOp):
            module = source.clone()
            attach_resources(module, resources(source))
        elif isinstance(source, str) and is_text(source):
            module = parse_module(source)
        else:
            module = read_program(Path(source))
    schedules = tuned_schedules(target) if tuned else None
    return Program(module, entry, target, constants, guard, schedules, profile, state)
