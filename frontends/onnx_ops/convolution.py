"""Convolutions of any rank: x is [n, g * c, sizes..], w [g * f, c, kernel..]."""

from __future__ import annotations

import numpy as np

from frontends.array_builder import Tensor
from frontends.array_sums import Builder, Windows
from frontends.onnx_ops.product import centred
from frontends.onnx_ops.registry import expect, operator


def same_padding(total: int, upper: bool) -> tuple[int, int]:
    """Half of the padding on each side; the odd one behind (`upper`) or before."""
    total = max(total, 0)
    small = total // 2
    return (small, total - small) if upper else (total - small, small)


def windows_of(
    sizes: tuple[int, ...],
    kernel: list[int],
    strides: list[int] | None,
    dilations: list[int] | None,
    pads: list[int] | None,
    auto_pad: str,
) -> Windows:
    """The windows that a node's attributes describe over some sizes."""
    rank = len(sizes)
    strides, dilations = strides or [1] * rank, dilations or [1] * rank
    pads = pads or [0] * 2 * rank
    expect(
        len(kernel) == len(strides) == len(dilations) == rank
        and len(pads) == 2 * rank
        and min([*kernel, *strides, *dilations], default=1) > 0,
        f"expected kernel_shape, strides and dilations of {rank} numbers above 0 and "
        f"{2 * rank} pads, got {kernel}, {strides}, {dilations} and {pads}",
    )
    expect(
        auto_pad in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"),
        f"expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, got {auto_pad}",
    )
    low, high = pads[:rank], pads[rank:]
    if auto_pad == "VALID":
        low, high = [0] * rank, [0] * rank
    elif auto_pad.startswith("SAME"):
        sides = [
            same_padding(
                (-(-n // s) - 1) * s + (k - 1) * d + 1 - n, auto_pad == "SAME_UPPER"
            )
            for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
        ]
        low, high = [a for a, _ in sides], [z for _, z in sides]
    return Windows(kernel, strides, dilations, low, high)


def check_images(x: Tensor, w: Tensor) -> None:
    """Images and weights have a rank that they share."""
    expect(
        x.rank == w.rank > 2,
        f"expected images [n, c, sizes..] and weights of as many dimensions, got {x} "
        f"and {w}",
    )


@operator("Conv")
def conv(
    b: Builder,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str,
    dilations: list[int] | None,
    group: int,
    kernel_shape: list[int] | None,
    pads: list[int] | None,
    strides: list[int] | None,
) -> Tensor:
    """[n, g * c, sizes..] -> [n, g * f, counts..]"""
    check_images(x, w)
    kernel = kernel_shape or list(w.shape[2:])
    expect(
        tuple(kernel) == w.shape[2:], f"expected weights of kernel {kernel}, got {w}"
    )
    windows = windows_of(x.shape[2:], kernel, strides, dilations, pads, auto_pad)
    return b.conv(x, w, bias, windows, group)


@operator("ConvInteger")
def conv_integer(
    b: Builder,
    x: Tensor,
    w: Tensor,
    x_zero: Tensor | None = None,
    w_zero: Tensor | None = None,
    *,
    auto_pad: str,
    dilations: list[int] | None,
    group: int,
    kernel_shape: list[int] | None,
    pads: list[int] | None,
    strides: list[int] | None,
) -> Tensor:
    """The convolution of (x - its zero point) and (w - its zero point), as i32"""
    x = centred(b, x, x_zero and b.column(x_zero, 1, x.rank))
    w = centred(b, w, w_zero and b.column(w_zero, 0, w.rank))
    found = conv(
        b,
        x,
        w,
        auto_pad=auto_pad,
        dilations=dilations,
        group=group,
        kernel_shape=kernel_shape,
        pads=pads,
        strides=strides,
    )
    return b.cast(found, np.dtype(np.int32))


@operator("ConvTranspose")
def conv_transpose(
    b: Builder,
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    auto_pad: str,
    dilations: list[int] | None,
    group: int,
    kernel_shape: list[int] | None,
    output_padding: list[int] | None,
    output_shape: list[int] | None,
    pads: list[int] | None,
    strides: list[int] | None,
) -> Tensor:
    """x: [n, g * c, sizes..], w: [g * c, f, kernel..] -> [n, g * f, counts..]

    The convolution of x, with zeros between its elements, and of w backwards.
    """
    check_images(x, w)
    sizes, kernel = x.shape[2:], list(w.shape[2:])
    expect(
        kernel_shape in (None, kernel),
        f"expected weights of kernel {kernel_shape}, got {w}",
    )
    rank = len(sizes)
    extra = output_padding or [0] * rank
    plain = windows_of(sizes, kernel, strides, dilations, pads, "NOTSET")
    reach = [
        (n - 1) * s + (k - 1) * d + 1 + e
        for n, k, s, d, e in zip(
            sizes, kernel, plain.strides, plain.dilations, extra, strict=True
        )
    ]
    low, high = list(plain.low), list(plain.high)
    same = auto_pad.startswith("SAME")
    if same and output_shape is None:
        output_shape = [n * s for n, s in zip(sizes, plain.strides, strict=True)]
    if output_shape is not None:
        wanted = output_shape[-rank:]
        totals = [r - n for r, n in zip(reach, wanted, strict=True)]
        sides = [same_padding(t, auto_pad == "SAME_UPPER") for t in totals]
        # what is wanted beyond the reach is more padding of the result
        extra = [e + max(-t, 0) for e, t in zip(extra, totals, strict=True)]
        low, high = [a for a, _ in sides], [z for _, z in sides]
    border = [(k - 1) * d for k, d in zip(kernel, plain.dilations, strict=True)]
    windows = Windows(
        kernel,
        [1] * rank,
        plain.dilations,
        [r - p for r, p in zip(border, low, strict=True)],
        [r - p + e for r, p, e in zip(border, high, extra, strict=True)],
    )
    spread = b.spread(x, [1, 1, *plain.strides], 0)
    return b.conv(spread, _backwards(b, w, group), bias, windows, group)


def _backwards(b: Builder, w: Tensor, groups: int) -> Tensor:
    """[g * c, f, kernel..] -> [g * f, c, kernel backwards..]"""
    depth, features, *kernel = w.shape
    expect(
        depth % groups == 0,
        f"expected weights for {groups} groups of channels, got {w}",
    )
    w = b.flip(w, range(2, w.rank))
    w = b.reshape(w, (groups, depth // groups, features, *kernel))
    w = b.transpose(w, (0, 2, 1, *range(3, w.rank)))
    return b.reshape(w, (groups * features, depth // groups, *kernel))
