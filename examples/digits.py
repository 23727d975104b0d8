"""Compiles a small CNN and reads handwritten digits that it has never seen.

python examples/digits.py
"""

import sys
from pathlib import Path

import numpy as np

import brdialect

HERE = Path(__file__).parent
SHADES = np.array(list(" .:-=+*#%@"))


def read_digits(
    network: str, images: np.ndarray, labels: np.ndarray, framework_logits: np.ndarray
) -> int:
    """Says how well a network of this folder reads `images`, and the same of the
    framework that it comes from; the exit code."""
    classify = brdialect.compile(HERE / network)
    logits = np.asarray(classify(images))
    predicted = logits.argmax(axis=1)

    grey = images[:6].reshape(-1, 8, 8)
    pictures = SHADES[(grey * 9).astype(int)].repeat(2, axis=2)
    for row in range(8):
        print("  ".join("".join(picture[row]) for picture in pictures))
    print("  ".join(f"a {digit}".center(16) for digit in predicted[:6]))

    ours = float((predicted == labels).mean())
    theirs = float((framework_logits.argmax(axis=1) == labels).mean())
    difference = np.abs(logits - framework_logits).max()
    print(f"\n{len(predicted)} images held out from training: {ours:.2%} right")
    print(f"PyTorch on the same images: {theirs:.2%} right")
    print(f"largest difference between the logits: {difference:.1e}")
    return 0 if ours >= 0.95 else 1


def main() -> int:
    test = np.load(HERE / "digits_test.npz")
    return read_digits("digits_cnn.mlir", **test)


if __name__ == "__main__":
    sys.exit(main())
