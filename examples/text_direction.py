"""Tells which lines of text stand on their heads, with a trained MobileNetV3.

    pip download --no-deps rapidocr-onnxruntime==1.4.4
    unzip -j rapidocr_onnxruntime-*.whl '*cls_infer.onnx'
    python examples/text_direction.py ch_ppocr_mobile_v2.0_cls_infer.onnx

A text of your own, or several, may follow. Text is drawn by matplotlib (pip install
'.[bench,onnx]').
"""

import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import brdialect

TEXTS = ["Hello, world", "invoice 2024"]


def line_of_text(text: str) -> np.ndarray:
    """A picture, 1x3x48x192, of numbers from -1 (black) to 1."""
    figure = Figure(figsize=(1.92, 0.48), dpi=100, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=20)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(np.float32)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None] / 127.5 - 1)


def turned(picture: np.ndarray) -> np.ndarray:
    """The picture, turned by half a turn."""
    return np.ascontiguousarray(picture[..., ::-1, ::-1])


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 1
    model, *texts = sys.argv[1:]
    network = brdialect.compile(model)
    for text in texts or TEXTS:
        picture = line_of_text(text)
        for way, shown in (("as drawn", picture), ("turned", turned(picture))):
            (chances,) = network(shown)
            answer = ("upright", "upside down")[int(chances.argmax())]
            print(f"{text!r} {way}: {answer}, {chances.max():.1%} sure")
    return 0


if __name__ == "__main__":
    sys.exit(main())
