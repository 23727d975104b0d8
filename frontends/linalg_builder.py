"""Builds linalg-on-tensors modules in a few lines, in the form torch-mlir exports.

    b = Builder("main", [((1, 3, 8, 8), f32), ((4, 3, 3, 3), f32), ((4,), f32)])
    x, w, bias = b.args
    y = b.relu(b.conv2d(x, w, bias=bias, padding=(1, 1)))     # [1, 4, 8, 8]
    module = b.finish(y)

Shapes are static. Letters name dimensions: n batch, c channels in, f channels out,
h and w height and width, r and s those of a window, g groups.
"""

from __future__ import annotations

import math as python_math
from collections.abc import Callable, Sequence
from typing import Literal

from xdsl.builder import Builder as OpBuilder
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import DenseArrayBase, i64
from xdsl.dialects.linalg.ops import BroadcastOp
from xdsl.ir import Operation, SSAValue
from xdsl.ir.affine import AffineConstantExpr, AffineDimExpr, AffineExpr, AffineMap

from brdialect.errors import BrError
from frontends.tensor_builder import (
    Body,
    Pair,
    TensorBuilder,
    broadcast_map,
    broadcast_shape,
    shape_of,
    type_of,
)

Layout = Literal["nchw_fchw", "nhwc_hwcf", "nhwc_fhwc"]
"""Dimensions of a convolution's input and weight."""


def _binary(make: Callable[[SSAValue, SSAValue], Operation]) -> Body:
    return lambda b, e: b.insert(make(e[0], e[1])).results[0]


def _unary(make: Callable[[SSAValue], Operation]) -> Body:
    return lambda b, e: b.insert(make(e[0])).results[0]


def _out_size(size: int, window: int, stride: int, dilation: int) -> int:
    """Positions of a window along one dimension."""
    out = (size - (window - 1) * dilation - 1) // stride + 1
    if out < 1:
        raise BrError(
            f"expected a window that fits, got {window} with dilation {dilation} "
            f"over {size}"
        )
    return out


class Builder(TensorBuilder):
    """A network under construction; `finish` gives the module."""

    # Element by element

    def map(self, body: Body, *inputs: SSAValue) -> SSAValue:
        """`body` on the elements of every input, whose shapes broadcast as numpy's."""
        shapes = [shape_of(v) for v in inputs]
        shape = broadcast_shape(shapes)
        maps = [broadcast_map(s, shape) for s in shapes]
        out = self.empty(shape, type_of(inputs[0]).element_type)
        maps.append(AffineMap.identity(len(shape)))
        return self.generic(inputs, out, maps, body)

    def add(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """x + y"""
        return self.map(_binary(arith.AddfOp), x, y)

    def sub(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """x - y"""
        return self.map(_binary(arith.SubfOp), x, y)

    def mul(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """x * y"""
        return self.map(_binary(arith.MulfOp), x, y)

    def div(self, x: SSAValue, y: SSAValue) -> SSAValue:
        """x / y"""
        return self.map(_binary(arith.DivfOp), x, y)

    def exp(self, x: SSAValue) -> SSAValue:
        """exp(x)"""
        return self.map(_unary(math.ExpOp), x)

    def tanh(self, x: SSAValue) -> SSAValue:
        """tanh(x)"""
        return self.map(_unary(math.TanhOp), x)

    def relu(self, x: SSAValue) -> SSAValue:
        """max(x, 0), as a comparison and a select"""
        zero = self.constant(0.0, type_of(x).element_type)

        def body(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            positive = b.insert(arith.CmpfOp(e[0], zero, "ugt"))
            return b.insert(arith.SelectOp(positive, e[0], zero)).result

        return self.map(body, x)

    def sigmoid(self, x: SSAValue) -> SSAValue:
        """1 / (1 + exp(-x))"""
        one = self.constant(1.0, type_of(x).element_type)

        def body(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            power = b.insert(math.ExpOp(b.insert(arith.NegfOp(e[0]))))
            return b.insert(
                arith.DivfOp(one, b.insert(arith.AddfOp(power, one)))
            ).result

        return self.map(body, x)

    def gelu(self, x: SSAValue) -> SSAValue:
        """x * (erf(x / sqrt 2) + 1) / 2"""
        element = type_of(x).element_type
        root, one, half = (
            self.constant(c, element) for c in (python_math.sqrt(2), 1.0, 0.5)
        )

        def body(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            erf = b.insert(math.ErfOp(b.insert(arith.DivfOp(e[0], root))))
            scale = b.insert(arith.MulfOp(b.insert(arith.AddfOp(erf, one)), half))
            return b.insert(arith.MulfOp(e[0], scale)).result

        return self.map(body, x)

    def bias(self, x: SSAValue, bias: SSAValue, axis: int = 1) -> SSAValue:
        """x + bias, where bias: [size of x's dimension `axis`]."""
        rank = len(shape_of(x))
        maps = [
            AffineMap.identity(rank),
            AffineMap(rank, 0, (AffineDimExpr(axis % rank),)),
            AffineMap.identity(rank),
        ]
        out = self.empty(shape_of(x), type_of(x).element_type)
        return self.generic((x, bias), out, maps, _binary(arith.AddfOp))

    def batch_norm(
        self,
        x: SSAValue,
        gamma: SSAValue,
        beta: SSAValue,
        mean: SSAValue,
        variance: SSAValue,
        epsilon: float = 1e-5,
    ) -> SSAValue:
        """(x - mean) / sqrt(variance + epsilon) * gamma + beta, for channels [c] of
        x: [n, c, ..]."""
        small = self.constant(epsilon, type_of(x).element_type)

        def reciprocal(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            return b.insert(math.RsqrtOp(b.insert(arith.AddfOp(e[0], small)))).result

        def body(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            y = b.insert(arith.SubfOp(e[0], e[1])).result
            for factor in e[2:4]:
                y = b.insert(arith.MulfOp(y, factor)).result
            return b.insert(arith.AddfOp(y, e[4])).result

        rank = len(shape_of(x))
        channels = AffineMap(rank, 0, (AffineDimExpr(1),))
        inputs = (x, mean, self.map(reciprocal, variance), gamma, beta)
        same = AffineMap.identity(rank)
        out = self.empty(shape_of(x), type_of(x).element_type)
        return self.generic(inputs, out, [same, *[channels] * 4, same], body)

    def batch_norm_of_batch(
        self, x: SSAValue, gamma: SSAValue, beta: SSAValue, epsilon: float = 1e-5
    ) -> SSAValue:
        """The same with the mean and the variance of x itself, as in training."""
        rank, shape = len(shape_of(x)), shape_of(x)
        element = type_of(x).element_type
        same, channels = (
            AffineMap.identity(rank),
            AffineMap(rank, 0, (AffineDimExpr(1),)),
        )
        count = self.constant(python_math.prod(shape) / shape[1], element)

        def mean_of(inputs: Sequence[SSAValue], term: Body) -> SSAValue:
            def body(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
                return b.insert(arith.AddfOp(e[-1], term(b, e))).result

            maps = [same, *[channels] * len(inputs)]
            start = self.fill(0.0, shape[1:2], element)
            total = self.generic(inputs, start, maps, body)
            return self.map(
                lambda b, e: b.insert(arith.DivfOp(e[0], count)).result, total
            )

        def square(b: OpBuilder, e: Sequence[SSAValue]) -> SSAValue:
            distance = b.insert(arith.SubfOp(e[0], e[1])).result
            return b.insert(arith.MulfOp(distance, distance)).result

        mean = mean_of((x,), lambda b, e: e[0])
        variance = mean_of((x, mean), square)
        return self.batch_norm(x, gamma, beta, mean, variance, epsilon)

    # Contractions

    def matmul(
        self, x: SSAValue, w: SSAValue, *, transpose_b: bool = False
    ) -> SSAValue:
        """x: [m, k], w: [k, n] ([n, k] with `transpose_b`) -> [m, n]"""
        if transpose_b:
            w = self.transpose(w, (1, 0))
        (m, k), (k_w, n) = shape_of(x), shape_of(w)
        if k != k_w:
            raise BrError(f"expected [m, k] and [k, n], got {x.type} and {w.type}")
        out = self.fill(0.0, (m, n), type_of(x).element_type)
        return self.named("matmul", (x, w), out)

    def batch_matmul(
        self, x: SSAValue, y: SSAValue, *, transpose_b: bool = False
    ) -> SSAValue:
        """x: [g, m, k], y: [g, k, n] ([g, n, k] with `transpose_b`) -> [g, m, n]"""
        if transpose_b:
            y = self.transpose(y, (0, 2, 1))
        (g, m, k), (g_y, k_y, n) = shape_of(x), shape_of(y)
        if (g, k) != (g_y, k_y):
            raise BrError(f"expected [g, m, k] and [g, k, n], got {x.type}, {y.type}")
        out = self.fill(0.0, (g, m, n), type_of(x).element_type)
        return self.named("batch_matmul", (x, y), out)

    def conv2d(
        self,
        x: SSAValue,
        w: SSAValue,
        *,
        bias: SSAValue | None = None,
        stride: Pair = (1, 1),
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
        groups: int = 1,
        layout: Layout = "nchw_fchw",
    ) -> SSAValue:
        """The convolution plus `bias`: [f], which its output starts from.

        | layout | x | w | result |
        |---|---|---|---|
        | `nchw_fchw` | [n, c, h, w] | [f, c / groups, r, s] | [n, f, h', w'] |
        | `nhwc_hwcf` | [n, h, w, c] | [r, s, c, f] | [n, h', w', f] |
        | `nhwc_fhwc` | [n, h, w, c] | [f, r, s, c] | [n, h', w', f] |
        """
        x = self.pad(x, padding, 0.0, channels_last=layout != "nchw_fchw")
        factors = {"strides": stride, "dilations": dilation}
        places = layout.split("_")
        sizes = dict(zip(places[0], shape_of(x), strict=True))
        window = dict(zip(places[1], shape_of(w), strict=True))
        if window["c"] * groups != sizes["c"] or window["f"] % groups:
            raise BrError(
                f"expected {sizes['c']} channels in {groups} groups, got {w.type}"
            )
        out = {"n": sizes["n"], "c": window["f"]}
        for d, name in enumerate("hw"):
            out[name] = _out_size(sizes[name], window[name], stride[d], dilation[d])
        axis = places[0].index("c")
        start = self._start([out[d] for d in places[0]], bias, axis, x)
        if groups == 1:
            return self.named(f"conv_2d_{layout}", (x, w), start, **factors)
        if layout != "nchw_fchw":
            raise BrError(f"expected layout nchw_fchw for groups, got {layout}")
        if groups == sizes["c"] == window["f"]:
            # [c, 1, r, s] -> [c, r, s]
            w = self.reshape(w, (groups, *shape_of(w)[2:]))
            return self.named("depthwise_conv_2d_nchw_chw", (x, w), start, **factors)
        result = self.named(
            "conv_2d_ngchw_gfchw",
            (self._grouped(x, 1, groups), self._grouped(w, 0, groups)),
            self._grouped(start, 1, groups),
            **factors,
        )
        return self.reshape(result, shape_of(start))

    def _grouped(self, x: SSAValue, axis: int, groups: int) -> SSAValue:
        """[.., g * c, ..] -> [.., g, c, ..]"""
        shape = list(shape_of(x))
        shape[axis : axis + 1] = [groups, shape[axis] // groups]
        return self.reshape(x, shape)

    def _start(
        self, shape: Sequence[int], bias: SSAValue | None, axis: int, like: SSAValue
    ) -> SSAValue:
        """What a convolution accumulates onto: zero, or the bias of each channel."""
        element = type_of(like).element_type
        if bias is None:
            return self.fill(0.0, shape, element)
        others = [d for d in range(len(shape)) if d != axis]
        dimensions = DenseArrayBase.from_list(i64, others)
        out = self.empty(shape, element)
        return self.insert(BroadcastOp(bias, out, dimensions))

    # Windows and reductions

    def pad(
        self, x: SSAValue, padding: Pair, value: float, *, channels_last: bool = False
    ) -> SSAValue:
        """`padding` elements on both sides of height and width."""
        if padding == (0, 0):
            return x
        amounts = [0, *padding, 0] if channels_last else [0, 0, *padding]
        element = type_of(x).element_type
        return self.pad_by(x, amounts, amounts, self.constant(value, element))

    def max_pool(
        self,
        x: SSAValue,
        kernel: Pair,
        *,
        stride: Pair | None = None,
        padding: Pair = (0, 0),
        dilation: Pair = (1, 1),
    ) -> SSAValue:
        """x: [n, c, h, w] -> [n, c, h', w']; padding never wins."""
        return self._pool("max", x, kernel, stride, padding, dilation)

    def avg_pool(
        self,
        x: SSAValue,
        kernel: Pair,
        *,
        stride: Pair | None = None,
        padding: Pair = (0, 0),
    ) -> SSAValue:
        """x: [n, c, h, w] -> [n, c, h', w']; padding counts as zeros."""
        total = self._pool("sum", x, kernel, stride, padding, (1, 1))
        count = self.constant(float(python_math.prod(kernel)), type_of(x).element_type)
        return self.map(
            lambda b, e: b.insert(arith.DivfOp(e[0], count)).result,
            total,
        )

    def _pool(
        self,
        kind: Literal["max", "sum"],
        x: SSAValue,
        kernel: Pair,
        stride: Pair | None,
        padding: Pair,
        dilation: Pair,
    ) -> SSAValue:
        stride = kernel if stride is None else stride
        neutral = -python_math.inf if kind == "max" else 0.0
        x = self.pad(x, padding, neutral)
        n, c, *spatial = shape_of(x)
        shape = (n, c, *map(_out_size, spatial, kernel, stride, dilation))
        element = type_of(x).element_type
        out = self.fill(neutral, shape, element)
        window = self.empty(kernel, element)
        return self.named(
            f"pooling_nchw_{kind}",
            (x, window),
            out,
            strides=stride,
            dilations=dilation,
        )

    def reduce(
        self,
        x: SSAValue,
        axis: int,
        start: float,
        make: Callable[[SSAValue, SSAValue], Operation],
    ) -> SSAValue:
        """x folded along `axis`, which stays with size 1."""
        shape = list(shape_of(x))
        rank, axis = len(shape), axis % len(shape)
        shape[axis] = 1
        exprs: list[AffineExpr] = [AffineDimExpr(d) for d in range(rank)]
        exprs[axis] = AffineConstantExpr(0)
        maps = (AffineMap.identity(rank), AffineMap(rank, 0, tuple(exprs)))
        out = self.fill(start, shape, type_of(x).element_type)
        return self.generic((x,), out, maps, _binary(make))

    def softmax(self, x: SSAValue, axis: int = -1) -> SSAValue:
        """exp(x - max x) / sum exp(x - max x) along `axis`"""
        largest = self.reduce(x, axis, -python_math.inf, arith.MaximumfOp)
        power = self.exp(self.sub(x, largest))
        return self.div(power, self.reduce(power, axis, 0.0, arith.AddfOp))
