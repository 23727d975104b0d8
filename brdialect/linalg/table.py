"""The named operations, a row each: name, indexing, body.

The loops and layouts are those of upstream MLIR's LinalgNamedStructuredOps.
"""

from __future__ import annotations

from dataclasses import dataclass

from brdialect.linalg.formula import Formula


@dataclass(frozen=True)
class Row:
    """One operation `linalg.NAME`."""

    name: str
    formula: Formula
    body: str
    custom_maps: bool = False
    """Whether the operation may state `indexing_maps` of its own."""
    strided: bool = False
    """Whether it may state `strides` and `dilations`."""


_CONTRACTIONS = {
    "batch_matmul": "b m k, b k n -> b m n",
    "batch_reduce_matmul": "b m k, b k n -> m n",
    "matvec": "m n, n -> m",
    "vecmat": "m, m n -> n",
    "batch_matvec": "b m k, b k -> b m",
    "batch_vecmat": "b k, b k n -> b n",
    "dot": "k, k -> ",
    "mmt4d": "m k m0 k0, n k n0 k0 -> m n m0 n0",
    "batch_mmt4d": "b m k m0 k0, b n k n0 k0 -> b m n m0 n0",
}

_H, _W, _D = "h*s0+r*d0", "w*s1+s*d1", "d*s0+t*d0 h*s1+r*d1 w*s2+s*d2"
_X = "w*s0+s*d0"

_CONVOLUTIONS = {
    "conv_1d": "w+s, s -> w",
    "conv_2d": "h+r w+s, r s -> h w",
    "conv_3d": "d+t h+r w+s, t r s -> d h w",
    "conv_1d_nwc_wcf": f"n {_X} c, s c f -> n w f",
    "conv_1d_ncw_fcw": f"n c {_X}, f c s -> n f w",
    "conv_3d_ndhwc_dhwcf": f"n {_D} c, t r s c f -> n d h w f",
    "conv_3d_ncdhw_fcdhw": f"n c {_D}, f c t r s -> n f d h w",
    "depthwise_conv_1d_nwc_wc": f"n {_X} c, s c -> n w c",
    "depthwise_conv_1d_ncw_cw": f"n c {_X}, c s -> n c w",
    "depthwise_conv_1d_nwc_wcm": f"n {_X} c, s c m -> n w c m",
    "depthwise_conv_2d_nhwc_hwc": f"n {_H} {_W} c, r s c -> n h w c",
    "depthwise_conv_2d_nchw_chw": f"n c {_H} {_W}, c r s -> n c h w",
    "depthwise_conv_2d_nhwc_hwcm": f"n {_H} {_W} c, r s c m -> n h w c m",
    "depthwise_conv_3d_ndhwc_dhwc": f"n {_D} c, t r s c -> n d h w c",
    "depthwise_conv_3d_ncdhw_cdhw": f"n c {_D}, c t r s -> n c d h w",
    "depthwise_conv_3d_ndhwc_dhwcm": f"n {_D} c, t r s c m -> n d h w c m",
}

# upstream has no `unsigned` forms on channels-first layouts, nor `min` in one dimension
_POOLINGS = {
    "nwc": (f"n {_X} c, s -> n w c", "sum max max_unsigned min min_unsigned"),
    "ncw": (f"n c {_X}, s -> n c w", "sum max"),
    "nhwc": (f"n {_H} {_W} c, r s -> n h w c", "sum max max_unsigned min min_unsigned"),
    "nchw": (f"n c {_H} {_W}, r s -> n c h w", "sum max"),
    "ndhwc": (f"n {_D} c, t r s -> n d h w c", "sum max min"),
}

ELEMENTWISE = (
    *("div", "div_unsigned", "powf", "abs", "negf", "ceil", "floor", "square"),
    *("rsqrt", "reciprocal", "round", "tanh", "erf"),
)
"""Those that stock xDSL lacks."""

_POOLING_BODIES = {
    "sum": "accumulate_add",
    "max": "accumulate_max_signed",
    "min": "accumulate_min_signed",
    "max_unsigned": "accumulate_max_unsigned",
    "min_unsigned": "accumulate_min_unsigned",
}


def _unit_window(text: str) -> str:
    """`h+r w+s` -> `h*s0+r*d0 w*s1+s*d1`: the form with all factors."""
    count = 0
    words: list[str] = []
    for word in text.replace(",", " ,").split():
        if "+" in word:
            out, tap = word.split("+")
            word, count = f"{out}*s{count}+{tap}*d{count}", count + 1
        words.append(word)
    return " ".join(words)


def _rows() -> list[Row]:
    custom = ("batch_matmul", "batch_reduce_matmul")
    rows = [
        Row(name, Formula(text), "mul_add", name in custom)
        for name, text in _CONTRACTIONS.items()
    ]
    for name, text in _CONVOLUTIONS.items():
        full = text if "*" in text else _unit_window(text)
        rows.append(Row(name, Formula(full), "mul_add", strided=full == text))
    for layout, (text, kinds) in _POOLINGS.items():
        for kind in kinds.split():
            body = _POOLING_BODIES[kind]
            name = f"pooling_{layout}_{kind}"
            rows.append(Row(name, Formula(text), body, strided=True))
    return rows


ROWS = {row.name: row for row in _rows()}
