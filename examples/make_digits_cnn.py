"""Makes digits_cnn.mlir, digits_train.npz and digits_test.npz: trains a small CNN on
scikit-learn's handwritten digits and exports it with torch-mlir.

Needs `pip install -e '.[compare]'`. Nothing else needs this to be run again: the
files are kept beside this script.
"""

from pathlib import Path

import numpy as np
import torch
from digits_training import logits_of, split_digits, train
from torch import nn
from torch_mlir import fx

HERE = Path(__file__).parent
EPOCHS = 30


def digits_cnn() -> nn.Module:
    """Grey images to ten logits: 8x8 -> 4x4 -> 2x2 pixels, 1 -> 16 -> 32 channels."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def main() -> None:
    torch.manual_seed(0)
    train_x, test_x, train_y, test_y = split_digits()

    model = digits_cnn()
    train(model, train_x, train_y, EPOCHS)
    logits = logits_of(model, test_x, test_y)

    module = fx.export_and_import(
        model,
        test_x,
        output_type="linalg-on-tensors",
        dynamic_shapes={"input": {0: torch.export.Dim("batch")}},
    )
    (HERE / "digits_cnn.mlir").write_text(f"{module}\n")
    np.savez_compressed(
        HERE / "digits_train.npz", images=train_x.numpy(), labels=train_y.numpy()
    )
    np.savez_compressed(
        HERE / "digits_test.npz",
        images=test_x.numpy(),
        labels=test_y.numpy(),
        framework_logits=logits,
    )


if __name__ == "__main__":
    main()
