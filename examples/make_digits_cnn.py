"""Makes digits_cnn.mlir and digits_test.npz: trains a small CNN on scikit-learn's
handwritten digits and exports it with torch-mlir.

Needs `pip install -e '.[compare]'`. Nothing else needs this to be run again: both
files are kept beside this script.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch_mlir import fx

HERE = Path(__file__).parent
EPOCHS = 30
BATCH = 64


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


def train(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> None:
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()


def main() -> None:
    torch.manual_seed(0)
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, np.newaxis]
    split = train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )
    train_x, test_x, train_y, test_y = (torch.from_numpy(part) for part in split)

    model = digits_cnn()
    train(model, train_x, train_y)
    with torch.no_grad():
        logits = model(test_x)
    accuracy = (logits.argmax(1) == test_y).float().mean().item()
    print(f"accuracy on {len(test_x)} held-out images: {accuracy:.2%}")

    module = fx.export_and_import(
        model,
        test_x,
        output_type="linalg-on-tensors",
        dynamic_shapes={"input": {0: torch.export.Dim("batch")}},
    )
    (HERE / "digits_cnn.mlir").write_text(f"{module}\n")
    np.savez_compressed(
        HERE / "digits_test.npz",
        images=test_x.numpy(),
        labels=test_y.numpy(),
        framework_logits=logits.numpy(),
    )


if __name__ == "__main__":
    main()
