"""Machine code in this process: loads objects, finds their functions' addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import count

import llvmlite.binding as llvm

from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.codegen import emit_object
from runtime.threads import SERIAL_TEAM, SYMBOLS, openmp_symbols

_numbers = count()


@cache
def _linker() -> llvm.LLJIT:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.create_lljit_compiler()


class Code:
    """One loaded object. Its functions live as long as it does."""

    def __init__(self, image: bytes, exports: Iterable[str], team: Mapping[str, int]):
        library = llvm.JITLibraryBuilder().add_object_img(image)
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
def _serial_team(target: Target) -> tuple[Code, Mapping[str, int]]:
    code = Code(emit_object(SERIAL_TEAM, target), SYMBOLS, {})
    return code, {name: code.address(name) for name in SYMBOLS}


def load(llvm_ir: str, target: Target, exports: Iterable[str]) -> Code:
    """Compiles LLVM IR text and loads it."""
    return load_object(emit_object(llvm_ir, target), target, exports)


def load_object(image: bytes, target: Target, exports: Iterable[str]) -> Code:
    """Loads an object file's bytes, with the thread team where it may need one."""
    team: Mapping[str, int] = {}
    if any(name.encode() in image for name in SYMBOLS):
        team = openmp_symbols() or _serial_team(target)[1]
    return Code(image, exports, team)
