"""Machine code from LLVM IR text in this process, and LLVM's own linker for objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import count

import llvmlite.binding as llvm

from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.code import Code, link, load_objects
from runtime.codegen import emit_object
from runtime.threads import SERIAL_TEAM, SYMBOLS

_numbers = count()


@cache
def _linker() -> llvm.LLJIT:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler()


class LinkedCode:
    """Objects loaded by LLVM. Their functions live as long as it does."""

    def __init__(
        self, images: Sequence[bytes], exports: Iterable[str], team: Mapping[str, int]
    ):
        library = llvm.JITLibraryBuilder()
        for image in images:
            library.add_object_img(image)
        library.add_current_process()  # memcpy, aligned_alloc, fmaf ...
        names = list(exports)
        for name in names:
            library.export_symbol(name)
        for name, address in team.items():
            library.import_symbol(name, address)
        try:
            self._tracker = library.link(_linker(), f"code{next(_numbers)}")
        except RuntimeError as e:
            raise BrError(f"the compiled code cannot be loaded: {e}") from e
        self._addresses: dict[str, int] = {name: self._tracker[name] for name in names}

    def address(self, name: str) -> int:
        """Where an exported function starts."""
        return self._addresses[name]


@cache
def _serial_code(target: Target) -> Code:
    return link([emit_object(SERIAL_TEAM, target)], SYMBOLS, {})


def serial_team(target: Target) -> Mapping[str, int]:
    """The entries of a team of one."""
    code = _serial_code(target)
    return {name: code.address(name) for name in SYMBOLS}


def load(llvm_ir: str, target: Target, exports: Iterable[str]) -> Code:
    """Compiles LLVM IR text and loads it."""
    return load_objects([emit_object(llvm_ir, target)], target, exports)
