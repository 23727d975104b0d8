"""`brdialect.compile`: from MLIR text or a file to a function on numpy arrays."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brdialect.arrays import Array
from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.arguments import Parameter
from runtime.collection import without_collection
from runtime.executable import Executable
from runtime.host import check_runs_here, resolve_target, with_exact
from runtime.model import Model, Request
from runtime.signature import Shapes, Signature

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from runtime.device_executable import Call, DeviceExecutable


class Compiled:
    """A compiled function. Call it with numpy arrays; it returns one array or a tuple.

    Sizes that the program leaves open (`?`) are bound by the arrays given: for each
    concrete shape one piece of machine code is made and kept. The length of sequences
    that only recurrences look at is not bound: one piece of code takes any.
    """

    @without_collection()
    def __init__(self, model: Model):
        self._model = model
        self._executables: dict[Shapes, Executable] = {}
        self._on_device: dict[Shapes, DeviceExecutable] = {}
        self._lock = threading.Lock()
        self._shapes = model.signature.static_shapes()
        if self._shapes is not None:
            self.prepare(self._shapes)

    @property
    def signature(self) -> Signature:
        """The entry function's name and arguments."""
        return self._model.signature

    @property
    def parameters(self) -> list[Parameter]:
        """What a call expects, in order."""
        return self.signature.parameters

    def prepare(self, shapes: Shapes) -> None:
        """Makes or loads the code for arrays of these shapes."""
        if self._model.target.is_gpu:
            self._device_executable(shapes)
        else:
            self.executable(shapes)

    def executable(self, shapes: Shapes) -> Executable:
        """The machine code for arrays of these shapes, made or loaded on first use."""
        shapes = self.signature.opened(shapes)
        with self._lock:
            if shapes not in self._executables:
                self._executables[shapes] = self._model.executable(shapes)
            return self._executables[shapes]

    def bound_on_device(self, arrays: Sequence[object]) -> Call:
        """On a GPU: a call with all arrays on the device already, its launches
        recorded."""
        checked = self.signature.checked_on_device(arrays)
        executable = self._device_executable(tuple(a.shape for a in checked))
        placed, results = executable.placed(checked), executable.results()
        return executable.bind(placed, results, record=True)

    def _device_executable(self, shapes: Shapes) -> DeviceExecutable:
        """The same on a GPU."""
        with self._lock:
            if shapes not in self._on_device:
                self._on_device[shapes] = self._model.device_executable(shapes)
            return self._on_device[shapes]

    def __call__(self, *arrays: object) -> Array | tuple[Array, ...]:
        if self._model.target.is_gpu:
            placed = self.signature.checked_on_device(arrays)
            self._shapes = tuple(array.shape for array in placed)
            results: list[Any] = self._device_executable(self._shapes)(placed)
        else:
            checked = self.signature.checked(arrays)
            self._shapes = tuple(array.shape for array in checked)
            results = self.executable(self._shapes)(checked)
        return results[0] if len(results) == 1 else tuple(results)

    def _known_shapes(self) -> Shapes:
        if self._shapes is None:
            raise BrError(
                "expected a call first: the arrays bind the sizes that "
                f"{', '.join(map(str, self.parameters))} leave open"
            )
        return self.signature.opened(self._shapes)

    def ir(self, stage: str = "input") -> str:
        """The program as MLIR text after a stage of the pipeline, for the shapes of the
        latest call. `input` is what came in."""
        if stage == "input":
            return str(self._model.program.module)
        return self._model.program.ir(self._known_shapes(), stage)

    def llvm_ir(self) -> str:
        """The LLVM IR made for the shapes of the latest call."""
        return self._model.program.lowered(self._known_shapes()).llvm_ir

    def assembly(self) -> str:
        """The assembly made for the shapes of the latest call."""
        return self._model.program.assembly(self.llvm_ir())


def compile(
    source: str | Path | ModuleOp,
    entry: str | None = None,
    target: Target | str | None = None,
    threads: int | None = None,
    constants: Mapping[int, Array] | None = None,
    tuned: bool = True,
    cache: bool = True,
    exact: bool = False,
) -> Compiled:
    """Compiles one function of a program on tensors for this machine.

    * `source`: the path of an .mlir file, MLIR text, or a module.
    * `entry`: the function; may be left out if there is one, or one named main.
    * `target`: `host` (the default) or a target that this machine can run.
    * `threads`: how many run parallel loops; all processors where it is left out.
    * `constants`: arrays for some arguments, such as weights. They are given once,
      here, and packed once; calls take the other arguments.
    * `tuned`: whether to use the schedules that br-tune has found for this target.
    * `cache`: whether to take the code from the user's cache, and to keep it there.
      Nothing is kept of a module that is given as one: its text is not known.
    * `exact`: on a GPU, products of f32 are f32's own, not tf32's on tensor cores.

    For a GPU (`nvptx64-...`) arguments may lie on the device, whatever library made
    them; the results then do, too.
    """
    resolved = with_exact(resolve_target(target, threads), exact)
    check_runs_here(resolved)
    request = Request(source, entry, resolved, constants, tuned=tuned, cache=cache)
    return Compiled(Model(request))
