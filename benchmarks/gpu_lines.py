"""What benchmarks/gpu.py measures: products, convolutions and LSTMs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from runtime.cli.bench.suites import rows_of
from runtime.cli.bench.workloads import Convolution, Recurrent

MINIBATCH = 64
TYPES = {"tf32": "f32", "bf16": "bf16"}

GEMM = """
!x = tensor<{m}x{k}x{t}>
!w = tensor<{k}x{n}x{t}>
!y = tensor<{m}x{n}x{t}>
func.func @main(%x: !x, %w: !w) -> !y {{
  %zero = arith.constant 0.0 : {t}
  %e = tensor.empty() : !y
  %c = linalg.fill ins(%zero : {t}) outs(%e : !y) -> !y
  %r = linalg.matmul ins(%x, %w : !x, !w) outs(%c : !y) -> !y
  func.return %r : !y
}}"""

PAD = """  %i = tensor.pad %x low[0, {pad}, {pad}, 0] high[0, {pad}, {pad}, 0] {{
  ^bb0(%a: index, %b: index, %d: index, %g: index):
    tensor.yield %zero : {t}
  }} : !x to !i
"""

CONV = """
!x = tensor<{n}x{ih}x{iw}x{c}x{t}>
!i = tensor<{n}x{ph}x{pw}x{c}x{t}>
!w = tensor<{r}x{s}x{c}x{k}x{t}>
!y = tensor<{n}x{p}x{q}x{k}x{t}>
func.func @main(%x: !x, %w: !w) -> !y {{
  %zero = arith.constant 0.0 : {t}
  %e = tensor.empty() : !y
  %f = linalg.fill ins(%zero : {t}) outs(%e : !y) -> !y
{padded}  %y = linalg.conv_2d_nhwc_hwcf
    {{dilations = dense<1> : vector<2xi64>, strides = dense<{stride}> : vector<2xi64>}}
    ins(%{image}, %w : !i, !w) outs(%f : !y) -> !y
  func.return %y : !y
}}"""


LSTM = """
!x = tensor<{t}x{n}x{c}xf32>
!w = tensor<1x{g}x{c}xf32>
!r = tensor<1x{g}x{k}xf32>
!b = tensor<1x{g}xf32>
!y = tensor<{t}x{n}x{k}xf32>
!s = tensor<1x{n}x{k}xf32>
func.func @main(%x: !x, %w: !w, %r: !r, %b: !b, %rb: !b) -> !y {{
  %y, %h, %c = br.lstm ins(%x, %w, %r : !x, !w, !r) bias(%b : !b)
    recurrent_bias(%rb : !b) {{gates = "ifco"}} -> (!y, !s, !s)
  func.return %y : !y
}}"""


@dataclass(frozen=True)
class Line:
    """One product, convolution or layer of one element type."""

    group: str
    name: str
    kind: str
    text: str
    flops: int
    operands: Callable[[Any, Any], tuple[Any, Any]]
    """(torch, dtype) -> x and w as PyTorch wants them, or x and a module."""
    ours: Callable[[Any, Any], tuple[Any, ...]]
    """The same as the program takes them."""
    peer: Callable[[Any, Any, Any], Any]
    """(torch, x, w) -> PyTorch's result."""
    layout: Callable[[Any], Any]
    """PyTorch's result as the program lays it out."""
    ahead: tuple[int, ...] = ()
    """Arguments that are given once."""


def gemm(group: str, m: int, n: int, k: int, kind: str) -> Line:
    """[m, k] x [k, n]"""

    def operands(torch: Any, dtype: Any) -> tuple[Any, Any]:
        x, w = (torch.randn(s, device="cuda") for s in ((m, k), (k, n)))
        return x.to(dtype), w.to(dtype)

    return Line(
        group,
        f"{m}x{n}x{k}",
        kind,
        GEMM.format(m=m, n=n, k=k, t=TYPES[kind]),
        2 * m * n * k,
        operands,
        lambda x, w: (x, w),
        lambda torch, x, w: torch.matmul(x, w),
        lambda y: y,
    )


def convolution(c: Convolution, kind: str) -> Line:
    """A layer of ResNet-50, channels last."""
    sizes = {
        "t": TYPES[kind],
        "n": c.mb,
        "c": c.ic,
        "k": c.oc,
        "ih": c.ih,
        "iw": c.iw,
        "ph": c.ih + 2 * c.ph,
        "pw": c.iw + 2 * c.pw,
        "r": c.kh,
        "s": c.kw,
        "p": c.oh,
        "q": c.ow,
        "pad": c.ph,
        "stride": c.sh,
    }
    sizes |= {"padded": PAD.format(**sizes) if c.ph else ""}
    sizes |= {"image": "i" if c.ph else "x"}

    def operands(torch: Any, dtype: Any) -> tuple[Any, Any]:
        shapes = (c.mb, c.ic, c.ih, c.iw), (c.oc, c.ic, c.kh, c.kw)
        x, w = (torch.randn(s, device="cuda").to(dtype) for s in shapes)
        return tuple(a.contiguous(memory_format=torch.channels_last) for a in (x, w))  # pyright: ignore

    return Line(
        "convolutions",
        c.name,
        kind,
        CONV.format(**sizes),
        c.flops,
        operands,
        lambda x, w: (x.permute(0, 2, 3, 1), w.permute(2, 3, 1, 0).contiguous()),
        lambda torch, x, w: torch.nn.functional.conv2d(x, w, stride=c.sh, padding=c.ph),
        lambda y: y.permute(0, 2, 3, 1),
    )


def lstm(c: Recurrent) -> Line:
    """An LSTM over a batch of sequences, from states of 0."""

    def operands(torch: Any, dtype: Any) -> tuple[Any, Any]:
        x = torch.randn((c.t, c.n, c.c), device="cuda").to(dtype)
        return x, torch.nn.LSTM(c.c, c.k).to("cuda", dtype).requires_grad_(False)

    return Line(
        "LSTM",
        c.name.removeprefix("lstm "),
        "tf32",
        LSTM.format(t=c.t, n=c.n, c=c.c, k=c.k, g=4 * c.k),
        c.flops,
        operands,
        lambda x, module: (x, *(w[None] for w in module.parameters())),
        lambda torch, x, module: module(x)[0],
        lambda y: y,
        ahead=(1, 2, 3, 4),
    )


def lines() -> Iterator[Line]:
    """All that is measured."""
    for kind in TYPES:
        for size in (1024, 4096, 8192):
            yield gemm("square", size, size, size, kind)
        for n in (168, 1344):
            for c in (256, 512, 1024, 2048):
                yield gemm("fully connected", n, c, c, kind)
        for row in rows_of("resnet50", MINIBATCH, None):
            assert isinstance(row, Convolution)
            yield convolution(row, kind)
    for width in (256, 512, 1024, 2048, 4096):
        yield lstm(Recurrent("lstm", 168, width, width, 50))
