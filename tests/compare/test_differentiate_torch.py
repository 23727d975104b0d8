"""Gradients are those of PyTorch, of convolutions and poolings with random settings."""

# torch comes without types that pyright could check
# pyright: basic, reportMissingImports=false

import numpy as np
import pytest
from gradients import functions
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f64

from frontends.linalg_builder import Builder

pytestmark = pytest.mark.compare

small = st.integers(1, 3)
SOME = settings(max_examples=20, deadline=None, derandomize=True)
FEW = settings(max_examples=8, deadline=None, derandomize=True)


def agrees(got, want, scale=1.0):
    np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-9, atol=1e-9 * scale)


def compare(module, make, arrays):
    """`module` differentiated in all arguments against torch's gradients of `make`."""
    import torch

    _, gradients = functions(module)
    tensors = [torch.tensor(x, requires_grad=True) for x in arrays]
    y = make(*tensors)
    dy = np.random.default_rng(5).standard_normal(tuple(y.shape))
    y.backward(torch.tensor(dy))
    for got, x in zip(gradients(arrays, [dy]), tensors, strict=True):
        agrees(got, x.grad, float(x.grad.abs().max()) + 1)


@SOME
@given(st.data())
def test_convolutions(data):
    """Any stride, dilation, padding and number of groups, channels first."""
    import torch

    def pair(strategy):
        return data.draw(strategy), data.draw(strategy)

    groups, n = data.draw(st.sampled_from([1, 1, 2, 3])), data.draw(st.integers(1, 2))
    channels, filters = (groups * data.draw(st.integers(1, 9)) for _ in range(2))
    window, stride, dilation = pair(small), pair(small), pair(small)
    padding = pair(st.integers(0, 2))
    size = [
        max(1, (r - 1) * d + 1 - 2 * p) + data.draw(st.integers(0, 7))
        for r, d, p in zip(window, dilation, padding, strict=True)
    ]
    shapes = (n, channels, *size), (filters, channels // groups, *window), (filters,)
    b = Builder("main", [(s, f64) for s in shapes])
    x, w, bias = b.args
    options = {"padding": padding, "dilation": dilation, "groups": groups}
    y = b.conv2d(x, w, bias=bias, stride=stride, **options)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    compare(
        b.finish(y),
        lambda x, w, bias: torch.conv2d(x, w, bias, stride=stride, **options),
        [random.standard_normal(s) for s in shapes],
    )


@FEW
@given(st.data())
def test_max_pooling(data):
    """Of small integers, so that many maxima are found twice."""
    import torch

    kernel = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    stride, dilation = (data.draw(small), data.draw(small)), (data.draw(small), 1)
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel)
    size = [
        (k - 1) * d + 1 + data.draw(st.integers(0, 6))
        for k, d in zip(kernel, dilation, strict=True)
    ]
    shape = (2, data.draw(st.integers(1, 9)), *size)
    b = Builder("main", [(shape, f64)])
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    x = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-2, 3, shape)
    compare(
        b.finish(b.max_pool(b.args[0], kernel, **options)),
        lambda x: torch.nn.functional.max_pool2d(x, kernel, **options),
        [x.astype(np.float64)],
    )


UNARY = {
    "exp": math.ExpOp,
    "exp2": math.Exp2Op,
    "expm1": math.ExpM1Op,
    "log": math.LogOp,
    "log2": math.Log2Op,
    "log10": math.Log10Op,
    "log1p": math.Log1pOp,
    "sqrt": math.SqrtOp,
    "rsqrt": math.RsqrtOp,
    "tanh": math.TanhOp,
    "erf": math.ErfOp,
    "sin": math.SinOp,
    "cos": math.CosOp,
    "tan": math.TanOp,
    "asin": math.AsinOp,
    "acos": math.AcosOp,
    "atan": math.AtanOp,
    "sinh": math.SinhOp,
    "cosh": math.CoshOp,
    "asinh": math.AsinhOp,
    "atanh": math.AtanhOp,
    "abs": math.AbsFOp,
    "neg": arith.NegfOp,
    "floor": math.FloorOp,
}


def test_unary_functions():
    """All in one program, each of the numbers between 0 and 1."""
    import torch

    x = np.linspace(0.05, 0.95, 19)
    b = Builder("main", [((19,), f64)])
    total = b.args[0]
    for op in UNARY.values():
        y = b.map(lambda inner, e, op=op: inner.insert(op(e[0])).results[0], b.args[0])
        total = b.mul(total, b.add(y, y)) if op is math.ExpOp else b.add(total, y)

    def make(x):
        total = x
        for name in UNARY:
            y = getattr(torch, name)(x)
            total = total * (y + y) if name == "exp" else total + y
        return total

    compare(b.finish(total), make, [x])


BINARY = {
    "maximum": arith.MaximumfOp,
    "minimum": arith.MinimumfOp,
    "pow": math.PowFOp,
    "atan2": math.Atan2Op,
    "copysign": math.CopySignOp,
}


@pytest.mark.parametrize("name", BINARY)
def test_binary_functions(name: str):
    """Of equal numbers too: each maximum gives half of its gradient to both."""
    import torch

    x, y = np.array([0.5, 0.25, 1.0, 2.0]), np.array([0.5, 0.75, 0.5, 2.0])
    b = Builder("main", [((4,), f64)] * 2)
    op = BINARY[name]
    z = b.map(lambda inner, e: inner.insert(op(e[0], e[1])).results[0], *b.args)
    compare(b.finish(z), getattr(torch, name), [x, y])


def test_classifier():
    """Convolution, batch-norm in training mode, pooling, softmax: a small network."""
    import torch

    shapes = [(4, 3, 9, 8), (5, 3, 3, 3), (5,), (5,), (5 * 5 * 4, 6)]
    b = Builder("main", [(s, f64) for s in shapes])
    x, w, gamma, beta, v = b.args
    y = b.conv2d(x, w, padding=(1, 1))
    count = b.constant(4.0 * 9 * 8, f64)

    def mean(value):
        for axis in (0, 2, 3):
            value = b.reduce(value, axis, 0.0, arith.AddfOp)
        return b.map(lambda i, e: i.insert(arith.DivfOp(e[0], count)).result, value)

    centre = mean(y)
    offset = b.sub(y, centre)
    variance = b.reshape(mean(b.mul(offset, offset)), (5,))
    y = b.batch_norm(y, gamma, beta, b.reshape(centre, (5,)), variance)
    y = b.max_pool(b.relu(y), (3, 3), stride=(2, 2), padding=(1, 1))
    y = b.softmax(b.matmul(b.reshape(y, (4, 5 * 5 * 4)), v))

    def make(x, w, gamma, beta, v):
        f = torch.nn.functional
        y = f.batch_norm(
            torch.conv2d(x, w, padding=1), None, None, gamma, beta, training=True
        )
        y = f.max_pool2d(torch.relu(y), 3, stride=2, padding=1)
        return torch.softmax(y.flatten(1) @ v, 1)

    random = np.random.default_rng(0)
    compare(b.finish(y), make, [random.standard_normal(s) for s in shapes])
