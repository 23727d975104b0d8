"""Writes docs/differentiate.md: a convolution before and after `differentiate`.

    python -m docs.make_differentiate

`tests/test_docs.py` fails where the page is not what this script writes.
"""

from __future__ import annotations

from xdsl.context import Context

from brdialect.source import read_module
from docs.make_pipeline import DOCS, fenced, functions
from passes.gradients.differentiate import DifferentiatePass

PROGRAM = DOCS / "strided_conv.mlir"
PAGE = DOCS / "differentiate.md"

HEAD = """\
# Gradients

<!-- Written by docs/make_differentiate.py; change that, not this. -->

The pass `differentiate` adds to a function on tensors its backward function:

```sh
br-opt docs/strided_conv.mlir -p 'differentiate{{entry=conv wrt=0,1}}'
```

`entry` is the function; `wrt` are the arguments whose gradients are asked for, all that
are tensors of floats where it is left out. For `@conv` there come

* `@conv_backward`, which takes the arguments of `@conv`, then what was saved, then the
  gradient of each result; it returns the gradients of the arguments in `wrt`;
* `@conv_forward`, which is `@conv` with more results: what is saved. Where nothing is,
  there is none.

Saved is what is dear to compute, every sum of many (contractions, poolings, norms,
recurrent layers), as far as a gradient needs it. Everything else, element-wise work,
padding and reshapes, is computed again. With `save=false` so are the sums: then the
backward function is the whole step.

Both are functions on tensors like any other. They go through
[the pipeline](pipeline.md) as they are: a gradient of a contraction is a contraction,
with loops of its own around the same [kernel](batch_reduce_gemm.md).

## One rule

For every `linalg.generic`, whatever it computes, the indexing maps change places and
the body is differentiated:

```
c[C(i)]  += f(a[A(i)], b[B(i)])              for all i
da[A(i)] += dc[C(i)] * df/da(a[A(i)], b[B(i)])
```

| forward | its gradient |
|---|---|
| product, einsum | products: the letters change places |
| a broadcast operand | a sum over the dimensions that it lacks |
| a sum over dimensions | a broadcast along them |
| element by element | element by element |
| maximum, minimum, max pooling | goes to the first element that has it, as in PyTorch |
| an image read by windows | dense sub-problems, below |
| `tensor.pad`, slices, `concat`, reshapes | slices, padding, reshapes |
| `linalg.softmax` | `y * (dy - sum dy * y)` |
| `br.lstm`, `br.gru`, `br.rnn` | [one op back in time](recurrent_ops.md#gradients) |

What has no gradient is refused with its name and place: reductions by products, bodies
that read a tensor by `tensor.extract`, control flow, open sizes.

## A convolution

{program}

## Forward

What ReLU is applied to, the convolution, is returned too: it tells where the gradient
passes, and is dear.

{forward}

## Backward

The first operation is the gradient of ReLU. Then the gradient of `%x`. A convolution
with stride s and dilation d reads `x[s*p + d*r]` at position p and tap r. Which taps
touch an element h of x is decided by what is left of h divided by s: every t-th from
r0, t = s / gcd(s, d). With r = r0 + t*r' and h = h0 + s*u

```
dx[h0 + s*u] = sum over r' of dy[u + b - e*r'] * w[r0 + t*r']

b = (h0 - d*r0) / s,   e = d / gcd(s, d)
```

which is a dense convolution with stride 1 over every s-th element. So here there are
four: even and odd rows times even and odd columns, with 1x1, 1x2, 2x1 and 2x2 of the
3x3 taps, 9 in all: no product is computed with a zero between the elements of dy, and
none is scattered. Each is computed where it belongs, in a slice with stride 2
(`bufferize` makes that of `tensor.insert_slice`). Of a 1x1 window only one of the four
has taps, and the other elements are filled with zeros by themselves, so that each is
written once. Of the padded image only what is
inside the padding is computed. Where windows end before the border does, dy is padded.
(Windows that lie end to end, as in most poolings, reach each element once: there dx is
computed for all positions and taps, and reshaped.)

The gradient of `%w` is a single contraction: a sum over images and pixels.

{backward}
"""


def page() -> str:
    """The text of docs/differentiate.md."""
    module = read_module(PROGRAM)
    DifferentiatePass("conv", (0, 1)).apply(Context(), module)
    after = functions(module)
    return HEAD.format(
        program=fenced(PROGRAM.read_text(), "mlir"),
        forward=fenced(after["conv_forward"], "mlir"),
        backward=fenced(after["conv_backward"], "mlir"),
    )


if __name__ == "__main__":
    PAGE.write_text(page())
