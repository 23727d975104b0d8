"""Products, convolutions and windows on arrays of any rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap

from brdialect.errors import BrError
from frontends.array_builder import ScalarBody, Shape, Tensor, dims_map, identity
from frontends.array_moves import MoveBuilder
from frontends.elements import element_type
from frontends.scalar import Scalar

Ints = Sequence[int]


@dataclass(frozen=True)
class Windows:
    """Where windows lie over the last dimensions of an array, one entry a dimension."""

    kernel: Ints
    strides: Ints
    dilations: Ints
    low: Ints
    """Padding before."""
    high: Ints
    """Padding behind."""

    def counts(self, sizes: Ints) -> Shape:
        """How many windows there are along each dimension."""
        counts = tuple(
            (n + a + b - (k - 1) * d - 1) // s + 1
            for n, k, s, d, a, b in zip(
                sizes,
                self.kernel,
                self.strides,
                self.dilations,
                self.low,
                self.high,
                strict=True,
            )
        )
        if any(n < 1 for n in counts):
            raise BrError(
                f"expected windows {list(self.kernel)} that fit into {list(sizes)} "
                f"with padding {list(self.low)} and {list(self.high)}, got larger ones"
            )
        return counts


def windows_map(rank: int, lead: Ints, out: int, inner: int, w: Windows) -> AffineMap:
    """`(.. lead .., o0 * s0 + k0 * d0, ..)`: o0 is dimension `out`, k0 `inner`."""
    exprs: list[AffineExpr] = [AffineDimExpr(d) for d in lead]
    for d, (stride, dilation) in enumerate(zip(w.strides, w.dilations, strict=True)):
        at, tap = AffineDimExpr(out + d), AffineDimExpr(inner + d)
        exprs.append(
            (at if stride == 1 else at * stride)
            + (tap if dilation == 1 else tap * dilation)
        )
    return AffineMap(rank, 0, tuple(exprs))


def _multiply_add(x: Scalar, y: Scalar, total: Scalar) -> Scalar:
    return total + x * y


class Builder(MoveBuilder):
    """Adds what sums up products, and windows."""

    def contract(
        self,
        x: Tensor,
        x_dims: str,
        y: Tensor,
        y_dims: str,
        out_dims: str,
        start: Tensor | None = None,
    ) -> Tensor:
        """numpy's `einsum("x_dims,y_dims->out_dims")`, with dimensions of one element
        broadcast; added to `start`, if there is one."""
        sizes: dict[str, int] = {}
        for name, size in zip(x_dims + y_dims, x.shape + y.shape, strict=True):
            if sizes.get(name, 1) == 1:
                sizes[name] = size
            elif size not in (1, sizes[name]):
                raise BrError(
                    f"expected shapes that fit as {x_dims},{y_dims}, got {x} and {y}"
                )
        order = [*out_dims, *(n for n in sizes if n not in out_dims)]
        x, x_dims = self._without_ones(x, x_dims, sizes)
        y, y_dims = self._without_ones(y, y_dims, sizes)
        maps = [
            dims_map(len(order), [order.index(n) for n in dims])
            for dims in (x_dims, y_dims, out_dims)
        ]
        shape = tuple(sizes[n] for n in out_dims)
        start = start or self.filled(0, shape, x.dtype)
        return self.generic(_multiply_add, shape, maps, x, y, start=start)

    def _without_ones(
        self, x: Tensor, dims: str, sizes: dict[str, int]
    ) -> tuple[Tensor, str]:
        """Without the dimensions that are broadcast."""
        ones = [d for d, n in enumerate(x.shape) if n == 1 != sizes[dims[d]]]
        kept = "".join(n for d, n in enumerate(dims) if d not in ones)
        return self.without(x, ones), kept

    def conv(
        self, x: Tensor, w: Tensor, bias: Tensor | None, windows: Windows, groups: int
    ) -> Tensor:
        """x: [n, g * c, sizes..], w: [g * f, c, kernel..], bias: [g * f]
        -> [n, g * f, counts..]"""
        n, channels, *sizes = x.shape
        features, depth, *kernel = w.shape
        if depth * groups != channels or features % groups or x.rank != w.rank:
            raise BrError(
                f"expected weights [f, {channels} / {groups}, kernel..] with f a "
                f"multiple of {groups}, got {w} for x {x}"
            )
        counts = windows.counts(sizes)
        x = self.pad(x, [0, 0, *windows.low], [0, 0, *windows.high], 0)
        # the loops over g, f and c: only where they tell something apart
        g = [groups] if groups > 1 else []
        f = [features // groups] if groups == 1 or features > groups else []
        c = [depth] if groups == 1 or depth > 1 else []
        rank = 1 + len(g) + len(f) + len(counts) + len(c) + len(kernel)
        g_at, f_at = list(range(1, 1 + len(g))), list(range(1 + len(g), 1 + len(g + f)))
        out = 1 + len(g + f)
        c_at = list(range(out + len(counts), out + len(counts) + len(c)))
        inner = rank - len(kernel)
        maps = [
            windows_map(rank, [0, *g_at, *c_at], out, inner, windows),
            dims_map(rank, [*g_at, *f_at, *c_at, *range(inner, rank)]),
            dims_map(rank, range(inner - len(c))),
        ]
        x = self.reshape(x, (n, *g, *c, *x.shape[2:]))
        w = self.reshape(w, (*g, *f, *c, *kernel))
        shape = (n, *g, *f, *counts)
        if bias is None:
            start = self.filled(0, shape, x.dtype)
        else:
            ones = self.reshape(bias, (*g, *f))
            copy = [dims_map(len(shape), [*g_at, *f_at]), identity(len(shape))]
            start = self.generic(lambda b: b, shape, copy, ones)
        y = self.generic(_multiply_add, shape, maps, x, w, start=start)
        return self.reshape(y, (n, features, *counts))

    def fold_windows(
        self,
        x: Tensor,
        windows: Windows,
        padding: float,
        body: ScalarBody,
        begin: float | None = None,
        like: Tensor | None = None,
    ) -> Tensor:
        """`body(x, total)` over windows on the last dimensions of x, from `begin` (else
        `padding`) on; where x is padded it is `padding`. With `like`, a tensor with an
        element for each window, `body(x, its element, total)`."""
        spatial = len(windows.kernel)
        lead = x.rank - spatial
        counts = windows.counts(x.shape[lead:])
        zeros = [0] * lead
        x = self.pad(x, [*zeros, *windows.low], [*zeros, *windows.high], padding)
        rank = x.rank + spatial
        out = dims_map(rank, range(x.rank))
        shape = (*x.shape[:lead], *counts)
        # its shape says how far the loops inside a window run
        extent = Tensor(
            tuple(windows.kernel),
            x.dtype,
            self.tensors.empty(windows.kernel, element_type(x.dtype)),
        )
        first = padding if begin is None else begin
        more = [] if like is None else [like]

        def with_extent(x: Scalar, _: Scalar, *rest: Scalar) -> Scalar:
            return body(x, *rest)

        return self.generic(
            with_extent,
            shape,
            [
                windows_map(rank, range(lead), lead, x.rank, windows),
                dims_map(rank, range(x.rank, rank)),
                *[out] * (len(more) + 1),
            ],
            x,
            extent,
            *more,
            start=self.filled(first, shape, x.dtype),
        )
