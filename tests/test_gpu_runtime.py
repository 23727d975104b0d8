"""Programs for GPUs from file to result, on a driver that runs them in numpy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dlpack import DLPackArray
from fake_driver import FakeDriver, fake
from gpu import SM_80, SM_90, error
from xdsl.context import Context

import brdialect
from brdialect.launch_plan import flattened, plan_from_json
from brdialect.mistake import BrError
from brdialect.reference import find_entry
from brdialect.reference.values import encode, round_to_bf16
from brdialect.source import parse_module
from brdialect.targets import TARGETS
from passes.training.add_training_step import STEP, AddTrainingStepPass
from runtime.cli import compile as br_compile
from runtime.cli import run as br_run
from runtime.device import Memory, check_generation, device_for
from runtime.device_arrays import DeviceArray, device_array

__all__ = ["fake"]
EXAMPLES = Path(__file__).parent.parent / "examples"
Array = np.ndarray[Any, np.dtype[Any]]

DENSE = """
func.func @main(%x: tensor<9x20xEL>, %w: tensor<20x12xEL>) -> tensor<9x12xEL> {
  %zero = arith.constant 0.0 : EL
  %e = tensor.empty() : tensor<9x12xEL>
  %c = linalg.fill ins(%zero : EL) outs(%e : tensor<9x12xEL>) -> tensor<9x12xEL>
  %r = linalg.matmul ins(%x, %w : tensor<9x20xEL>, tensor<20x12xEL>)
    outs(%c : tensor<9x12xEL>) -> tensor<9x12xEL>
  func.return %r : tensor<9x12xEL>
}"""


def dense(element: str = "f32", **options: Any) -> brdialect.Compiled:
    """A small product, compiled for the GPU."""
    return brdialect.compile(DENSE.replace("EL", element), target=SM_80, **options)


def numbers(*shape: int) -> Array:
    """Random f32."""
    return np.random.default_rng(len(shape)).standard_normal(shape, np.float32)


def test_a_network_reads_digits(fake: FakeDriver):
    with np.load(EXAMPLES / "digits_test.npz") as data:
        images = data["images"][:3]
    path = EXAMPLES / "digits_cnn.mlir"
    f = brdialect.compile(path, target=SM_80, cache=False)
    got = f(images)
    want = brdialect.compile(path, cache=False)(images)
    assert isinstance(got, np.ndarray) and isinstance(want, np.ndarray)
    assert error(got, want) < 1e-3
    assert not any(fake.seen.conflicts.values())
    assert ".target sm_80" in f.assembly()
    assert "br.mma" in f.ir("convert-br-to-mma")


def test_tf32_or_f32(fake: FakeDriver):
    x, w = numbers(9, 20), numbers(20, 12)
    want = x.astype(np.float64) @ w
    assert 1e-5 < error(np.asarray(dense()(x, w)), want) < 1e-3
    assert error(np.asarray(dense(exact=True)(x, w)), want) < 1e-6


def test_a_mask_rides_along(fake: FakeDriver):
    """Truth values lie in bytes, one element each."""
    same = "affine_map<(i, j) -> (i, j)>"
    text = DENSE.replace("EL", "f32").replace(
        "xf32>)", "xf32>, %m: tensor<9x12xi1>)", 1
    )
    text = text.replace(
        "  func.return %r",
        f"""  %k = linalg.generic {{indexing_maps = [{same}, {same}, {same}],
      iterator_types = ["parallel", "parallel"]}}
    ins(%r, %m : tensor<9x12xf32>, tensor<9x12xi1>) outs(%e : tensor<9x12xf32>) {{
  ^bb0(%a: f32, %b: i1, %o: f32):
    %s = arith.select %b, %a, %zero : f32
    linalg.yield %s : f32
  }} -> tensor<9x12xf32>
  func.return %k""",
    )
    x, w = numbers(9, 20), numbers(20, 12)
    mask = np.random.default_rng(0).random((9, 12)) < 0.5
    f = brdialect.compile(text, target=SM_80)
    assert len(f.ir("convert-contract-to-grid").split("br.batch_reduce_gemm")) == 2
    assert error(np.asarray(f(x, w, mask)), np.where(mask, x @ w, 0)) < 1e-3
    assert fake.seen.launches == 1


def test_bf16_are_its_bits(fake: FakeDriver):
    x, w = (
        round_to_bf16(a).astype(np.float32) for a in (numbers(9, 20), numbers(20, 12))
    )
    bits = [encode(a, _bf16()) for a in (x, w)]
    got = np.asarray(dense("bf16")(*bits))
    assert got.dtype == np.uint16
    values = (got.astype(np.uint32) << 16).view(np.float32)
    assert error(values, x.astype(np.float64) @ w) < 1e-2


def _bf16() -> Any:
    from xdsl.dialects.builtin import bf16

    return bf16


def test_weights_are_loaded_once(fake: FakeDriver):
    x, w = numbers(9, 20), numbers(20, 12)
    f = dense(constants={1: w})
    uploads = fake.uploads
    assert error(np.asarray(f(x)), x @ w) < 1e-3
    assert fake.uploads == uploads + 1


def test_arrays_on_the_device_stay_there(fake: FakeDriver):
    x, w = numbers(9, 20), numbers(20, 12)
    f = dense()
    executable = f._model.device_executable(((9, 20), (20, 12)))  # pyright: ignore[reportPrivateUsage]
    on_device = executable.placed([x, w])
    uploads = fake.uploads
    got = f(*on_device)
    assert isinstance(got, DeviceArray) and fake.uploads == uploads
    assert error(got.numpy(), x @ w) < 1e-3

    class Foreign:
        """What another library's array looks like."""

        def __init__(self, array: Any, **changes: Any) -> None:
            self.__cuda_array_interface__ = array.__cuda_array_interface__ | changes

    left = on_device[0]
    assert isinstance(left, DeviceArray)
    again = f(Foreign(left), w)
    assert isinstance(again, DeviceArray)
    np.testing.assert_array_equal(again.numpy(), got.numpy())
    for changes, fault in (
        ({"data": (left.pointer + 4, False)}, "at a multiple of 16 bytes"),
        ({"strides": (4, 36)}, "expected a dense row-major array"),
        ({"typestr": "<f8"}, "argument 0: expected 9x20xfloat32, got 9x20xfloat64"),
    ):
        with pytest.raises(BrError, match=fault):
            f(Foreign(left, **changes), w)


def test_arrays_by_dlpack_stay_on_the_device(fake: FakeDriver):
    pytest.importorskip("cuda.core")
    x, w = numbers(9, 20), numbers(20, 12)
    f = dense()
    executable = f._model.device_executable(((9, 20), (20, 12)))  # pyright: ignore[reportPrivateUsage]
    (left, _), uploads = executable.placed([x, w]), fake.uploads
    assert isinstance(left, DeviceArray)
    for strides in (None, (20, 1)):
        given = DLPackArray(left.pointer, (9, 20), strides)
        got = f(given, w)
        # work on other streams is done before ours on the default one
        assert given.streams == [1]
        assert isinstance(got, DeviceArray)
        assert error(got.numpy(), x @ w) < 1e-3
    assert fake.uploads == uploads + 2  # w alone
    pointer, shape = left.pointer, (9, 20)
    for given, fault in (
        (DLPackArray(pointer, shape, offset=4), "at a multiple of 16 bytes"),
        (DLPackArray(pointer, shape, (1, 9)), r"dense row-major array, .* \[4, 36\]"),
        (DLPackArray(pointer, shape, kind="i32"), r"9x20xfloat32, got 9x20xint32"),
    ):
        with pytest.raises(BrError, match=fault):
            f(given, w)
    with pytest.raises(BrError, match="argument 0"):
        f(DLPackArray(left.pointer, (9, 20), device=1), w)
    pytest.importorskip("ml_dtypes")
    bits = device_array(DLPackArray(left.pointer, (9, 20), kind="b16"))
    assert bits.dtype == np.uint16


def test_too_little_memory(fake: FakeDriver):
    f = dense()
    fake.free = 100
    with pytest.raises(BrError, match=r"GiB of memory for result 0 on Fake GPU, but"):
        f(numbers(9, 20), numbers(20, 12))


def test_a_launch_that_fails_is_reported(fake: FakeDriver):
    f = dense()
    fake.fails = "cuLaunchKernel"
    fault = r"the launch of br_contract_0 \(grid 1 .*unspecified launch failure"
    with pytest.raises(BrError, match=fault):
        f(numbers(9, 20), numbers(20, 12))
    fake.fails = "cuCtxSynchronize"
    with pytest.raises(BrError, match="the launches before"):
        f(numbers(9, 20), numbers(20, 12))


def test_launches_are_recorded_for_calls_that_come_again(fake: FakeDriver):
    x, w = numbers(9, 20), numbers(20, 12)
    f = dense()
    executable = f._model.device_executable(((9, 20), (20, 12)))  # pyright: ignore[reportPrivateUsage]
    placed, results = executable.placed([x, w]), executable.results()
    left, (result,) = placed[0], results
    call = executable.bind(placed, results, record=True)
    assert fake.seen.launches == 0 and fake.alive == ["executable"]
    assert isinstance(left, DeviceArray) and isinstance(left.owner, Memory)
    for factor in (1, 3):
        left.owner.upload(factor * x)
        call()
        assert error(result.numpy(), factor * x @ w) < 1e-3
    del call
    assert fake.alive == []
    fake.fails = "cuLaunchKernel"
    with pytest.raises(BrError, match="the launch of br_contract_0"):
        executable.bind(placed, results, record=True)
    fake.fails = "cuGraphInstantiate"
    with pytest.raises(BrError, match="expected recording launches to succeed"):
        executable.bind(placed, results, record=True)
    fake.fails = ""
    assert fake.recorded is None and set(fake.alive) <= {"graph"}


def test_a_device_that_is_not_there_or_of_another_kind(fake: FakeDriver):
    fake.devices = 0
    with pytest.raises(BrError, match=r"an NVIDIA driver and a GPU.*got none"):
        dense()
    fake.devices, fake.attributes["major"] = 1, 7
    with pytest.raises(
        BrError, match=r"capability 8.0 or later for nvptx64-sm_80, got"
    ):
        dense()
    check_generation(TARGETS[SM_80], (9, 0), "later")
    with pytest.raises(BrError, match=r"capability 9.0 for nvptx64-sm_90a, got"):
        check_generation(TARGETS[SM_90], (10, 0), "later")


def test_too_little_shared_memory(fake: FakeDriver):
    fake.attributes["shared"] = 8 << 10
    with pytest.raises(BrError, match="at most 8192 bytes of shared memory"):
        dense()


def test_without_a_driver(capsys: pytest.CaptureFixture[str]):
    device_for.cache_clear()
    try:
        device_for(TARGETS[SM_80])
    except BrError as e:
        assert "\n" not in str(e) and "expected" in str(e)
    else:
        pytest.skip("there is a GPU here")


def test_br_run_verifies(fake: FakeDriver, capsys: pytest.CaptureFixture[str]):
    words = [str(EXAMPLES / "mlp.mlir"), f"--target={SM_80}", "--verify"]
    assert br_run.run(br_run.parse_options(words)) == 0
    assert "result 0 against numpy reference: ok" in capsys.readouterr().out


def test_a_profile_is_of_a_cpu():
    words = [str(EXAMPLES / "mlp.mlir"), f"--target={SM_80}", "--profile"]
    with pytest.raises(BrError, match="--profile: expected a CPU as --target, got nv"):
        br_run.run(br_run.parse_options(words))


def test_a_training_step(fake: FakeDriver):
    """As a function, which gives the loss and the new parameters that train_step has on
    a CPU; train_step itself says where to go."""
    path, entry = EXAMPLES / "digits_mlp_train.mlir", "main"
    random = np.random.default_rng(0)
    module = parse_module(path.read_text().replace("?x", "3x"))
    types = find_entry(module, entry).function_type.inputs
    shapes = [t.get_shape() for t in types]  # pyright: ignore
    arrays = [0.1 * random.standard_normal(x).astype(np.float32) for x in shapes]
    given = dict(list(enumerate(arrays))[1:])
    labels = np.array([3, 1, 4])
    optimizer = brdialect.SGD(rate=0.1)
    with pytest.raises(BrError, match="add-training-step writes the step"):
        brdialect.train_step(path, "cross-entropy", optimizer, given, target=SM_80)
    want = brdialect.train_step(path, "cross-entropy", optimizer, given)
    wanted_loss = want(arrays[0], labels)
    numbers_ = tuple(given)
    AddTrainingStepPass(numbers_, entry, "cross-entropy", "sgd").apply(
        Context(), module
    )
    f = brdialect.compile(
        str(module), entry + STEP, target=SM_80, exact=True, cache=False
    )
    loss, *new = f(*arrays, labels, *map(np.float32, optimizer.numbers(1)))
    np.testing.assert_allclose(loss, wanted_loss, rtol=1e-5)
    for i, x in zip(given, new, strict=True):
        np.testing.assert_allclose(x, want.parameters[i], rtol=1e-4, atol=1e-6)
        assert np.abs(x - given[i]).max() > 1e-4
    assert not any(fake.seen.conflicts.values())


def test_br_compile_writes_kernels_plan_and_weights(tmp_path: Path):
    output = tmp_path / "mlp.ptx"
    words = [str(EXAMPLES / "mlp.mlir"), f"--target={SM_80}", "-o", str(output)]
    assert br_compile.run(br_compile.parse_options(words)) == 0
    text = output.read_text()
    assert "// br_contract_3 grid 1 block 128 shared 16384" in text
    assert "//   br_contract_4: arena, packed 1, result 0" in text
    assert text.count(".visible .entry") == 5
    data = json.loads((tmp_path / "mlp.json").read_text())
    plan = plan_from_json(data)
    assert [x.kernel for x, _ in flattened(plan.run)] == [
        "br_fill_2",
        "br_contract_3",
        "br_contract_4",
    ]
    assert data["buffers"]["argument 0"] == {"shape": [4, 2], "dtype": "float32"}
    assert plan_from_json(plan.to_json()) == plan
    with np.load(tmp_path / "mlp.npz") as weights:
        np.testing.assert_array_equal(weights["weight 0"], [0, -1])
    with pytest.raises(BrError, match="a 'brdialect launch plan 4', got 'other'"):
        plan_from_json({"format": "other"})


@pytest.mark.parametrize(
    ("suffix", "target", "fault"),
    [(".so", SM_80, r"named \*.ptx for nvptx64-sm_80"), (".ptx", "host", r"\*.so for")],
)
def test_outputs_that_a_target_does_not_have(
    tmp_path: Path, suffix: str, target: str, fault: str
):
    output = tmp_path / f"mlp{suffix}"
    words = [str(EXAMPLES / "mlp.mlir"), f"--target={target}", "-o", str(output)]
    with pytest.raises(BrError, match=fault):
        br_compile.run(br_compile.parse_options(words))


BRANCH = """
func.func @main(%x: tensor<4xf32>, %c: tensor<i1>) -> tensor<4xf32> {
  %yes = tensor.extract %c[] : tensor<i1>
  %e = tensor.empty() : tensor<4xf32>
  %r = scf.if %yes -> (tensor<4xf32>) {
    scf.yield %x : tensor<4xf32>
  } else {
    %n = linalg.negf ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
    scf.yield %n : tensor<4xf32>
  }
  func.return %r : tensor<4xf32>
}"""


def test_what_has_no_lowering_is_named(tmp_path: Path):
    source = tmp_path / "branch.mlir"
    source.write_text(BRANCH)
    words = [str(source), f"--target={SM_80}", "-o", str(tmp_path / "branch.ptx")]
    with pytest.raises(
        BrError, match=r"branch.mlir:3:3: .*expected conditions and trip counts that"
    ):
        br_compile.run(br_compile.parse_options(words))


def test_a_recurrent_network_reads_digits(fake: FakeDriver):
    with np.load(EXAMPLES / "digits_test.npz") as data:
        images = np.ascontiguousarray(data["images"][:2].reshape(2, 8, 8))
    path = EXAMPLES / "digits_lstm.mlir"
    got, want = (
        brdialect.compile(path, target=target, cache=False)(images)
        for target in (SM_80, None)
    )
    assert isinstance(got, np.ndarray) and isinstance(want, np.ndarray)
    assert error(got, want) < 2e-3


def test_the_benchmark_compiles_its_lines():
    script = EXAMPLES.parent / "benchmarks" / "gpu.py"
    command = [sys.executable, str(script), "--dry", "--only=168x256x256"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds = [line.split()[3] for line in done.stdout.splitlines()]
    assert kinds == ["tf32", "bf16"]
    assert done.stdout.count("block 128 shared 16384") == 2
