"""Matrix products."""

from __future__ import annotations

from string import ascii_letters

import numpy as np

from frontends.array_builder import Tensor, position
from frontends.array_sums import Builder
from frontends.onnx_ops.registry import expect, operator


def matmul_dims(x_rank: int, y_rank: int) -> tuple[str, str, str]:
    """numpy's matmul as an einsum: `..mk, ..kn -> ..mn`; vectors lack m or n."""
    batch = ascii_letters[: max(x_rank, y_rank, 2) - 2].upper()
    x = batch[len(batch) - max(x_rank - 2, 0) :] + ("mk" if x_rank > 1 else "k")
    y = batch[len(batch) - max(y_rank - 2, 0) :] + ("kn" if y_rank > 1 else "k")
    out = batch + ("m" if x_rank > 1 else "") + ("n" if y_rank > 1 else "")
    return x, y, out


def product(b: Builder, x: Tensor, y: Tensor) -> Tensor:
    """numpy's matmul"""
    expect(x.rank > 0 and y.rank > 0, f"expected matrices, got {x} and {y}")
    x_dims, y_dims, out = matmul_dims(x.rank, y.rank)
    return b.contract(x, x_dims, y, y_dims, out)


@operator("MatMul")
def matmul(b: Builder, x: Tensor, y: Tensor) -> Tensor:
    """[.., m, k] [.., k, n] -> [.., m, n]"""
    return product(b, x, y)


@operator("Gemm", since=7)
def gemm(
    b: Builder,
    x: Tensor,
    y: Tensor,
    bias: Tensor | None = None,
    *,
    alpha: float,
    beta: float,
    transA: int,
    transB: int,
) -> Tensor:
    """alpha [m, k] [k, n] + beta bias, which broadcasts to [m, n]"""
    expect(x.rank == y.rank == 2, f"expected matrices, got {x} and {y}")
    x_dims, y_dims = "km" if transA else "mk", "nk" if transB else "kn"
    shape = (x.shape[x_dims.index("m")], y.shape[y_dims.index("n")])
    if bias is not None and alpha == beta == 1:
        start = b.expand(bias, shape)
        return b.contract(x, x_dims, y, y_dims, "mn", start)
    total = b.contract(x, x_dims, y, y_dims, "mn")
    if bias is None:
        return total if alpha == 1 else b.map(lambda t: t * alpha, total)
    return b.map(lambda t, c: t * alpha + c * beta, total, bias)


@operator("Einsum")
def einsum(b: Builder, *xs: Tensor, equation: str) -> Tensor:
    """Products of all, summed over what the result does not name"""
    terms, out = parse_equation(equation, [x.rank for x in xs])
    found = [diagonal(b, x, dims) for x, dims in zip(xs, terms, strict=True)]
    while len(found) > 1:
        (x, x_dims), (y, y_dims), *rest = found
        later = {*out, *(n for _, dims in rest for n in dims)}
        kept = "".join(dict.fromkeys(n for n in x_dims + y_dims if n in later))
        if not rest:
            kept = "".join(n for n in out if n in kept)
        found = [(b.contract(x, x_dims, y, y_dims, kept), kept), *rest]
    ((x, dims),) = found
    summed = [d for d, n in enumerate(dims) if n not in out]
    if summed:
        x = b.reduce(x, summed, 0, lambda x, total: total + x)
    dims = "".join(n for n in dims if n in out)
    return b.transpose(x, [dims.index(n) for n in out])


def diagonal(b: Builder, x: Tensor, dims: str) -> tuple[Tensor, str]:
    """x where the dimensions of one name have one position."""
    names = "".join(dict.fromkeys(dims))
    if names == dims:
        return x, dims
    shape = tuple(x.shape[dims.index(n)] for n in names)
    return b.gather(x, shape, lambda: [position(names.index(n)) for n in dims]), names


def parse_equation(equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """`"bij,bjk->bik"` as (["bij", "bjk"], "bik"); `...` becomes names of its own."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    expect(
        len(terms) == len(ranks),
        f"expected {len(ranks)} terms in the equation, got '{equation}'",
    )
    spare = [n for n in reversed(ascii_letters) if n not in equation]
    widths = [
        rank - len(term.replace("...", ""))
        for term, rank in zip(terms, ranks, strict=True)
    ]
    most = max((w for t, w in zip(terms, widths, strict=True) if "..." in t), default=0)
    dots = "".join(spare[:most])
    made: list[str] = []
    for term, width in zip(terms, widths, strict=True):
        made.append(term.replace("...", dots[len(dots) - width :] if width else ""))
    names = "".join(made)
    if not arrow:
        right = "..." if dots else ""
        once = sorted(n for n in {*names} - {*dots} if names.count(n) == 1)
        right += "".join(once)
    right = right.replace("...", dots)
    expect(
        all(len(t) == r for t, r in zip(made, ranks, strict=True))
        and all(n in names for n in right),
        f"expected an equation that fits inputs of {ranks} dimensions, got "
        f"'{equation}'",
    )
    return made, right


@operator("MatMulInteger")
def matmul_integer(
    b: Builder,
    x: Tensor,
    y: Tensor,
    x_zero: Tensor | None = None,
    y_zero: Tensor | None = None,
) -> Tensor:
    """(x - its zero point) (y - its zero point), as i32"""
    x = centred(b, x, b.column(x_zero, x.rank - 2, x.rank) if x_zero else None)
    y = centred(b, y, b.column(y_zero, y.rank - 1, y.rank) if y_zero else None)
    return b.cast(product(b, x, y), np.dtype(np.int32))


def centred(b: Builder, x: Tensor, zero: Tensor | None) -> Tensor:
    """x - zero as f64, in which sums of products of 8 bits are exact: 2^53 / 2^16 terms
    fit, and the products of floats are the fast ones."""
    wide = np.dtype(np.float64)
    if zero is None:
        return b.cast(x, wide)
    return b.map(lambda x, z: x.cast(wide) - z.cast(wide), x, zero)
