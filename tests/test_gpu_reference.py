"""The interpreter of GPU kernels finds what a device would not forgive."""

from __future__ import annotations

import re

import numpy as np
import pytest
from gpu import Contraction, simulate
from xdsl.dialects.builtin import ModuleOp

from brdialect.errors import BrError
from brdialect.gpu_ops import AsyncWaitOp, BarrierOp
from brdialect.reference.gpu.memory import GlobalMemory, SharedMemory
from brdialect.source import parse_module

SHARED = "memref<64xf32, 3 : i32>"


def kernel(body: str, threads: int = 64) -> ModuleOp:
    """A kernel of one block on two arrays of 64 elements."""
    return parse_module(f"""
func.func @f(%x: memref<64xf32>, %y: memref<64xf32>)
    attributes {{br.grid = 1 : i64, br.threads = {threads} : i64,
                 br.shared = 256 : i64}} {{
  %t = br.thread_id
  %true = arith.constant true
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %last = arith.constant 63 : index
  %other = arith.subi %last, %t : index
  %v = memref.load %x[%t] : memref<64xf32>
  %s = br.shared_memory {{offset = 0 : i64}} : {SHARED}
{body}
  func.return
}}""")


def run(body: str, threads: int = 64) -> np.ndarray:
    """What the kernel leaves in its second array."""
    x = np.arange(64, dtype=np.float32)
    y = np.full(64, np.nan, np.float32)
    simulate(kernel(body, threads), "f", [x, y])
    return y


STORE = f"memref.store %v, %s[%t] : {SHARED}"
READ = f"""%r = memref.load %s[%other] : {SHARED}
  memref.store %r, %y[%t] : memref<64xf32>"""
COPY = f"""br.async_copy %x[%t] to %s[%t] if %true {{elements = 1 : i64}}
    : memref<64xf32> to {SHARED}
  br.async_commit"""
WAIT = "br.async_wait {pending = 0 : i64}"


def test_threads_exchange_values_through_shared_memory():
    backwards = np.arange(64, dtype=np.float32)[::-1]
    np.testing.assert_array_equal(run(f"{STORE}\nbr.barrier\n{READ}"), backwards)
    body = f"{COPY}\n{WAIT}\nbr.barrier\n{READ}"
    np.testing.assert_array_equal(run(body), backwards)


FAULTS = {
    "read before the barrier": (f"{STORE}\n{READ}", "br.barrier between a write"),
    "read of nothing": (READ, "written before it is read"),
    "read before the copy": (f"{COPY}\nbr.barrier\n{READ}", "br.async_wait before"),
    "copy and no barrier": (f"{COPY}\n{WAIT}\n{READ}", "br.barrier between a write"),
    "copy not waited for": (COPY, "all copies to be waited for"),
    "write after read": (
        f"{STORE}\nbr.barrier\n{READ}\n{STORE}",
        "between a read of shared memory",
    ),
    "two writers": (
        f"memref.store %v, %s[%zero] : {SHARED}",
        "one thread to write each byte",
    ),
    "out of shared memory": (
        f"%far = arith.addi %t, %one : index\nmemref.store %v, %s[%far] : {SHARED}",
        "within 0..255 of shared memory",
    ),
    "out of global memory": (
        "%far = arith.addi %t, %one : index\n"
        "memref.store %v, %y[%far] : memref<64xf32>",
        "an index within 0..63, got 1..64",
    ),
    "two writers of a result": (
        "memref.store %v, %y[%zero] : memref<64xf32>",
        "one thread's that is written",
    ),
    "read of another's result": (
        "memref.store %v, %y[%t] : memref<64xf32>\n"
        "%r = memref.load %y[%other] : memref<64xf32>",
        "another thread of the launch writes",
    ),
    "unaligned": (
        f"""{STORE}
  br.barrier
  %odd = arith.constant 1 : index
  %w = vector.load %s[%odd] {{alignment = 8 : i64}} : {SHARED}, vector<2xf32>""",
        "at a multiple of 8 bytes",
    ),
    "barrier in a branch": (
        """%few = arith.cmpi ult, %t, %one : index
  scf.if %few {
    br.barrier
  }""",
        "all threads of the block at br.barrier",
    ),
    "more than there is": (
        "%u = br.shared_memory {offset = 128 : i64} : " + SHARED,
        "to lie in the block's 256 bytes",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_found(name: str):
    body, message = FAULTS[name]
    with pytest.raises(BrError, match=re.escape(message)):
        run(body)


@pytest.mark.parametrize("kind", [BarrierOp, AsyncWaitOp])
def test_our_kernels_need_each_of_their_barriers_and_waits(
    kind: type[BarrierOp] | type[AsyncWaitOp],
):
    words = "| m=a n=b k=c | block=32x32x8 warp=16x16 stages=2"
    sizes = {"m": 32, "n": 32, "k": 40}
    contraction = Contraction("m k, k n -> m n", sizes, schedule=words)
    count = sum(isinstance(op, kind) for op in contraction.module().walk())
    assert count >= 2
    for number in range(count):
        module = contraction.module()
        op = [op for op in module.walk() if isinstance(op, kind)][number]
        op.detach()
        op.erase()
        with pytest.raises(BrError):
            simulate(module, "f", contraction.arrays())


def test_bytes_arrive_when_they_are_waited_for():
    memory, thread = SharedMemory(8), np.array([0])
    for value in range(2):
        places = np.arange(4 * value, 4 * value + 4)[np.newaxis]
        memory.start_copy(places, np.full((1, 4), value, np.uint8), thread)
        memory.commit()
    memory.wait(1)
    np.testing.assert_array_equal(
        memory.read(np.arange(4)[np.newaxis], thread), [[0] * 4]
    )
    with pytest.raises(BrError, match=r"br\.async_wait"):
        memory.read(np.arange(8)[np.newaxis], thread)


def test_arrays_may_share_memory():
    both = np.arange(128, dtype=np.float32)
    body = """%r = memref.load %x[%other] : memref<64xf32>
  memref.store %r, %y[%t] : memref<64xf32>"""
    simulate(kernel(body), "f", [both[:64], both[64:]])
    with pytest.raises(BrError, match="expected each element to be one thread's"):
        simulate(kernel(body), "f", [both[:64], both[16:80]])
    memory = GlobalMemory()
    for size in (5, 10):  # from one place on, but not as far
        places = np.array([[size - 1]])
        memory.note(both[:size], places, np.array([size]), write=True)
