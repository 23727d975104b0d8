"""Slices by the tensor memory accelerator: in numpy, through ptxas and the runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_driver import FakeDriver, fake
from gpu import (
    SM_90,
    Array,
    assemble,
    called,
    error,
    lowered,
    machine_code,
    needs_ptxas,
    ptx_of,
)
from xdsl.dialects import func
from xdsl.dialects.builtin import IntegerAttr, ModuleOp, i64

import brdialect
from brdialect.errors import BrError
from brdialect.gpu_ops import AsyncCopyOp, BarrierOp
from brdialect.launch_plan import plan_from_json
from brdialect.reference.values import encode, round_to_bf16
from brdialect.tensor_copy_ops import (
    AcquireMapOp,
    MbarrierExpectOp,
    MbarrierInitOp,
    MbarrierWaitOp,
    TensorCopyOp,
)
from brdialect.warpgroup_ops import WarpgroupWaitOp
from runtime import device
from runtime.cli import compile as br_compile
from runtime.tensor_maps import aligned

__all__ = ["fake"]

PRODUCT = """
func.func @main(%x: tensor<{m}x{k}x{t}>, %w: tensor<{w}x{t}>) -> tensor<{m}x{n}xf32> {{
  %e = tensor.empty() : tensor<{m}x{n}xf32>
  %r = br.contract ins(%x, %w : tensor<{m}x{k}x{t}>, tensor<{w}x{t}>)
    outs(%e : tensor<{m}x{n}xf32>)
    {{indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> ({b})>,
      affine_map<(m, n, k) -> (m, n)>], beta = 0.0 : f64,
      iterator_types = [#linalg.iterator_type<parallel>,
        #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>],
      schedule = #br.schedule<"| m=a n=b k=c | {words} mma=wgmma copy=tma">}}
    -> tensor<{m}x{n}xf32>
  func.return %r : tensor<{m}x{n}xf32>
}}"""

SIZES = {"m": 71, "n": 88, "k": 200}
BLOCK = "block=64x64x64 warp=16x64 stages=3"
SHAPES = {"bf16": np.float32, "f16": np.float16, "f32": np.float32}


def program(element: str, words: str, turned: bool, **sizes: int) -> str:
    """A product; `turned`: by the columns of the second factor."""
    s = {**SIZES, **sizes}
    b, w = ("n, k", (s["n"], s["k"])) if turned else ("k, n", (s["k"], s["n"]))
    return PRODUCT.format(**s, t=element, words=words, b=b, w=f"{w[0]}x{w[1]}")


def arrays(element: str, turned: bool, **sizes: int) -> list[Array]:
    """Random factors."""
    s = {**SIZES, **sizes}
    random = np.random.default_rng(0)
    shapes = (s["m"], s["k"]), ((s["n"], s["k"]) if turned else (s["k"], s["n"]))
    found = [random.standard_normal(x).astype(SHAPES[element]) for x in shapes]
    if element == "bf16":
        found = [round_to_bf16(x).astype(np.float32) for x in found]
    return found


def check(module: ModuleOp, given: list[Array], turned: bool) -> None:
    """Runs it in numpy."""
    (got,), _ = called(module, given)
    x, w = (a.astype(np.float64) for a in given)
    assert error(got, x @ (w.T if turned else w)) < 2e-3


@pytest.mark.parametrize(
    ("element", "words", "turned"),
    [
        ("bf16", BLOCK, False),
        ("bf16", "block=128x128x64 warp=16x128 stages=4 order=2", True),
        ("f16", "block=128x64x64 warp=16x64 stages=2", False),
        ("f16", "block=64x256x64 warp=16x256 stages=4", False),
        ("f32", "block=64x64x32 warp=16x64 stages=4", True),
    ],
)
def test_products_whose_sizes_divide_nothing(element: str, words: str, turned: bool):
    module = lowered(program(element, words, turned), SM_90)
    assert any(isinstance(op, TensorCopyOp) for op in module.walk())
    assert not any(isinstance(op, AsyncCopyOp) for op in module.walk())
    check(module, arrays(element, turned), turned)


def test_words_that_are_turned_are_copied_by_threads():
    words = "block=64x64x32 warp=16x64 stages=3"
    module = lowered(program("f32", words, False), SM_90)
    copies = [op for op in module.walk() if isinstance(op, AsyncCopyOp | TensorCopyOp)]
    assert {type(op) for op in copies} == {AsyncCopyOp, TensorCopyOp}
    check(module, arrays("f32", False), False)


def test_threads_copy_what_no_map_describes():
    """Lines of 2 x 90 bytes do not begin at multiples of 16."""
    module = lowered(program("bf16", BLOCK, False, n=90), SM_90)
    copies = [op for op in module.walk() if isinstance(op, AsyncCopyOp | TensorCopyOp)]
    assert {type(op) for op in copies} == {AsyncCopyOp, TensorCopyOp}
    check(module, arrays("bf16", False, n=90), False)
    with pytest.raises(BrError, match="a tensor map describes, with strides at mult"):
        lowered(program("bf16", BLOCK, False, n=90, k=203), SM_90)


@pytest.mark.parametrize("words", [BLOCK, BLOCK.replace("3", "2")])
@pytest.mark.parametrize(
    "kind",
    [AcquireMapOp, BarrierOp, MbarrierExpectOp, MbarrierInitOp, MbarrierWaitOp],
)
def test_each_barrier_and_wait_is_needed(kind: type[Any], words: str):
    text, given = program("bf16", words, False), arrays("bf16", False)
    module = lowered(text, SM_90)
    every = [op for op in module.walk() if isinstance(op, kind)]
    assert every
    for number in range(len(every)):
        module = lowered(text, SM_90)
        op = [op for op in module.walk() if isinstance(op, kind)][number]
        op.detach()
        op.erase()
        with pytest.raises(BrError):
            check(module, given, False)


def test_bytes_are_counted():
    module = lowered(program("bf16", BLOCK, False), SM_90)
    for op in module.walk():
        if isinstance(op, MbarrierExpectOp):
            op.bytes = IntegerAttr(op.bytes.value.data + 1, i64)
    with pytest.raises(BrError, match=r"\(16385\), got 16384: the wait would not end"):
        check(module, arrays("bf16", False), False)


def test_a_box_comes_after_the_products_of_its_place():
    module = lowered(program("bf16", BLOCK, False, k=600), SM_90)
    waits = [op for op in module.walk() if isinstance(op, WarpgroupWaitOp)]
    waits[0].pending = IntegerAttr(2, i64)
    with pytest.raises(BrError, match=r"br\.warpgroup_wait before its slices"):
        check(module, arrays("bf16", False, k=600), False)


def test_an_older_device_has_none():
    text = program("bf16", BLOCK, False).replace("mma=wgmma ", "")
    with pytest.raises(BrError, match="expected mma=wgmma beside copy=tma"):
        lowered(text, SM_90)
    with pytest.raises(BrError, match="expected copy=async or copy=tma, got 'copy=me'"):
        lowered(text.replace("copy=tma", "copy=me"), SM_90)


def test_programs_run(fake: FakeDriver):
    fake.attributes |= {"major": 9, "minor": 0, "shared": 227 << 10}
    from xdsl.dialects.builtin import bf16

    x, w = arrays("bf16", False)
    f = brdialect.compile(program("bf16", BLOCK, False), target=SM_90)
    bits = [encode(a, bf16) for a in (x, w)]
    assert error(np.asarray(f(*bits)), x.astype(np.float64) @ w) < 2e-3
    assert len(fake.maps) == 2
    call = f.bound_on_device(bits)
    assert len(fake.maps) == 4
    call(3)
    assert len(fake.maps) == 4


def test_weights_that_are_given_once_have_maps(fake: FakeDriver):
    fake.attributes |= {"major": 9, "minor": 0, "shared": 227 << 10}
    x, w = arrays("f16", True)
    text = program("f16", BLOCK, True)
    f = brdialect.compile(text, target=SM_90, constants={1: w})
    assert error(np.asarray(f(x)), x.astype(np.float64) @ w.T) < 2e-3


def test_maps_that_never_lie_right():
    class Odd:
        """What lies at an odd multiple of 16."""

        opaque = ()

        def getPtr(self) -> int:  # noqa: N802
            return 80

    class Driver:
        CUtensorMap = Odd

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(device, "driver", lambda: Driver)
        with pytest.raises(BrError, match="leave copy=tma out"):
            aligned(Odd)


def test_a_caller_is_told_what_to_make(tmp_path: Path):
    source = tmp_path / "product.mlir"
    source.write_text(program("bf16", BLOCK, False))
    words = [str(source), f"--target={SM_90}", "-o", str(tmp_path / "product.ptx")]
    assert br_compile.run(br_compile.parse_options(words)) == 0
    text = (tmp_path / "product.ptx").read_text()
    assert "cuTensorMapEncodeTiled" in text.partition(".version")[0]
    said = "tensor map of argument 0 (uint16, 71 x 200, 200 apart, box 64 x 128 bytes)"
    assert said in text
    data = json.loads((tmp_path / "product.json").read_text())
    plan = plan_from_json(data)
    assert plan_from_json(plan.to_json()) == plan
    (run,) = plan.run
    assert said in str(run)
    plain = tmp_path / "plain.mlir"
    plain.write_text(source.read_text().replace(" copy=tma", ""))
    words = [str(plain), f"--target={SM_90}", "-o", str(tmp_path / "plain.ptx")]
    assert br_compile.run(br_compile.parse_options(words)) == 0
    assert "cuTensorMap" not in (tmp_path / "plain.ptx").read_text()


@needs_ptxas
@pytest.mark.parametrize(
    ("element", "words"),
    [
        ("bf16", "block=128x256x64 warp=16x256 stages=4"),
        ("f32", "block=128x128x32 warp=16x128 stages=4"),
    ],
)
def test_the_kernels_assemble(element: str, words: str):
    large = {"m": 1024, "n": 1024, "k": 1024}
    module = lowered(program(element, words, True, **large), SM_90)
    (kernel,) = (
        o
        for o in module.walk()
        if isinstance(o, func.FuncOp) and "br.grid" in o.attributes
    )
    ptx = ptx_of(module, SM_90)
    usage, image = assemble(ptx, "sm_90a")  # which fails on a warning
    used = usage[kernel.sym_name.data]
    assert (used.spills, used.stack) == (0, 0)
    found = machine_code(image)
    assert "UTMALDG.2D" in found and "SYNCS" in found and "LDGSTS" not in found
    assert "WARPGROUP.DEPBAR.LE gsb0, 0x1" in found
