"""Loss curves are PyTorch's, from the same initial weights and batches."""

# torch comes without types that pyright could check
# pyright: basic, reportMissingImports=false

import digits
import numpy as np
import pytest

from brdialect.optimizers import SGD, Adam

pytestmark = pytest.mark.compare

STEPS = 50


def layers(network: str):
    """The layers of digits_{network}_train.mlir."""
    from torch import nn

    if network == "lstm":
        return lstm()
    if network == "mlp":
        return nn.Sequential(
            nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10)
        )
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def lstm():
    """An LSTM whose last state is classified; it has one bias, as the program has."""
    import torch
    from torch import nn

    class Lstm(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows = nn.LSTM(8, 64, batch_first=True)
            self.classes = nn.Linear(64, 10)
            nn.init.zeros_(self.rows.bias_hh_l0).requires_grad_(False)

        def forward(self, images):
            _, (h, _) = self.rows(torch.flatten(images, 1, 2))
            return self.classes(h[0])

    return Lstm()


def torch_optimizer(optimizer, parameters):
    import torch

    settings = {"lr": optimizer.rate, "weight_decay": optimizer.weight_decay}
    if isinstance(optimizer, Adam):
        return torch.optim.Adam(parameters, **settings)
    settings |= {"momentum": optimizer.momentum, "nesterov": optimizer.nesterov}
    return torch.optim.SGD(parameters, **settings)


def torch_losses(network: str, optimizer) -> list[float]:
    """PyTorch's."""
    import torch

    model = layers(network)
    with torch.no_grad():
        weights = digits.initial_weights(network).values()
        learnt = [p for p in model.parameters() if p.requires_grad]
        for p, w in zip(learnt, weights, strict=True):
            # a layer's matrix is [inputs, units] in the program, torch's the other way
            w = w.T if w.ndim == 2 and w.shape[0] > 1 else w
            p.copy_(torch.from_numpy(w).reshape(p.shape))
    updates = torch_optimizer(optimizer, learnt)
    found = []
    for images, labels in digits.batches(STEPS):
        logits = model(torch.from_numpy(images))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
        updates.zero_grad()
        loss.backward()
        updates.step()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("network", digits.PYTORCH)
@pytest.mark.parametrize(
    "optimizer",
    [
        digits.OPTIMIZER,
        SGD(rate=0.05, momentum=0.9, nesterov=True),
        Adam(rate=2e-3, weight_decay=1e-3),
    ],
    ids=str,
)
def test_loss_curve(network: str, optimizer):
    ours = digits.losses(network, optimizer, STEPS)
    np.testing.assert_allclose(ours, torch_losses(network, optimizer), rtol=1e-3)


@pytest.mark.parametrize("network", digits.PYTORCH)
def test_recorded_losses(network: str):
    """Those that the tests without PyTorch compare with."""
    recorded = digits.PYTORCH[network]
    found = torch_losses(network, digits.OPTIMIZER)[: len(recorded)]
    np.testing.assert_allclose(found, recorded, rtol=1e-4)
