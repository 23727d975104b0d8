"""LLVM IR text to machine code: every target, and what goes wrong in a sentence."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from dataclasses import replace

import pytest

from brdialect.errors import BrError
from brdialect.source import parse_module
from brdialect.target import TARGETS, set_target
from passes.llvm.llvm_text import llvm_ir
from runtime.codegen import emit_assembly, emit_object, in_child

FMA = """
llvm.func @f(%p: !llvm.ptr {{llvm.noalias, llvm.align = 64 : i64}}) {{
  %x = llvm.load %p {{alignment = 4 : i64}} : !llvm.ptr -> {vector}
  %y = llvm.intr.fma(%x, %x, %x) : ({vector}, {vector}, {vector}) -> {vector}
  llvm.store %y, %p {{alignment = 4 : i64}} : {vector}, !llvm.ptr
  llvm.return
}}"""


@pytest.mark.parametrize(
    ("name", "instruction"),
    [("x86-64-v3", "ymm"), ("x86-64-v4", "zmm"), ("aarch64", "fmla")],
)
def test_each_target_uses_its_own_instructions(name: str, instruction: str) -> None:
    target = TARGETS[name]
    module = parse_module(FMA.format(vector=f"vector<{target.lanes(4)}xf32>"))
    set_target(module, target)
    text = emit_assembly(llvm_ir(module), target)
    assert instruction in text
    assert "call" not in text


def test_objects_are_elf() -> None:
    module = parse_module(FMA.format(vector="vector<8xf32>"))
    assert emit_object(llvm_ir(module), TARGETS["x86-64-v3"]).startswith(b"\x7fELF")


def test_wrong_ir_is_an_error_of_ours() -> None:
    with pytest.raises(
        BrError, match=r"(?s)LLVM refuses the IR.*expected top-level entity"
    ):
        emit_object("no IR at all", TARGETS["x86-64-v3"])


def test_unknown_triple_is_an_error_of_ours() -> None:
    target = replace(TARGETS["x86-64-v3"], triple="pdp11-dec-unix")
    with pytest.raises(BrError, match="got 'pdp11-dec-unix'"):
        emit_object("", target)


def test_a_child_hands_on_results_and_errors() -> None:
    target = TARGETS["x86-64-v3"]
    assert in_child(emit_object, "", target) == emit_object("", target)
    with pytest.raises(BrError, match="LLVM refuses the IR"):
        in_child(emit_object, "no IR at all", target)


def test_a_child_that_dies_is_an_error_of_ours() -> None:
    with pytest.raises(BrError, match="ended its process"):
        in_child(os.abort)


def test_a_fatal_error_of_llvm_does_not_end_this_process() -> None:
    """A float cannot come back in an SSE register on a CPU without SSE."""
    target = replace(TARGETS["x86-64-v3"], cpu="x86-64", features="-sse2,-sse")
    text = "define double @f(double %x) { %y = fadd double %x, %x\n ret double %y }"
    with pytest.raises(BrError, match="ended its process"):
        in_child(emit_object, text, target)


def test_a_child_that_exits_runs_no_handlers_of_its_parent() -> None:
    """LLVM exits where it can't go on, and a library's handler may wait for threads
    that the child does not have."""
    c = ctypes.CDLL(None)

    def leave() -> None:
        signal.alarm(20)
        c.exit(1)

    def with_a_handler_that_waits() -> None:
        c.__cxa_atexit(c.pause, None, None)
        in_child(leave)

    start = time.monotonic()
    with pytest.raises(BrError, match="ended its process"):
        in_child(with_a_handler_that_waits)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            """llvm.func @f(%x: f32) -> f32 {
              %y = llvm.call_intrinsic "llvm.no.such.thing"(%x) : (f32) -> f32
              llvm.return %y : f32 }""",
            "<text>:2:.*got 'llvm.no.such.thing', which LLVM would turn into a call",
        ),
        (
            """llvm.func @f(%x: f32) -> f32 {
              %y = llvm.intr.exp(%x) : (f32) -> f32
              llvm.return %y : f32 }""",
            "got 'llvm.exp'.*run expand-math first",
        ),
        (
            "func.func @f() { return }",
            "expected llvm.func and llvm.mlir.global in the module, got 'func.func'; "
            "run -p lower-to-cpu first",
        ),
        (
            """llvm.func @f() {
              %x = arith.constant 1.0 : f32
              llvm.return }""",
            "got 'arith.constant'; run -p lower-to-cpu first",
        ),
        (
            "llvm.func @f(%p: !llvm.ptr {llvm.no_such_attribute}) { llvm.return }",
            "expected one of .*, got llvm.no_such_attribute",
        ),
    ],
)
def test_what_has_no_text_says_so(text: str, message: str) -> None:
    with pytest.raises(BrError, match=message):
        llvm_ir(parse_module(text))
