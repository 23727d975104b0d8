"""What the scripts that make the digits' networks share: data held out, and training.

Needs `pip install -e '.[compare]'`.
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

BATCH = 64


def split_digits() -> list[torch.Tensor]:
    """Images [n, 1, 8, 8] from 0 to 1 to train with and to hold out, then the labels of
    each; always the same split, with the same share of every digit."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, np.newaxis]
    split = train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )
    return [torch.from_numpy(part) for part in split]


def train(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, epochs: int
) -> None:
    """Adam on the cross entropy of logits."""
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(BATCH):
            loss = nn.functional.cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()


def logits_of(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor
) -> np.ndarray:
    """The trained model's answers; its accuracy is printed."""
    with torch.no_grad():
        logits = model(images)
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    print(f"accuracy on {len(images)} held-out images: {accuracy:.2%}")
    return logits.numpy()
