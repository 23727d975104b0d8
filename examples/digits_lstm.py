"""Compiles a small recurrent network and reads the same digits with it, row by row.

python examples/digits_lstm.py
"""

import sys

import numpy as np
from digits import HERE, read_digits


def main() -> int:
    test = np.load(HERE / "digits_test.npz")
    rows = test["images"][:, 0]
    framework_logits = np.load(HERE / "digits_lstm_logits.npy")
    return read_digits("digits_lstm.mlir", rows, test["labels"], framework_logits)


if __name__ == "__main__":
    sys.exit(main())
