"""Compiles a small CNN and reads handwritten digits that it has never seen.

python examples/digits.py
"""

import sys
from pathlib import Path

import numpy as np

import brdialect

HERE = Path(__file__).parent
SHADES = np.array(list(" .:-=+*#%@"))


def main() -> int:
    test = np.load(HERE / "digits_test.npz")
    classify = brdialect.compile(HERE / "digits_cnn.mlir")
    logits = classify(test["images"])
    assert isinstance(logits, np.ndarray)
    predicted = logits.argmax(axis=1)

    pictures = SHADES[(test["images"][:6, 0] * 9).astype(int)].repeat(2, axis=2)
    for row in range(8):
        print("  ".join("".join(picture[row]) for picture in pictures))
    print("  ".join(f"a {digit}".center(16) for digit in predicted[:6]))

    ours = float((predicted == test["labels"]).mean())
    reference = test["framework_logits"].argmax(axis=1)
    theirs = float((reference == test["labels"]).mean())
    difference = np.abs(logits - test["framework_logits"]).max()
    print(f"\n{len(predicted)} images held out from training: {ours:.2%} right")
    print(f"PyTorch on the same images: {theirs:.2%} right")
    print(f"largest difference between the logits: {difference:.1e}")
    return 0 if ours >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
