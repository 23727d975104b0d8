"""What a tensor map says, as data: how an operand lies in memory, and which box of it a
copy by the tensor memory accelerator takes. Nothing here needs MLIR or a GPU.

In the *tiled* mode a box is a part of up to five dimensions, each with its own stride:
a matrix, or one of a batch. In the *im2col* mode it is the channels of pixels that
follow each other, line after line and image after image, seen through one tap of a
window (PTX ISA, "Tensors", "im2col mode"):

    pixel = coordinates; for each of the box's pixels:
      read channels of pixel + offsets            // zeros outside of the dimensions
      pixel[W] += steps[W]
      if pixel[W] > sizes[W] - 1 + upper[W]:
        pixel[W] = lower[W], pixel[H] += steps[H], and so on

Dimensions are counted as the driver counts them: the one whose elements lie side by
side is the first, W comes before H before D, images are the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

BOX_LINE = 128
"""Bytes of a line of a box: what 128 bytes of swizzle take."""

ALIGNED = 16
"""Bytes, of which a map's address and strides are multiples."""

MOST_DIMENSIONS = 5
MOST_LINES = 256
"""Of a dimension of a box in the tiled mode."""

MOST_PIXELS = 1024
"""Of a box in the im2col mode."""

MOST_STEP = 8
"""From one pixel to the next."""

CORNER_BITS = {1: 16, 2: 8, 3: 5}
"""Of a corner's numbers, which are signed, and of an offset's, which are not, by how
many dimensions pixels have."""


@dataclass(frozen=True)
class Window:
    """The im2col mode: the corners of the box that pixels stay in, relative to the
    first and the last pixel of W, H and D, and how far apart pixels are."""

    lower: tuple[int, ...]
    upper: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def bits(self) -> int:
        """Of the numbers in corners and offsets."""
        return CORNER_BITS[len(self.lower)]


@dataclass(frozen=True)
class BoxMap:
    """`sizes` of the dimensions; `strides` of all but the first, in elements; `box`:
    how many of each dimension a copy takes, or with a window channels and pixels."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    box: tuple[int, ...]
    window: Window | None = None

    @property
    def lines(self) -> int:
        """Of a box: each is its part of the first dimension."""
        found = 1
        for n in self.box[1:]:
            found *= n
        return found

    @property
    def reach(self) -> int:
        """Elements from the first to the last one."""
        others = zip(self.sizes[1:], self.strides, strict=True)
        return self.sizes[0] + sum((n - 1) * stride for n, stride in others)

    def faults(self, element_bytes: int) -> Iterator[str]:
        """What cuTensorMapEncodeTiled and cuTensorMapEncodeIm2col would refuse, or do
        not promise to take."""
        rank = len(self.sizes)
        least = 1 if self.window is None else 3
        if not least <= rank <= MOST_DIMENSIONS:
            yield f"expected {least} to {MOST_DIMENSIONS} dimensions, got {rank}"
            return
        if len(self.strides) != rank - 1:
            yield f"expected {rank - 1} strides, got {len(self.strides)}"
            return
        if not all(1 <= n <= 1 << 31 for n in self.sizes):
            yield f"expected sizes from 1 to 2^31, got {self.sizes}"
        for stride in self.strides:
            if stride * element_bytes % ALIGNED or stride * element_bytes >= 1 << 40:
                yield (
                    f"expected strides at multiples of {ALIGNED} bytes below 2^40, got "
                    f"{stride * element_bytes}"
                )
        inner = (1, *self.strides)
        for i, stride in enumerate(self.strides):
            if stride < inner[i] * self.sizes[i] or (i and stride % inner[i]):
                yield (
                    "expected each stride to be a multiple of the one before, past "
                    f"the end of its dimension, got {self.strides} of {self.sizes}"
                )
        if self.box[:1] != (BOX_LINE // element_bytes,):
            yield (
                f"expected lines of {BOX_LINE} bytes in a box, got {self.box} elements "
                f"of {element_bytes}"
            )
        yield from self._tiled_faults() if self.window is None else self._pixel_faults()

    def _tiled_faults(self) -> Iterator[str]:
        if len(self.box) != len(self.sizes):
            yield f"expected {len(self.sizes)} sizes of a box, got {len(self.box)}"
        elif not all(1 <= n <= MOST_LINES for n in self.box):
            yield f"expected 1 to {MOST_LINES} lines in a box, got {self.lines}"

    def _pixel_faults(self) -> Iterator[str]:
        window, pixels = self.window, self.sizes[1:-1]
        assert window is not None
        numbers = (window.lower, window.upper, window.steps)
        if any(len(x) != len(pixels) for x in numbers):
            yield f"expected {len(pixels)} numbers each in a window, got {window}"
            return
        half = 1 << (window.bits - 1)
        if not all(-half <= n < half for n in (*window.lower, *window.upper)):
            yield (
                f"expected corners from {-half} to {half - 1} of {len(self.sizes)} "
                f"dimensions, got {window.lower} and {window.upper}"
            )
        corners = zip(pixels, window.lower, window.upper, strict=True)
        if any(n + high <= low for n, low, high in corners):
            yield f"expected pixels between the corners, got {window} of {pixels}"
        if not all(1 <= n <= MOST_STEP for n in window.steps):
            yield f"expected steps from 1 to {MOST_STEP}, got {window.steps}"
        if len(self.box) != 2 or not 1 <= self.box[1] <= MOST_PIXELS:
            yield f"expected channels and 1 to {MOST_PIXELS} pixels, got {self.box}"

    def __str__(self) -> str:
        """`71 x 200, 200 apart, box 64 x 128 bytes`"""
        strides = ", ".join(map(str, reversed(self.strides)))
        apart = f", {strides} apart" if self.strides else ""
        sizes = " x ".join(map(str, reversed(self.sizes)))
        lines = " x ".join([*map(str, reversed(self.box[1:])), f"{BOX_LINE} bytes"])
        if self.window is None:
            return f"{sizes}{apart}, box {lines}"
        w = self.window
        return (
            f"{sizes}{apart}, pixels {lines}, corners {_text(w.lower)} and "
            f"{_text(w.upper)}, steps {_text(w.steps)}"
        )


def _text(numbers: tuple[int, ...]) -> str:
    return " x ".join(map(str, reversed(numbers)))


def map_from_json(data: Mapping[str, Any]) -> BoxMap:
    """The map that `dataclasses.asdict` has written."""
    window = data["window"]
    if window is not None:
        window = Window(*(tuple(window[x]) for x in ("lower", "upper", "steps")))
    sizes, strides, box = (tuple(data[x]) for x in ("sizes", "strides", "box"))
    return BoxMap(sizes, strides, box, window)
