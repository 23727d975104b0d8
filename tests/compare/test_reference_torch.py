"""Modules as torch-mlir exports them mean what PyTorch computes."""

# torch and torch-mlir come without types that pyright could check
# pyright: basic, reportMissingImports=false

import numpy as np
import pytest

from brdialect.reference import run
from brdialect.source import parse_module

pytestmark = pytest.mark.compare

MODULES = {
    "mlp": (
        (3, 7),
        lambda nn: nn.Sequential(
            nn.Linear(7, 13), nn.ReLU(), nn.Linear(13, 5), nn.Softmax(dim=1)
        ),
    ),
    "convolutions": (
        (2, 4, 9, 9),
        lambda nn: nn.Sequential(
            nn.Conv2d(4, 8, 3, padding=1, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, padding=1),
            nn.Conv2d(8, 16, 3, padding=1, groups=2),
            nn.GELU(),
            nn.Conv2d(16, 16, 3, groups=16, padding=1, dilation=1),
            nn.Sigmoid(),
            nn.AvgPool2d(2),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
            nn.LogSoftmax(1),
        ),
    ),
    "dilated": ((1, 3, 11, 12), lambda nn: nn.Conv2d(3, 5, (3, 2), (2, 1), 2, (2, 3))),
    "one-dimensional": ((2, 3, 11), lambda nn: nn.Conv1d(3, 5, 3, stride=2)),
    "transformer": (
        (2, 5, 8),
        lambda nn: nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.0, batch_first=True, activation="gelu"
        ),
    ),
    "transposed": ((1, 3, 5, 5), lambda nn: nn.ConvTranspose2d(3, 4, 3, stride=2)),
}


@pytest.mark.parametrize("name", MODULES)
def test_export(name: str):
    import torch
    from torch_mlir import fx

    shape, make = MODULES[name]
    torch.manual_seed(0)
    model = make(torch.nn).eval()
    x = torch.randn(shape)
    exported = fx.export_and_import(model, x, output_type="linalg-on-tensors")
    module = parse_module(str(exported))
    with torch.no_grad():
        want = model.double()(x.double()).numpy()
    (precise,) = run(module, "main", [x.numpy()])
    np.testing.assert_allclose(precise, want, rtol=1e-5, atol=1e-6)
    (own,) = run(module, "main", [x.numpy()], precise=False)
    assert own.dtype == np.float32
    np.testing.assert_allclose(own, want, rtol=1e-4, atol=1e-5)
