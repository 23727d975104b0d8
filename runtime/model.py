"""A program that is read and lowered when that is needed: not where the code cache has
what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from brdialect.arrays import Array
from brdialect.targets import Target
from runtime.code import load_objects
from runtime.code_cache import open_cache
from runtime.debug import debug_level, timed
from runtime.executable import Executable, pack
from runtime.kept_code import KeptCode
from runtime.schedule_file import schedule_file
from runtime.signature import Shapes, Signature
from runtime.source_digest import digest_of

if TYPE_CHECKING:
    from xdsl.dialects.builtin import ModuleOp

    from runtime.device_executable import DeviceExecutable
    from runtime.program import Program


@dataclass(frozen=True)
class Request:
    """What is to be compiled, and how."""

    source: str | Path | ModuleOp
    """A path, MLIR text or a module."""

    entry: str | None
    target: Target
    constants: Mapping[int, object] | None = None
    guard: bool = False
    """Whether LLVM runs in a process of its own, whatever the program says."""

    tuned: bool = True
    """Whether to use the schedules that br-tune has found."""

    cache: bool = True
    """Whether to use the user's cache of compiled code."""

    profile: bool = False
    """Whether the code reads the clock between its nests. It is made for sequences of
    one length then, too."""

    state: bool = False
    """Whether the caller keeps state (`br.state`) as the code wants it."""


class Model:
    """One request, and what is known of it so far."""

    def __init__(self, request: Request):
        self.request = request

    @property
    def target(self) -> Target:
        """What the code is made for."""
        return self.request.target

    @cached_property
    def program(self) -> Program:
        """The program, read."""
        from runtime.program import load_program

        request = self.request
        return load_program(
            request.source,
            request.entry,
            request.target,
            request.constants,
            request.guard,
            request.tuned,
            request.profile,
            request.state,
        )

    @cached_property
    def signature(self) -> Signature:
        """The entry function's name and arguments."""
        found = self._kept.signature() if self._kept is not None else None
        if found is None:
            found = self.program.signature
            if self._kept is not None:
                self._kept.keep_signature(found)
        constants = self.request.constants or {}
        self._constants: dict[int, Array] = found.checked_constants(constants)
        found = replace(found, constants=frozenset(self._constants))
        return replace(found, open_sizes=frozenset()) if self.request.profile else found

    def arguments(self, arrays: Sequence[Array]) -> list[Array]:
        """All of them in order, where a call gives `arrays`."""
        signature = self.signature
        every = {**self._constants, **dict(zip(signature.free, arrays, strict=True))}
        return [every[i] for i in range(len(every))]

    def device_executable(self, shapes: Shapes) -> DeviceExecutable:
        """The kernels for concrete shapes, on the GPU."""
        from runtime.device_executable import DeviceExecutable

        parameters = self.signature.parameters
        code = self.program.device_code(shapes)
        with timed("load onto the device"):
            return DeviceExecutable(code, self.target, parameters)

    def executable(self, shapes: Shapes) -> Executable:
        """The machine code for concrete shapes: out of the cache, or else made."""
        signature = self.signature
        # who asks for the code's text wants to see it made
        if self._kept is not None and debug_level() < 3:
            with timed("look into the code cache"):
                found = self._kept.executable(signature, shapes, self._constants)
            if found is not None:
                return found
        made = self.program.object_code(shapes)
        interface = made.interface
        code = load_objects(made.images, self.target, interface.tables)
        with timed("pack weights"):
            packed = pack(code, interface, made.weights)
        if self._kept is not None:
            with timed("store in the code cache"):
                self._kept.keep_executable(signature, shapes, made, packed)
        return Executable(code, interface, signature.parameters, packed)

    @cached_property
    def _kept(self) -> KeptCode | None:
        """The program's part of the cache, if there is one."""
        request = self.request
        # the driver has a cache of its own for what it makes of PTX
        kept = request.cache and not request.target.is_gpu
        cache = open_cache() if kept else None
        if cache is None:
            return None
        with timed("digest"):
            source = digest_of(request.source, cache)
        if source is None:
            return None
        schedules = _digest_of_schedules(request.target) if request.tuned else ""
        constants = sorted(request.constants or {})
        kind = f"profile {request.profile}, state {request.state}, {constants}"
        return KeptCode(cache, source, request.entry, request.target, schedules, kind)


def _digest_of_schedules(target: Target) -> str:
    """Of the file of tuned schedules; empty where there is none."""
    path = schedule_file(target)
    try:
        return "" if path is None else blake2b(path.read_bytes()).hexdigest()
    except OSError:
        return ""
