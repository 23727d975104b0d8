"""Loads an object file into this process: as much of a linker as our own objects need.

An object (ELF, x86-64) has sections of code and data, and relocations: places in them
that want the address of a symbol. Here the sections go into one mapping,

    code | jumps to functions outside | data that is only read, addresses | other data

each group on pages of its own: executable, read-only, writable. A function outside (the
C library's, the thread team's) may be further away than the 2 GiB that a call spans, so
calls go to a jump nearby, which takes the address from a table.

LLVM has such a linker too, but it takes longer to start than most models take to run.
What stands here knows what position-independent code for x86-64 consists of, and raises
`UnknownObjectError` at anything else; the caller then asks LLVM.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any


class UnknownObjectError(Exception):
    """An object that this loader has no rule for."""


# Names and numbers of the ELF specification and of the psABI for x86-64.
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QIIq")
_IDENT = b"\x7fELF\x02\x01"
_RELOCATABLE, _X86_64 = 1, 62
_SYMTAB, _RELA, _NOBITS = 2, 4, 8
_PLAIN = (1, 7, _NOBITS, 0x70000001)
"""PROGBITS, NOTE, NOBITS, X86_64_UNWIND: nothing runs before the first call."""

_WRITE, _ALLOC, _EXECUTE, _THREAD_LOCAL = 1, 2, 4, 0x400
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1
_LOCAL, _WEAK = 0, 2

_NONE, _ADDRESS, _CALL = 0, 1, 4
_RELATIVE = {2: "<i", _CALL: "<i", 24: "<q"}
"""PC32, PLT32, PC64: the distance to the symbol."""

_TO_TABLE = (9, 41, 42)
"""GOTPCREL, GOTPCRELX, REX_GOTPCRELX: the distance to the symbol's address."""

_JUMP = b"\xff\x25"
"""jmp [rip + four bytes]"""
_JUMP_BYTES = 8


@dataclass(frozen=True)
class _Section:
    """A row of the section table, without what nobody here reads."""

    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int


@dataclass(frozen=True)
class _Symbol:
    name: str
    binding: int
    section: int
    value: int


@dataclass(frozen=True)
class _Relocation:
    section: int
    offset: int
    kind: int
    symbol: int
    addend: int


class _Object:
    """An object file, read."""

    def __init__(self, image: bytes):
        try:
            self._read(image)
        except (struct.error, ValueError, IndexError) as e:
            raise UnknownObjectError(f"damaged: {e}") from e

    def _read(self, image: bytes) -> None:
        ident, kind, machine, *rest = _HEADER.unpack_from(image)
        table, rows = rest[3], rest[9]
        if (ident[:6], kind, machine) != (_IDENT, _RELOCATABLE, _X86_64):
            raise UnknownObjectError("no relocatable object for x86-64")
        self.image = image
        self.sections: list[_Section] = []
        for row in range(rows):
            at = table + row * _SECTION.size
            _, kind, flags, _, *rest = _SECTION.unpack_from(image, at)
            offset, size, link, info, alignment, _ = rest
            if kind != _NOBITS and offset + size > len(image):
                raise UnknownObjectError("damaged: a section behind the end")
            self.sections.append(
                _Section(kind, flags, offset, size, link, info, max(alignment, 1))
            )
        self.symbols: list[_Symbol] = []
        self.relocations: list[_Relocation] = []
        for section in self.sections:
            if section.kind == _SYMTAB:
                self._read_symbols(section)
            elif section.kind == _RELA and self.sections[section.info].flags & _ALLOC:
                self.relocations += [
                    _Relocation(section.info, offset, kind, symbol, addend)
                    for offset, kind, symbol, addend in _RELOCATION.iter_unpack(
                        self.content(section)
                    )
                ]

    def _read_symbols(self, section: _Section) -> None:
        names = self.content(self.sections[section.link])
        for name, info, _, where, value, _ in _SYMBOL.iter_unpack(
            self.content(section)
        ):
            text = names[name : names.index(b"\0", name)].decode()
            self.symbols.append(_Symbol(text, info >> 4, where, value))

    def content(self, section: _Section) -> bytes:
        """The bytes of a section."""
        return self.image[section.offset : section.offset + section.size]


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


@cache
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _address_outside(name: str) -> int | None:
    """Where a function of a library that this process has loaded starts."""
    try:
        function = getattr(_c_library(), name)
    except AttributeError:
        return None
    return ctypes.cast(function, ctypes.c_void_p).value


class ElfCode:
    """One object in memory. Its functions live as long as it does."""

    def __init__(self, image: bytes, imports: Mapping[str, int]):
        """`imports`: addresses of symbols that come before those of this process."""
        if os.name != "posix" or platform.machine() not in ("x86_64", "amd64"):
            raise UnknownObjectError(f"no rules for {os.name} on {platform.machine()}")
        self._object = _Object(image)
        self._imports = imports
        self._place()
        for section, start in self._starts.items():
            row = self._object.sections[section]
            if row.kind != _NOBITS:
                self._memory[start : start + row.size] = self._object.content(row)
        self._fill_table()
        try:
            for relocation in self._object.relocations:
                self._relocate(relocation)
        except (struct.error, IndexError) as e:
            raise UnknownObjectError(f"damaged: {e}") from e
        self._protect()

    def address(self, name: str) -> int:
        """Where a function of the object starts."""
        return self.functions[name]

    @cached_property
    def functions(self) -> dict[str, int]:
        """Where each function starts that other objects may call."""
        return {
            known.name: self._value(symbol)
            for symbol, known in enumerate(self._object.symbols)
            if known.binding != _LOCAL and known.section in self._starts
        }

    def _place(self) -> None:
        """Decides where everything stands, and makes the mapping."""
        groups: list[list[int]] = [[], [], []]  # executable, read-only, writable
        for number, section in enumerate(self._object.sections):
            if not section.flags & _ALLOC:
                continue
            if (
                section.kind not in _PLAIN
                or section.flags & _THREAD_LOCAL
                or section.alignment > mmap.PAGESIZE
            ):
                raise UnknownObjectError(f"section {number} is more than code or data")
            executable, writable = section.flags & _EXECUTE, section.flags & _WRITE
            groups[0 if executable else 2 if writable else 1].append(number)
        relocated = {r.symbol for r in self._object.relocations}
        self._slots = {symbol: i for i, symbol in enumerate(sorted(relocated))}
        self._starts: dict[int, int] = {}
        position = self._placed(groups[0], 0)
        self._jumps = _aligned(position, 16)
        self._code_end = _aligned(
            self._jumps + _JUMP_BYTES * len(self._slots), mmap.PAGESIZE
        )
        self._table = _aligned(self._placed(groups[1], self._code_end), 8)
        self._read_end = _aligned(self._table + 8 * len(self._slots), mmap.PAGESIZE)
        end = self._placed(groups[2], self._read_end)
        # private and anonymous: zeroed, as the sections without bytes expect
        self._memory = mmap.mmap(-1, max(end, 1), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))

    def _placed(self, numbers: Sequence[int], position: int) -> int:
        """Places sections from `position` on; the end of the last."""
        for number in numbers:
            section = self._object.sections[number]
            self._starts[number] = _aligned(position, section.alignment)
            position = self._starts[number] + section.size
        return position

    def _is_outside(self, symbol: int) -> bool:
        return self._object.symbols[symbol].section == _UNDEFINED

    def _value(self, symbol: int) -> int:
        """The address of a symbol, of this object or outside."""
        known = self._object.symbols[symbol]
        if known.section in self._starts:
            return self._base + self._starts[known.section] + known.value
        if known.section == _ABSOLUTE:
            return known.value
        if known.section != _UNDEFINED or not known.name:
            raise UnknownObjectError(f"symbol '{known.name}' in no section")
        address = self._imports.get(known.name) or _address_outside(known.name)
        if address is None and known.binding != _WEAK:
            raise UnknownObjectError(f"no '{known.name}' in this process")
        return address or 0

    def _fill_table(self) -> None:
        """The addresses of all symbols in use, and a jump to each that is outside."""
        for symbol, slot in self._slots.items():
            entry, jump = self._table + 8 * slot, self._jumps + _JUMP_BYTES * slot
            struct.pack_into("<Q", self._memory, entry, self._value(symbol))
            if self._is_outside(symbol):
                self._memory[jump : jump + 2] = _JUMP
                struct.pack_into("<i", self._memory, jump + 2, entry - (jump + 6))

    def _relocate(self, relocation: _Relocation) -> None:
        """Writes what one place in a section wants."""
        place = self._starts[relocation.section] + relocation.offset
        symbol, addend = relocation.symbol, relocation.addend
        if relocation.kind == _NONE:
            return
        if relocation.kind == _ADDRESS:
            value = (self._value(symbol) + addend) % 2**64
            struct.pack_into("<Q", self._memory, place, value)
        elif relocation.kind in _RELATIVE:
            if self._is_outside(symbol):
                if relocation.kind != _CALL:
                    raise UnknownObjectError("data outside without a table")
                to = self._jumps + _JUMP_BYTES * self._slots[symbol]
            else:
                to = self._value(symbol) - self._base
            form = _RELATIVE[relocation.kind]
            struct.pack_into(form, self._memory, place, to + addend - place)
        elif relocation.kind in _TO_TABLE:
            to = self._table + 8 * self._slots[symbol]
            struct.pack_into("<i", self._memory, place, to + addend - place)
        else:
            raise UnknownObjectError(f"relocation of type {relocation.kind}")

    def _protect(self) -> None:
        """From now on no page is both writable and executable."""
        for start, end, rights in (
            (0, self._code_end, mmap.PROT_READ | mmap.PROT_EXEC),
            (self._code_end, self._read_end, mmap.PROT_READ),
        ):
            arguments: Sequence[Any] = (
                ctypes.c_void_p(self._base + start),
                ctypes.c_size_t(end - start),
                rights,
            )
            if end > start and _c_library().mprotect(*arguments):
                reason = f"error {ctypes.get_errno()}"
                raise UnknownObjectError(
                    f"the system makes no page executable: {reason}"
                )
