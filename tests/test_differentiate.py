"""`differentiate` against central differences in f64, on shapes that divide nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from gradients import check, functions
from xdsl.builder import Builder as OpBuilder
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import f64
from xdsl.ir import Operation, SSAValue

from brdialect.xdsl_repairs import CmpfOp, SelectOp
from frontends.linalg_builder import Builder

Shapes = Sequence[Sequence[int]]
Make = Callable[..., SSAValue]


def random_arrays(shapes: Shapes) -> list[np.ndarray]:
    """Numbers between -2 and 2, no two of one array near each other."""
    random = np.random.default_rng(3)
    found: list[np.ndarray] = []
    for shape in shapes:
        numbers = np.linspace(-2.0, 2.0, int(np.prod(shape))) + 0.01 * random.random()
        found.append(random.permutation(numbers).reshape(shape))
    return found


def differs(shapes: Shapes, make: Make, save: bool = True) -> None:
    b = Builder("main", [(s, f64) for s in shapes])
    module = b.finish(make(b, *b.args))
    check(module, random_arrays(shapes), save=save)


CONVOLUTIONS = {
    "plain": ((2, 5, 7, 9), (6, 5, 3, 3), {}),
    "padded": ((1, 3, 6, 5), (7, 3, 3, 3), {"padding": (1, 2)}),
    "strided": ((2, 3, 10, 9), (4, 3, 3, 3), {"stride": (2, 3), "padding": (1, 1)}),
    "one window": ((3, 4, 5, 3), (6, 4, 5, 3), {}),
    "windows end to end": ((1, 3, 7, 8), (4, 3, 2, 3), {"stride": (2, 3)}),
    "1x1 strided": ((1, 3, 7, 6), (4, 3, 1, 1), {"stride": (2, 2)}),
    "1x1 strided, padded": (
        (2, 3, 6, 5),
        (4, 3, 1, 1),
        {"stride": (2, 3), "padding": (1, 1)},
    ),
    "1x1 with many gaps": ((1, 3, 9, 8), (4, 3, 1, 1), {"stride": (6, 5)}),
    "1x1, channels last": (
        (2, 7, 6, 3),
        (1, 1, 3, 4),
        {"layout": "nhwc_hwcf", "stride": (2, 2)},
    ),
    "dilated": ((1, 3, 11, 9), (4, 3, 3, 2), {"dilation": (2, 3), "padding": (1, 2)}),
    "strided and dilated": (
        (1, 2, 13, 15),
        (3, 2, 3, 4),
        {"stride": (4, 3), "dilation": (2, 2), "padding": (2, 1)},
    ),
    "grouped": ((2, 6, 6, 5), (9, 2, 3, 2), {"groups": 3, "stride": (2, 1)}),
    "depthwise": ((2, 5, 7, 6), (5, 1, 3, 3), {"groups": 5, "padding": (1, 1)}),
    "depthwise strided": ((2, 5, 7, 6), (5, 1, 3, 3), {"groups": 5, "stride": (2, 2)}),
    "channels last": (
        (2, 7, 6, 5),
        (3, 3, 5, 4),
        {"layout": "nhwc_hwcf", "stride": (2, 1), "padding": (1, 1)},
    ),
    "channels last, filters first": (
        (1, 7, 6, 5),
        (4, 3, 3, 5),
        {"layout": "nhwc_fhwc", "padding": (1, 1)},
    ),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str):
    x, w, settings = CONVOLUTIONS[name]
    filters = w[3] if settings.get("layout") == "nhwc_hwcf" else w[0]
    differs(
        (x, w, (filters,)),
        lambda b, x, w, bias: b.conv2d(x, w, bias=bias, **settings),
    )


ELEMENTWISE: dict[str, tuple[Sequence[int], Make]] = {
    "relu": ((3, 7), lambda b, x, y: b.relu(b.add(x, y))),
    "tanh of a product": ((7,), lambda b, x, y: b.tanh(b.mul(x, y))),
    "gelu": ((3, 1), lambda b, x, y: b.gelu(b.sub(x, y))),
    "quotient": ((1, 1), lambda b, x, y: b.div(x, b.exp(y))),
    "divisor": ((7,), lambda b, x, y: b.div(b.sigmoid(x), b.exp(y))),
    "same twice": ((3, 7), lambda b, x, y: b.mul(b.mul(x, x), b.add(y, x))),
}
"""The shape of the second operand, which is broadcast to the first: [3, 7]."""


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str):
    shape, make = ELEMENTWISE[name]
    differs(((3, 7), shape), make)


def chosen(predicate: str, bound_first: bool, other_way: bool) -> Make:
    """x where it is compared with 0.25, in one order or the other, and else 0.25, or
    the other way round."""

    def make(b: Builder, x: SSAValue) -> SSAValue:
        bound = b.constant(0.25, f64)

        def body(inner: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            pair = (bound, e[0]) if bound_first else (e[0], bound)
            found = inner.insert(CmpfOp(*pair, predicate)).result
            values = (bound, e[0]) if other_way else (e[0], bound)
            return inner.insert(SelectOp(found, *values)).result

        return b.mul(b.map(body, x), x)

    return make


@pytest.mark.parametrize("predicate", ["ogt", "ugt", "olt", "ult", "oge", "ule"])
@pytest.mark.parametrize("bound_first", [True, False])
@pytest.mark.parametrize("other_way", [True, False])
def test_clamps_by_comparisons(predicate: str, bound_first: bool, other_way: bool):
    differs(((3, 7),), chosen(predicate, bound_first, other_way), save=False)


@pytest.mark.parametrize(
    "kind", [arith.MaximumfOp, arith.MaxnumfOp, arith.MinimumfOp, arith.MinnumfOp]
)
def test_clamps_by_extrema(kind: type[arith.MaximumfOp]):
    def make(b: Builder, x: SSAValue) -> SSAValue:
        bound = b.constant(0.25, f64)
        return b.mul(
            b.map(lambda inner, e: inner.insert(kind(e[0], bound)).result, x), x
        )

    differs(((3, 7),), make, save=False)


PRODUCTS: dict[str, tuple[Shapes, Make]] = {
    "matmul": (((5, 7), (7, 3)), lambda b, x, y: b.matmul(x, y)),
    "transposed": (((5, 7), (3, 7)), lambda b, x, y: b.matmul(x, y, transpose_b=True)),
    "batched": (((2, 5, 7), (2, 7, 3)), lambda b, x, y: b.batch_matmul(x, y)),
    "square": (((5, 5),), lambda b, x: b.matmul(x, x)),
    "two layers": (
        ((4, 7), (7, 9), (9, 3)),
        lambda b, x, v, w: b.matmul(b.tanh(b.matmul(x, v)), w),
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("save", [True, False])
def test_products(name: str, save: bool):
    differs(*PRODUCTS[name], save=save)


POOLINGS: dict[str, Make] = {
    "max": lambda b, x: b.max_pool(x, (2, 2)),
    "overlapping max": lambda b, x: b.max_pool(
        x, (3, 3), stride=(2, 2), padding=(1, 1)
    ),
    "dilated max": lambda b, x: b.max_pool(x, (2, 3), stride=(1, 2), dilation=(3, 1)),
    "max with a rest": lambda b, x: b.max_pool(x, (2, 3), padding=(1, 1)),
    "average": lambda b, x: b.avg_pool(x, (3, 2), stride=(2, 1), padding=(1, 1)),
    "global average": lambda b, x: b.avg_pool(x, (9, 8)),
}


@pytest.mark.parametrize("name", POOLINGS)
def test_pooling(name: str):
    differs(((2, 3, 9, 8),), POOLINGS[name])


def total(b: Builder, x: SSAValue, axis: int) -> SSAValue:
    return b.reduce(x, axis, 0.0, arith.AddfOp)


def mapped(b: Builder, make: Callable[..., Operation], *x: SSAValue) -> SSAValue:
    count = len(x)  # the body's last argument is what stood in the result
    return b.map(lambda inner, e: inner.insert(make(*e[:count])).results[0], *x)


def log_softmax(b: Builder, x: SSAValue) -> SSAValue:
    shifted = b.sub(x, b.reduce(x, -1, -np.inf, arith.MaximumfOp))
    return b.sub(shifted, mapped(b, math.LogOp, total(b, b.exp(shifted), -1)))


def batch_norm(b: Builder, x: SSAValue, gamma: SSAValue, beta: SSAValue) -> SSAValue:
    """With the mean and the variance of the batch. x: [n, c], gamma and beta: [c]"""
    count = b.constant(11.0, f64)

    def mean(x: SSAValue) -> SSAValue:
        return mapped(b, lambda e: arith.DivfOp(e, count), total(b, x, 0))

    centred = b.sub(x, mean(x))
    moments = (mean(x), mean(b.mul(centred, centred)))
    middle, variance = (b.reshape(v, (5,)) for v in moments)
    return b.batch_norm(x, gamma, beta, middle, variance)


REDUCTIONS: dict[str, tuple[Shapes, Make]] = {
    "sum": (((3, 7),), lambda b, x: b.reduce(x, 0, 0.0, arith.AddfOp)),
    "max": (((3, 7),), lambda b, x: b.reduce(x, -1, -np.inf, arith.MaximumfOp)),
    "min": (((3, 7),), lambda b, x: b.reduce(x, 0, np.inf, arith.MinimumfOp)),
    "softmax": (((3, 7),), lambda b, x: b.softmax(x)),
    "log-softmax": (((3, 7),), log_softmax),
    "batch-norm": (((11, 5), (5,), (5,)), batch_norm),
    "long batch-norm": (
        ((3, 5, 7, 3), (5,), (5,)),
        lambda b, x, gamma, beta: b.batch_norm_of_batch(x, gamma, beta),
    ),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str):
    differs(*REDUCTIONS[name], save=name != "softmax")


MOVES: dict[str, tuple[Shapes, Make]] = {
    "transpose": (((3, 7),), lambda b, x: b.tanh(b.transpose(x, (1, 0)))),
    "reshape": (((3, 8),), lambda b, x: b.tanh(b.reshape(x, (2, 3, 4)))),
    "collapse": (((3, 2, 4),), lambda b, x: b.tanh(b.reshape(x, (6, 4)))),
    "pad": (((1, 2, 3, 4),), lambda b, x: b.tanh(b.pad(x, (1, 2), 0.5))),
}


@pytest.mark.parametrize("name", MOVES)
def test_moves(name: str):
    differs(*MOVES[name])


SLICES = """
func.func @main(%x: tensor<5x9xf64>, %y: tensor<3x4xf64>)
    -> (tensor<5x9xf64>, tensor<3x8xf64>) {
  %part = tensor.extract_slice %x[1, 2] [3, 4] [1, 2]
      : tensor<5x9xf64> to tensor<3x4xf64>
  %row = tensor.extract_slice %x[4, 0] [1, 9] [1, 1] : tensor<5x9xf64> to tensor<9xf64>
  %both = tensor.concat dim(1) %part, %y
      : (tensor<3x4xf64>, tensor<3x4xf64>) -> tensor<3x8xf64>
  %copied = tensor.insert_slice %row into %x[0, 0] [1, 9] [1, 1]
      : tensor<9xf64> into tensor<5x9xf64>
  %over = tensor.insert_slice %y into %copied[1, 1] [3, 4] [1, 2]
      : tensor<3x4xf64> into tensor<5x9xf64>
  %empty = tensor.empty() : tensor<5x9xf64>
  %square = linalg.square ins(%over : tensor<5x9xf64>) outs(%empty : tensor<5x9xf64>)
      -> tensor<5x9xf64>
  func.return %square, %both : tensor<5x9xf64>, tensor<3x8xf64>
}
"""


def test_slices():
    check(SLICES, random_arrays([(5, 9), (3, 4)]))


def test_only_what_is_asked_for():
    """The gradient of the second argument alone; the first is no result."""
    (dy,) = check(SLICES, random_arrays([(5, 9), (3, 4)]), wrt=[1])
    assert dy.shape == (3, 4)


CROSS_ENTROPY = """
#rows = affine_map<(n, c) -> (n)>
#full = affine_map<(n, c) -> (n, c)>
#none = affine_map<(n, c) -> ()>
func.func @main(%logits: tensor<5x7xf64>, %labels: tensor<5xi64>) -> tensor<f64> {
  %zero = arith.constant 0.0 : f64
  %empty = tensor.empty() : tensor<5x7xf64>
  %p = linalg.softmax dimension(1) ins(%logits : tensor<5x7xf64>)
      outs(%empty : tensor<5x7xf64>) -> tensor<5x7xf64>
  %scalar = tensor.empty() : tensor<f64>
  %start = linalg.fill ins(%zero : f64) outs(%scalar : tensor<f64>) -> tensor<f64>
  %loss = linalg.generic {indexing_maps = [#full, #rows, #none],
      iterator_types = ["reduction", "reduction"]}
      ins(%p, %labels : tensor<5x7xf64>, tensor<5xi64>) outs(%start : tensor<f64>) {
  ^bb0(%x: f64, %label: i64, %sum: f64):
    %c = linalg.index 1 : index
    %class = arith.index_cast %c : index to i64
    %right = arith.cmpi eq, %class, %label : i64
    %log = math.log %x : f64
    %term = arith.select %right, %log, %zero : f64
    %next = arith.subf %sum, %term : f64
    linalg.yield %next : f64
  } -> tensor<f64>
  func.return %loss : tensor<f64>
}
"""


def test_cross_entropy():
    """The labels are integers and have no gradient."""
    logits = random_arrays([(5, 7)])[0]
    labels = np.array([3, 0, 6, 6, 1])
    (found,) = check(CROSS_ENTROPY, [logits, labels])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    p[np.arange(5), labels] -= 1
    scale = found[0, 0] / p[0, 0]
    np.testing.assert_allclose(found, p * scale, rtol=1e-12)


def test_first_of_equal_maxima():
    """As in PyTorch the first one of a window takes the gradient."""
    b = Builder("main", [((1, 1, 2, 4), f64)])
    _, gradients = functions(b.finish(b.max_pool(b.args[0], (2, 2))))
    x = np.array([[1.0, 1, 0, 2], [1, 0, 2, 2]]).reshape(1, 1, 2, 4)
    (found,) = gradients([x], [np.array([3.0, 5]).reshape(1, 1, 1, 2)])
    want = np.array([[3.0, 0, 0, 5], [0, 0, 0, 0]])
    np.testing.assert_array_equal(found[0, 0], want)
