"""Training steps against PyTorch's formulas in float64; the loop around them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import digits
import numpy as np
import pytest
from numpy.typing import NDArray
from xdsl.dialects.arith import AddfOp
from xdsl.dialects.builtin import ModuleOp, f64

import brdialect
from brdialect import BrError
from brdialect.optimizers import SGD, Adam, Optimizer
from frontends.linalg_builder import Builder
from runtime.training.loop import Batches
from runtime.training.step import TrainStep

Array = NDArray[Any]

N, K, C = 7, 5, 3
RANDOM = np.random.default_rng(0)
X, LABELS = RANDOM.standard_normal((N, K)), RANDOM.integers(0, C, N)
WANTED = RANDOM.standard_normal((N, C))
WEIGHTS = {1: RANDOM.standard_normal((K, C)), 2: RANDOM.standard_normal(C)}


def linear() -> ModuleOp:
    """x w + b"""
    b = Builder("main", [(s, f64) for s in ((N, K), (K, C), (C,))])
    x, w, bias = b.args
    return b.finish(b.bias(b.matmul(x, w), bias))


def step_of(
    optimizer: Optimizer | str, loss: str | None = "cross-entropy"
) -> TrainStep:
    return brdialect.train_step(linear(), loss, optimizer, WEIGHTS, threads=1)


def cross_entropy(y: Array) -> tuple[float, Array]:
    """The loss and its gradient."""
    power = np.exp(y - y.max(1, keepdims=True))
    p = power / power.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = -np.log(p[rows, LABELS]).mean()
    p[rows, LABELS] -= 1
    return float(loss), p / len(y)


def mean_squared_error(y: Array) -> tuple[float, Array]:
    """The loss and its gradient."""
    return float(((y - WANTED) ** 2).mean()), 2 * (y - WANTED) / y.size


Update = Callable[[Array, Array, list[Array], int], Array]


def model(
    loss: Callable[[Array], tuple[float, Array]], update: Update, steps: int
) -> tuple[list[float], list[Array]]:
    """The losses and the parameters after some steps."""
    weights = [w.copy() for w in WEIGHTS.values()]
    moments = [[np.zeros_like(w), np.zeros_like(w)] for w in weights]
    losses: list[float] = []
    for t in range(1, steps + 1):
        value, dy = loss(X @ weights[0] + weights[1])
        losses.append(value)
        gradients = X.T @ dy, dy.sum(0)
        weights = [
            update(w, g, m, t)
            for w, g, m in zip(weights, gradients, moments, strict=True)
        ]
    return losses, weights


def sgd(o: SGD) -> Update:
    """As the documentation of torch.optim.SGD says, without dampening."""

    def update(p: Array, g: Array, moments: list[Array], t: int) -> Array:
        g = g + o.weight_decay * p
        moments[0] = o.momentum * moments[0] + g if t > 1 else g
        ahead = g + o.momentum * moments[0]
        return p - o.rate * (ahead if o.nesterov else moments[0])

    return update


def adam(o: Adam) -> Update:
    """As the documentation of torch.optim.Adam says."""

    def update(p: Array, g: Array, moments: list[Array], t: int) -> Array:
        g = g + o.weight_decay * p
        moments[0] = o.beta1 * moments[0] + (1 - o.beta1) * g
        moments[1] = o.beta2 * moments[1] + (1 - o.beta2) * g**2
        first = moments[0] / (1 - o.beta1**t)
        second = moments[1] / (1 - o.beta2**t)
        return p - o.rate * first / (np.sqrt(second) + o.epsilon)

    return update


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(rate=0.3),
        SGD(rate=0.1, momentum=0.9, weight_decay=0.01),
        SGD(rate=0.1, momentum=0.8, nesterov=True),
        Adam(rate=0.05),
        Adam(rate=0.05, beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.1),
    ],
    ids=str,
)
def test_optimizers(optimizer: Optimizer):
    step = step_of(optimizer)
    update = sgd(optimizer) if isinstance(optimizer, SGD) else adam(optimizer)
    losses, weights = model(cross_entropy, update, steps=6)
    found = [step(X, LABELS) for _ in losses]
    np.testing.assert_allclose(found, losses, rtol=1e-12)
    for got, want in zip(step.parameters.values(), weights, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)


def test_mean_squared_error():
    step = step_of(SGD(rate=0.1), "mean-squared-error")
    losses, weights = model(mean_squared_error, sgd(SGD(rate=0.1)), steps=3)
    np.testing.assert_allclose([step(X, WANTED) for _ in losses], losses, rtol=1e-12)
    np.testing.assert_allclose(step.parameters[1], weights[0], rtol=1e-11)


def test_own_loss():
    """A function that returns its loss; and the rate may change between steps."""
    b = Builder("main", [((4,), f64), ((4,), f64)])
    x, w = b.args
    squares = b.mul(b.sub(w, x), b.sub(w, x))
    total = b.reshape(b.reduce(squares, 0, 0.0, AddfOp), ())
    x0, w0 = np.arange(4.0), np.ones(4)
    step = brdialect.train_step(b.finish(total), None, SGD(rate=0.25), {1: w0})
    assert step(x0) == pytest.approx(((w0 - x0) ** 2).sum())
    np.testing.assert_allclose(step.parameters[1], (w0 + x0) / 2)
    step.rate = 0.5
    step(x0)
    np.testing.assert_allclose(step.parameters[1], x0)


OPEN = """
func.func @main(%x: tensor<?x5xf32>, %w: tensor<5x3xf32>) -> tensor<?x3xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : tensor<?x5xf32>
  %empty = tensor.empty(%n) : tensor<?x3xf32>
  %init = linalg.fill ins(%zero : f32) outs(%empty : tensor<?x3xf32>)
      -> tensor<?x3xf32>
  %y = linalg.matmul ins(%x, %w : tensor<?x5xf32>, tensor<5x3xf32>)
      outs(%init : tensor<?x3xf32>) -> tensor<?x3xf32>
  func.return %y : tensor<?x3xf32>
}
"""


def open_step(optimizer: Optimizer, weights: Array | None = None) -> TrainStep:
    given = WEIGHTS[1] if weights is None else weights
    return brdialect.train_step(
        OPEN, "cross-entropy", optimizer, {1: given.astype(np.float32)}, threads=1
    )


def examples(count: int = 23) -> tuple[Array, Array]:
    random = np.random.default_rng(1)
    x = random.standard_normal((count, K)).astype(np.float32)
    return x, random.integers(0, C, count)


def test_batches_of_any_size():
    """A batch of one example twice has the loss of the example."""
    x, labels = examples(2)
    one, two = open_step(SGD(rate=0.1)), open_step(SGD(rate=0.1))
    for _ in range(3):
        alone = one(x[:1], labels[:1].astype(np.int32))
        assert two(x[[0, 0]], labels[[0, 0]]) == pytest.approx(alone, rel=1e-5)


def test_no_example():
    x, labels = examples(0)
    with pytest.raises(BrError, match=r"elements to learn from, got tensor<0x3xf32>"):
        open_step(SGD())(x, labels)


def test_batches():
    """Each epoch has every example once, but for those left over, in another order."""
    batches = Batches(23, 5, seed=3)
    epochs = [np.concatenate([batches[4 * e + i] for i in range(4)]) for e in (0, 1)]
    for epoch in epochs:
        assert len(set(epoch)) == 20
        assert set(epoch) <= set(range(23))
    assert list(epochs[0]) != list(epochs[1])
    assert list(batches[2]) == list(epochs[0][10:15])


@pytest.mark.parametrize("optimizer", [SGD(rate=0.1, momentum=0.9), Adam(rate=0.1)])
def test_resumes_bit_by_bit(optimizer: Optimizer, tmp_path: Path):
    data, path = examples(), tmp_path / "run.safetensors"
    whole = open_step(optimizer)
    losses = brdialect.fit(whole, data, 5, 13, seed=3)
    brdialect.fit(open_step(optimizer), data, 5, 6, seed=3, checkpoint=path, every=4)
    # another start: all that counts comes from the file
    resumed = open_step(optimizer, WEIGHTS[1] + 1)
    found = brdialect.fit(resumed, data, 5, 13, seed=3, checkpoint=path)
    assert found == losses
    for name, array in whole.state().items():
        np.testing.assert_array_equal(resumed.state()[name], array)
    assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def test_nan_stops(tmp_path: Path):
    """With the number of the step; state and checkpoint are those before it."""
    (x, labels), path = examples(), tmp_path / "run.safetensors"
    step = open_step(SGD(rate=0.1))
    brdialect.fit(step, (x, labels), 23, 2, checkpoint=path)
    data, state = path.read_bytes(), step.state()
    x[4, 2] = np.nan
    with pytest.raises(BrError, match="step 3: expected a finite loss, got nan"):
        brdialect.fit(step, (x, labels), 23, 9, checkpoint=path, every=1)
    assert path.read_bytes() == data
    for name, array in step.state().items():
        np.testing.assert_array_equal(array, state[name])


def test_infinite_parameters_are_not_kept(tmp_path: Path):
    """The loss was finite, but the step that follows from it is not."""
    path = tmp_path / "run.safetensors"
    step = open_step(SGD(rate=1e38 * 3))
    with pytest.raises(
        BrError, match=r"step 1: expected finite numbers in parameter.1"
    ):
        x, labels = examples()
        brdialect.fit(step, (100 * x, labels), 23, 2, checkpoint=path, every=1)
    assert not path.exists()


KILLED = """
import sys
sys.path.insert(0, {tests!r})
import brdialect
from test_training import Adam, examples, open_step
brdialect.fit(open_step(Adam()), examples(), 5, 10**9, checkpoint={path!r}, every=1)
"""


def test_killed_while_it_writes(tmp_path: Path):
    """The file is a checkpoint at any time."""
    path = tmp_path / "run.safetensors"
    tests = str(Path(__file__).parent)
    program = KILLED.format(tests=tests, path=str(path))
    child = subprocess.Popen([sys.executable, "-c", program])
    try:
        while not path.exists():
            assert child.poll() is None
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    step = open_step(Adam())
    brdialect.fit(step, examples(), 5, 0, checkpoint=path)
    assert step.steps >= 1


def test_picture(tmp_path: Path):
    path = tmp_path / "loss.png"
    brdialect.fit(open_step(SGD()), examples(), 5, 25, picture=path)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(BrError, match="cannot write the loss curve"):
        brdialect.fit(open_step(SGD()), examples(), 5, 1, picture=tmp_path / "x.loss")


def test_bad_checkpoints(tmp_path: Path):
    path = tmp_path / "run.safetensors"
    data = examples()
    brdialect.fit(open_step(SGD()), data, 5, 1, checkpoint=path)
    with pytest.raises(
        BrError, match=r"expected a checkpoint with batches.size 6, got"
    ):
        brdialect.fit(open_step(SGD()), data, 6, 2, checkpoint=path)
    with pytest.raises(BrError, match=r"expected the state of parameter.1, first.1"):
        brdialect.fit(open_step(Adam()), data, 5, 2, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(BrError, match="expected a checkpoint of safetensors"):
        brdialect.fit(open_step(SGD()), data, 5, 2, checkpoint=path)
    with pytest.raises(BrError, match="cannot write the checkpoint: No such file"):
        nowhere = tmp_path / "nowhere" / "run.safetensors"
        brdialect.fit(open_step(SGD()), data, 5, 1, checkpoint=nowhere)


MISTAKES: dict[str, tuple[Callable[[], Any], str]] = {
    "loss": (lambda: step_of("sgd", "hinge"), "expected a loss out of cross-entropy"),
    "optimizer": (lambda: step_of("lion"), "expected an optimizer out of sgd, adam"),
    "scalar": (lambda: step_of("sgd", None), "expected a loss of one number"),
    "integer": (
        lambda: brdialect.train_step(
            "func.func @f(%x: tensor<2xi32>) -> tensor<2xi32> { return %x : "
            "tensor<2xi32> }",
            None,
            "sgd",
            {0: np.zeros(2, np.int32)},
        ),
        "parameter 0: expected a tensor of floats, got one of int32",
    ),
    "no parameter": (
        lambda: brdialect.train_step(linear(), "cross-entropy", "sgd", {}),
        "expected at least one parameter",
    ),
    "shape": (
        lambda: brdialect.train_step(
            linear(), "cross-entropy", "sgd", {1: np.zeros((C, K))}
        ),
        "parameter 1: expected 5x3xfloat64, got 3x5xfloat64",
    ),
    "rate": (lambda: SGD(rate=-1.0), "rate: expected a rate above 0, got -1.0"),
    "nesterov": (lambda: SGD(nesterov=True), "nesterov: expected a momentum above 0"),
    "beta": (lambda: Adam(beta2=1.0), "beta2: expected a number from 0 to below 1"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str):
    make, message = MISTAKES[name]
    with pytest.raises(BrError, match=message):
        make()


CALLS: Sequence[tuple[Sequence[object], str]] = [
    ([X], r"expected 2 arrays \(argument 0, what is wanted\), got 1"),
    ([X.T, LABELS], "argument 0: expected 7x5xfloat64, got 5x7xfloat64"),
    ([X, LABELS[1:]], "argument 3: expected 7xint64, got 6xint64"),
    ([X, LABELS + 1], "labels: expected numbers within 0..2, got 3"),
    ([X, LABELS - 1.0], "labels: expected integers, got float64"),
]


def test_bad_calls():
    """None of them changes the state."""
    step = step_of("sgd")
    for arrays, message in CALLS:
        with pytest.raises(BrError, match=message):
            step(*arrays)
    with pytest.raises(BrError, match="rate: expected a rate above 0, got 0"):
        step.rate = 0
    assert step.steps == 0
    np.testing.assert_array_equal(step.parameters[1], WEIGHTS[1])


def test_bad_settings(tmp_path: Path):
    """Each is told of before a step is taken."""
    step = step_of("sgd")
    missing = tmp_path / "missing" / "loss.png"
    for data, options, message in (
        (X, {}, "data: expected a tuple of arrays, got one array"),
        ((X, LABELS), {"steps": -1}, "expected 0 or more steps, got -1"),
        ((X, LABELS), {"picture": missing}, "cannot write the loss curve"),
    ):
        with pytest.raises(BrError, match=message):
            brdialect.fit(step, data, 5, **{"steps": 1, **options})  # type: ignore
    with pytest.raises(BrError, match="rate: expected a number, got 'x'"):
        SGD(rate="x")  # type: ignore
    with pytest.raises(BrError, match=r"optimizer: expected SGD\(...\) or Adam"):
        step_of(SGD)  # type: ignore
    with pytest.raises(BrError, match=r"expected a number of threads .* got '1'"):
        brdialect.compile("func.func @f() { func.return }", threads="1")  # type: ignore
    assert step.steps == 0


@pytest.mark.parametrize("network", digits.PYTORCH)
def test_loss_curve(network: str):
    """A short form of tests/compare/test_training_torch.py."""
    want = digits.PYTORCH[network]
    found = digits.losses(network, digits.OPTIMIZER, len(want))
    np.testing.assert_allclose(found, want, rtol=1e-3)
