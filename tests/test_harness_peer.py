"""What the adapter for outside timing times is the right work, in every family."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from recurrent import Layer, by_hand
from recurrent_gradients import backward_program

from brdialect.mistake import BrError
from brdialect.reference import run as reference_run
from frontends.resnet50 import ResNet50
from runtime.cli.bench.own import BoundCall, call_of
from runtime.cli.bench.training import TrainingStep
from runtime.cli.bench.workloads import (
    Convolution,
    DepthwiseBlock,
    Mlp,
    WholeResNet50,
    Workload,
)

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
from harness_peer import Call, prepare, workload_of
from recurrent_training import StackSteps

Array = np.ndarray[Any, np.dtype[Any]]


def row(family: str, **sizes: int) -> dict[str, Any]:
    return {"name": f"{family}/test", "family": family, "pas": "fwd", **sizes}


def conv_row(c: int, k: int, size: int, window: int, stride: int) -> dict[str, Any]:
    sizes = {"N": 2, "C": c, "K": k, "H": size, "W": size + 2, "R": window, "S": window}
    return row("conv", **sizes, stride=stride, pad=window // 2)


def bound(workload: Workload) -> BoundCall:
    return BoundCall(workload, 1, workload.inputs())


def convolve(
    x: Array, w: Array, stride: int = 1, pad: int = 0, groups: int = 1
) -> Array:
    """[n, c, h, w], [k, c / groups, r, s] -> [n, k, p, q] in float64."""
    x = np.pad(x.astype("f8"), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    parts = zip(np.split(x, groups, 1), np.split(w, groups, 0), strict=True)
    done: list[Array] = []
    for image, kernel in parts:
        windows = sliding_window_view(image, kernel.shape[2:], axis=(2, 3))
        windows = windows[:, :, ::stride, ::stride]
        done.append(np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))))
    return np.concatenate(done, -1).transpose(0, 3, 1, 2)


def close(got: Array, want: Array) -> None:
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


def check_calls(run: Call, want: Array) -> None:
    """A second call computes the same again: nothing adds up."""
    for _ in range(2):
        run()
        (got,) = run.output().values()
        assert got.flags.c_contiguous
        close(got, want)


@pytest.mark.parametrize(
    "c, k, size, window, stride",
    [(3, 16, 14, 7, 2), (8, 24, 6, 3, 1), (16, 8, 7, 1, 1), (16, 40, 8, 1, 2)],
)
def test_convolution(c: int, k: int, size: int, window: int, stride: int):
    run = prepare(conv_row(c, k, size, window, stride))
    x, w = run.inputs["x"], run.inputs["w"]
    assert x.shape == (2, c, size, size + 2) and w.shape == (k, c, window, window)
    check_calls(run, convolve(x, w, stride, window // 2))


def test_fully_connected():
    run = prepare(row("fc", N=12, C=40, K=24))
    x, w = run.inputs["x"], run.inputs["w"]
    assert x.shape == (12, 40) and w.shape == (24, 40)
    check_calls(run, x.astype("f8") @ w.T)


@pytest.mark.parametrize("sizes", [(33, 40, 17), (1, 24, 24), (64, 5, 32)])
def test_gemm(sizes: tuple[int, int, int]):
    m, n, k = sizes
    run = prepare(row("gemm", M=m, N=n, K=k))
    a, b = run.inputs["a"], run.inputs["b"]
    assert a.shape == (m, k) and b.shape == (k, n)
    check_calls(run, a.astype("f8") @ b)


def test_mlp():
    run = prepare(row("mlp", N=9, C=24, K=24, layers=3))
    y = run.inputs["x"].astype("f8")
    for i in range(3):
        y = np.maximum(y @ run.inputs[f"w{i}"].T + run.inputs[f"b{i}"], 0)
    check_calls(run, y)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("n", [1, 5])
def test_recurrent(cell: str, n: int):
    run = prepare(row(cell, N=n, C=9, K=20, T=3))
    options = {"linear_before_reset": True} if cell == "gru" else {}
    layer = Layer(cell, 3, n, 9, 20, ("bias", "recurrent_bias"), options)
    assert [a.shape for a in run.inputs.values()] == [
        tuple(layer.shape(name)) for name in layer.operands
    ]
    check_calls(run, by_hand(layer, list(run.inputs.values()))[0])


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_block(stride: int):
    run = bound(DepthwiseBlock(1, 16, 24, 9, stride))
    x, w0, b0, w1, b1 = run.inputs.values()
    y = convolve(x, w0, stride, 1, groups=16) + b0[:, None, None]
    y = convolve(np.clip(y, 0, 6), w1) + b1[:, None, None]
    check_calls(run, np.clip(y, 0, 6))


def test_grouped_and_dilated_convolution():
    sizes = {"mb": 1, "ic": 8, "ih": 9, "iw": 9, "oc": 12, "kh": 3, "kw": 3}
    run = bound(Convolution("grouped", **sizes, g=2))
    check_calls(run, convolve(run.inputs["x"], run.inputs["w"], groups=2))
    run = bound(Convolution("dilated", **sizes, dh=2, dw=2))
    spread = np.zeros((12, 8, 5, 5))
    spread[:, :, ::2, ::2] = run.inputs["w"]
    check_calls(run, convolve(run.inputs["x"], spread))


def resnet(network: ResNet50, inputs: Mapping[str, Array]) -> Array:
    """The network as torchvision defines it, in float64."""

    def unit(x: Array, conv: str, norm: str, stride: int = 1) -> Array:
        w = inputs[f"{conv}.weight"]
        y = convolve(x, w, stride, w.shape[2] // 2)
        gamma, beta, mean, variance = (
            inputs[f"{norm}.{name}"].astype("f8")[:, None, None]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        return (y - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    x = np.maximum(unit(inputs["x"], "conv1", "bn1", 2), 0)
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    x = sliding_window_view(x, (3, 3), axis=(2, 3))[:, :, ::2, ::2].max((4, 5))
    for stage, count in enumerate(network.blocks, 1):
        for i in range(count):
            name = f"layer{stage}.{i}"
            stride = 2 if stage > 1 and i == 0 else 1
            y = np.maximum(unit(x, f"{name}.conv1", f"{name}.bn1"), 0)
            y = np.maximum(unit(y, f"{name}.conv2", f"{name}.bn2", stride), 0)
            y = unit(y, f"{name}.conv3", f"{name}.bn3")
            if i == 0:
                around = f"{name}.downsample"
                x = unit(x, f"{around}.0", f"{around}.1", stride)
            x = np.maximum(x + y, 0)
    return x.mean((2, 3)) @ inputs["fc.weight"].T + inputs["fc.bias"]


def test_resnet50_of_small_sizes():
    network = ResNet50(2, size=32, blocks=(2, 1), width=8, classes=10)
    run = bound(WholeResNet50(network))
    check_calls(run, resnet(network, run.inputs))


def test_resnet50_is_the_published_one():
    """Torchvision's numbers: 25.6 million weights, 4.09 billion multiplications."""
    workload = workload_of(row("resnet50", N=1))
    assert workload.flops == 2 * 4_089_184_256
    sizes = {name: int(np.prod(s)) for name, s in workload.shapes().items()}
    trained = {n: s for n, s in sizes.items() if "running" not in n and n != "x"}
    assert sum(trained.values()) == 25_557_032
    assert {"layer1.0.downsample.0.weight", "layer4.2.bn3.running_var"} <= set(sizes)


def gradients_by_hand(
    x: Array, w: Array, dy: Array, stride: int, pad: int
) -> tuple[Array, Array]:
    """dx and dw of a convolution, tap by tap in float64."""
    height, width = x.shape[2:]
    p, q = dy.shape[2:]
    x = np.pad(x.astype("f8"), ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for r, s in np.ndindex(*w.shape[2:]):
        rows = slice(r, r + stride * (p - 1) + 1, stride)
        columns = slice(s, s + stride * (q - 1) + 1, stride)
        dx[:, :, rows, columns] += np.einsum("nkpq,kc->ncpq", dy, w[:, :, r, s])
        dw[:, :, r, s] = np.einsum("nkpq,ncpq->kc", dy, x[:, :, rows, columns])
    return dx[:, :, pad : pad + height, pad : pad + width], dw


@pytest.mark.parametrize("threads", ["1", "2"])
@pytest.mark.parametrize(
    "c, k, size, window, stride",
    [(3, 16, 14, 7, 2), (8, 24, 6, 3, 1), (16, 8, 7, 1, 1), (16, 40, 9, 1, 2)],
)
def test_gradients_of_a_convolution(
    c: int,
    k: int,
    size: int,
    window: int,
    stride: int,
    threads: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("PEER_THREADS", threads)
    given = conv_row(c, k, size, window, stride)
    both = prepare(given | {"pas": "bwd"})
    x, w, dy = (both.inputs[name] for name in ("x", "w", "dy"))
    dx, dw = gradients_by_hand(x, w, dy, stride, window // 2)
    want: dict[str, Array] = {"dx": dx, "dw": dw}
    both()
    for name, got in both.output().items():
        close(got, want[name])
    for pas, name, other in (("bwd_d", "dx", "w"), ("bwd_w", "dw", "x")):
        run = prepare(given | {"pas": pas})
        assert run.inputs.keys() == {other, "dy"}
        x, w, dy = (run.inputs.get(n, both.inputs[n]) for n in ("x", "w", "dy"))
        pair = gradients_by_hand(x, w, dy, stride, window // 2)
        check_calls(run, pair[name == "dw"])


def test_gradients_of_a_linear_layer():
    given = row("fc", N=12, C=40, K=24)
    run = prepare(given | {"pas": "bwd_d"})
    check_calls(run, run.inputs["dy"].astype("f8") @ run.inputs["w"])
    run = prepare(given | {"pas": "bwd_w"})
    check_calls(run, run.inputs["dy"].astype("f8").T @ run.inputs["x"])


def test_gradients_of_an_mlp():
    run = prepare(row("mlp", N=9, C=24, layers=2) | {"pas": "train"})
    x, w0, b0, w1, b1, dy = (a.astype("f8") for a in run.inputs.values())
    hidden = x @ w0.T + b0
    last = np.maximum(hidden, 0) @ w1.T + b1
    d1 = dy * (last > 0)
    d0 = (d1 @ w1) * (hidden > 0)
    want = {
        "dw0": d0.T @ x,
        "db0": d0.sum(0),
        "dw1": d1.T @ np.maximum(hidden, 0),
        "db1": d1.sum(0),
    }
    run()
    assert run.output().keys() == want.keys()
    for name, got in run.output().items():
        close(got, want[name])


def check_step(run: Call, again: Call, name: str) -> Array:
    """The same step twice computes the same bits, and a parameter goes against its
    momentum, which is its gradient."""
    run()
    first = run.output()
    for result, found in again.output().items():
        np.testing.assert_array_equal(found, first[result])
    gradient = first[f"momentum {name}"]
    moved = run.inputs[name] - run.inputs["rate"] * gradient
    np.testing.assert_allclose(first[name], moved, rtol=1e-5, atol=1e-6)
    return gradient


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_step_of_an_mlp(threads: int):
    """The gradient of the mean cross-entropy, by hand in float64."""
    workload = TrainingStep(Mlp(9, 24, 2))
    run, again = (call_of(workload, threads, workload.inputs()) for _ in range(2))
    gradient = check_step(run, again, "w0")
    x, w0, b0, w1, b1 = (
        run.inputs[name].astype("f8") for name in ("x", "w0", "b0", "w1", "b1")
    )
    labels = run.inputs["wanted"]
    hidden = x @ w0.T + b0
    logits = np.maximum(np.maximum(hidden, 0) @ w1.T + b1, 0)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    loss = -np.log(chances[np.arange(9), labels]).mean()
    assert float(run.output()["loss"]) == pytest.approx(loss, rel=1e-5)
    chances[np.arange(9), labels] -= 1
    d1 = chances / 9 * (logits > 0)
    close(gradient, ((d1 @ w1) * (hidden > 0)).T @ x)


def test_a_training_step_of_a_small_resnet():
    network = ResNet50(2, size=32, blocks=(1,), width=8, classes=10)
    workload = TrainingStep(WholeResNet50(network))
    run, again = (call_of(workload, 2, workload.inputs()) for _ in range(2))
    check_step(run, again, "layer1.0.conv2.weight")


def test_flops_are_the_harness_s():
    conv = workload_of(conv_row(8, 24, 6, 3, 1))
    assert conv.flops == 2 * 2 * 24 * 8 * 9 * 6 * 8
    assert workload_of(row("fc", N=12, C=40, K=24)).flops == 2 * 12 * 40 * 24
    back = workload_of(row("fc", N=12, C=40, K=24) | {"pas": "bwd_w"})
    assert back.flops == 2 * 12 * 40 * 24
    mlp = workload_of(row("mlp", N=9, C=24, layers=3) | {"pas": "train"})
    assert mlp.flops == 3 * (2 * 9 * 24 * 24 * 3) - 2 * 9 * 24 * 24
    lstm = workload_of(row("lstm", N=168, C=256, K=256, T=50))
    assert lstm.flops == 2 * 50 * 168 * (4 * 256) * (2 * 256)


def test_threads_come_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PEER_THREADS", "9999")
    with pytest.raises(BrError, match="expected a number of threads from 1"):
        prepare(row("gemm", M=4, N=8, K=4))
    monkeypatch.setenv("PEER_THREADS", "two")
    with pytest.raises(BrError, match="expected a number in PEER_THREADS, got 'two'"):
        prepare(row("gemm", M=4, N=8, K=4))


def test_what_does_not_exist_is_refused():
    with pytest.raises(NotImplementedError, match="expected a family out of conv"):
        prepare(row("brgemm", N=1, C=8, K=8))
    with pytest.raises(
        NotImplementedError,
        match="out of fwd bwd_d bwd_w bwd for family conv, got 'up'",
    ):
        prepare(conv_row(8, 8, 6, 3, 1) | {"pas": "up"})
    with pytest.raises(NotImplementedError, match="out of fwd for family gemm"):
        prepare(row("gemm", M=4, N=8, K=4) | {"pas": "bwd_d"})
    with pytest.raises(BrError, match="got none for K"):
        prepare(row("gemm", M=4, N=8))


def test_lstm_gradients():
    """Against the reference of the same layer, in float64."""
    sizes = {"N": 3, "C": 5, "K": 7, "T": 4}
    run = prepare(row("lstm", **sizes) | {"pas": "bwd"})
    layer = Layer("lstm", 4, 3, 5, 7, ("bias", "recurrent_bias"), element="f64")
    module = backward_program(layer)
    x, w, r, b, rb, dy = (run.inputs[n] for n in ("x", "w", "r", "b", "rb", "dy"))
    none = np.zeros((1, 3, 7))
    want = reference_run(module, None, [x, w, r, b, rb, dy, none, none])
    for _ in range(2):
        run()
        for g, v in zip(run.output().values(), want, strict=False):
            close(g, v)


def test_lstm_steps():
    """A step of a stack of layers moves all weights against their gradients."""
    sizes = {"N": 3, "C": 7, "K": 7, "T": 4}
    run = prepare(row("lstm", **sizes) | {"pas": "train", "name": "lstm4/test"})
    assert isinstance(run, StackSteps)
    before = run.output()
    assert len(before) == 16
    first = run.step(*run.inputs.values())
    run()
    moved = run.output()
    assert all((moved[i] != a).any() for i, a in before.items())
    assert run.step(*run.inputs.values()) < first
