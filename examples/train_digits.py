"""Trains a network to read handwritten digits, from its forward program alone.

python examples/train_digits.py cnn --picture=loss.png --checkpoint=cnn.safetensors
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import brdialect

HERE = Path(__file__).parent
BATCH = 64
NETWORKS = {
    # the file, the optimiser, the steps, the share of digits that must be read right
    "mlp": (
        "digits_mlp_train.mlir",
        brdialect.SGD(rate=0.1, momentum=0.9, weight_decay=1e-4),
        900,
        0.96,
    ),
    "cnn": ("digits_cnn_train.mlir", brdialect.Adam(rate=2e-3), 450, 0.97),
    "lstm": ("digits_lstm_train.mlir", brdialect.Adam(rate=5e-3), 900, 0.95),
}


def initial_weights(network: Path, seed: int) -> dict[int, np.ndarray]:
    """What PyTorch begins with: numbers from -b to b, b = 1 / sqrt(inputs of a unit).
    Argument 0 is the images; behind each tensor of weights stand its biases."""
    random = np.random.default_rng(seed)
    weights: dict[int, np.ndarray] = {}
    inputs = 1
    for i, parameter in enumerate(brdialect.compile(network).parameters):
        shape = [size or 0 for size in parameter.shape]
        if i > 0:
            match shape:
                case [size, _] if size > 1:  # matrices
                    inputs = size
                case [_, gates, _]:  # of an LSTM, whose inputs count its units
                    inputs = gates // 4
                case [_, _, _, _]:  # filters
                    inputs = int(np.prod(shape[1:]))
                case _:  # biases
                    pass
            numbers = random.uniform(-1, 1, shape) / np.sqrt(inputs)
            weights[i] = numbers.astype(np.float32)
    return weights


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--steps", type=int, help="instead of as many as it takes")
    parser.add_argument("--checkpoint", type=Path, help="written, and gone on from")
    parser.add_argument("--picture", type=Path, help="of the loss")
    options = parser.parse_args()
    name, optimizer, steps, floor = NETWORKS[options.network]
    steps = steps if options.steps is None else options.steps
    train, test = np.load(HERE / "digits_train.npz"), np.load(HERE / "digits_test.npz")

    step = brdialect.train_step(
        HERE / name,
        loss="cross-entropy",
        optimizer=optimizer,
        parameters=initial_weights(HERE / name, seed=0),
        threads=1,  # these networks are too small to share
    )
    losses = brdialect.fit(
        step,
        (train["images"], train["labels"]),
        BATCH,
        steps,
        checkpoint=options.checkpoint,
        picture=options.picture,
    )

    classify = brdialect.compile(HERE / name)
    logits = np.asarray(classify(test["images"], *step.parameters.values()))
    right = float((logits.argmax(axis=1) == test["labels"]).mean())
    print(f"loss: {losses[0]:.3f} at first, {losses[-1]:.3f} after {steps} steps")
    print(f"{len(logits)} images held out from training: {right:.2%} right")
    return 0 if right >= floor or options.steps is not None else 1


if __name__ == "__main__":
    sys.exit(main())
