"""The loader of object files: everything that position-independent code asks of it."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path
from typing import Any

import pytest

from brdialect.targets import TARGETS
from runtime.code import link
from runtime.codegen import emit_object
from runtime.elf import ElfCode, UnknownObjectError
from runtime.host import host_target
from runtime.jit import LinkedCode

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="elsewhere LLVM loads objects"
)


def object_of(llvm_ir: str) -> bytes:
    return emit_object(llvm_ir, host_target(1))


def call(llvm_ir: str, *arguments: int, **imports: int) -> int:
    """What the function @f gives, loaded by our own loader."""
    code = ElfCode(object_of(llvm_ir), imports)
    types = [ctypes.c_int64] * (len(arguments) + 1)
    return ctypes.CFUNCTYPE(*types)(code.address("f"))(*arguments)


def test_constants():
    text = """
    @table = private constant [4 x i64] [i64 3, i64 1, i64 4, i64 15]
    define i64 @f(i64 %i) {
      %p = getelementptr i64, ptr @table, i64 %i
      %x = load i64, ptr %p
      ret i64 %x
    }"""
    assert [call(text, i) for i in range(4)] == [3, 1, 4, 15]


def test_variables_with_and_without_bytes():
    text = """
    @count = internal global i64 40
    @zero = internal global [10000 x i64] zeroinitializer
    define i64 @f(i64 %i) {
      %p = getelementptr i64, ptr @zero, i64 %i
      %old = load i64, ptr %p
      store volatile i64 7, ptr %p
      %x = load volatile i64, ptr @count
      %y = add i64 %x, 1
      store volatile i64 %y, ptr @count
      %z = add i64 %y, %old
      ret i64 %z
    }"""
    code = ElfCode(object_of(text), {})
    f = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(code.address("f"))
    assert [f(9999), f(9999), f(0)] == [41, 42 + 7, 43]


def test_data_that_holds_addresses():
    text = """
    @x = internal constant i64 11
    @y = internal constant [2 x i64] [i64 0, i64 22]
    @places = internal constant [2 x ptr]
      [ptr @x, ptr getelementptr (i64, ptr @y, i64 1)]
    define i64 @f(i64 %i) {
      %p = getelementptr ptr, ptr @places, i64 %i
      %q = load ptr, ptr %p
      %v = load i64, ptr %q
      ret i64 %v
    }"""
    assert [call(text, i) for i in range(2)] == [11, 22]


def test_functions_of_the_c_library_and_given_ones():
    text = """
    declare double @cbrt(double)
    declare i64 @given(i64)
    define i64 @f(i64 %i) {
      %x = sitofp i64 %i to double
      %y = call double @cbrt(double %x)
      %n = fptosi double %y to i64
      %z = call i64 @given(i64 %n)
      ret i64 %z
    }"""
    double = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(lambda n: 2 * n)
    address = ctypes.cast(double, ctypes.c_void_p).value
    assert address is not None
    assert call(text, 27, given=address) == 6


def test_the_address_of_a_function_outside():
    text = """
    declare i64 @labs(i64)
    @table = internal constant [1 x ptr] [ptr @labs]
    define ptr @f(i64 %i) {
      %q = load volatile ptr, ptr @table
      %same = icmp eq ptr %q, @labs
      %r = select i1 %same, ptr @labs, ptr null
      ret ptr %r
    }"""
    labs = ctypes.cast(ctypes.CDLL(None).labs, ctypes.c_void_p).value
    assert call(text, 0) == labs


def test_a_jump_table():
    cases = "\n".join(f"i64 {i}, label %c{i}" for i in range(12))
    blocks = "\n".join(
        f"c{i}:\n call void @g(i64 {i * i})\n br label %end" for i in range(12)
    )
    text = f"""
    @last = internal global i64 -1
    define internal void @g(i64 %x) noinline {{
      store volatile i64 %x, ptr @last
      ret void
    }}
    define i64 @f(i64 %i) {{
      switch i64 %i, label %end [ {cases} ]
    {blocks}
    end:
      %x = load volatile i64, ptr @last
      ret i64 %x
    }}"""
    assert [call(text, i) for i in (0, 5, 11, 12)] == [0, 25, 121, -1]


def test_a_weak_symbol_that_nobody_has_is_null():
    text = """
    declare extern_weak void @nobody_has_this()
    define i64 @f(i64 %i) {
      %none = icmp eq ptr @nobody_has_this, null
      %x = zext i1 %none to i64
      ret i64 %x
    }"""
    assert call(text, 0) == 1


def test_code_is_not_writable():
    code = ElfCode(object_of("define i64 @f(i64 %i) {\n ret i64 %i\n}"), {})
    rows = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    address = code.address("f")
    for row in rows:
        first, last = (int(end, 16) for end in row[0].split("-"))
        if first <= address < last:
            assert row[1] == "r-xp"


THREAD_LOCAL = """
@x = thread_local global i64 5
define i64 @f(i64 %i) {
  %p = call ptr @llvm.threadlocal.address.p0(ptr @x)
  %v = load i64, ptr %p
  ret i64 %v
}
declare ptr @llvm.threadlocal.address.p0(ptr)
"""
MISSING = """
declare void @no_such()
define void @f() {
  call void @no_such()
  ret void
}
"""


@pytest.mark.parametrize("text", [THREAD_LOCAL, MISSING])
def test_what_it_has_no_rule_for(text: str):
    with pytest.raises(UnknownObjectError):
        ElfCode(object_of(text), {})


def test_llvm_loads_the_others(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any) -> None:
        raise UnknownObjectError("not today")

    monkeypatch.setattr("runtime.code.ElfCode", refuse)
    code = link([object_of("define i64 @f(i64 %i) {\n ret i64 %i\n}")], ["f"], {})
    assert isinstance(code, LinkedCode)
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(code.address("f"))(3) == 3


def test_an_object_for_another_machine_or_damaged():
    image = object_of("define i64 @f(i64 %i) {\n ret i64 %i\n}")
    other = emit_object("define void @f() {\n ret void\n}", TARGETS["aarch64"])
    for wrong in (b"", b"\x7fELF", image[:100], image[: len(image) // 2], other):
        with pytest.raises(UnknownObjectError):
            ElfCode(wrong, {})
