"""What torch-mlir exports compiles, and computes what PyTorch computes."""

# torch and torch-mlir come without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import brdialect

pytestmark = pytest.mark.compare

TOLERANCE = 1e-4
"""Largest error, relative to the largest result."""


def check(got: Any, want: np.ndarray) -> None:
    assert got.shape == want.shape and got.dtype == want.dtype
    assert np.abs(got - want).max() <= TOLERANCE * np.abs(want).max()


# ResNet-50


def test_resnet50_with_its_weights(tmp_path: Path):
    """As exported, batch-norm by itself, any number of images."""
    import torch
    import torch_models as models

    model = models.resnet50()
    path = tmp_path / "resnet50.mlir"
    images = torch.randn(2, 3, 224, 224)
    path.write_text(models.exported(model, [images], any_batch=True))
    compiled = brdialect.compile(path)
    for x in (images[:1], images):
        check(compiled(x.numpy()), models.result_of(model, x))


def test_resnet50_with_bound_weights():
    """Batch-norm folded, weights as arguments that are bound when it is loaded."""
    import torch
    import torch_models as models

    model = models.resnet50()
    given = models.WeightsAsInputs(models.folded(model))
    weights = list(given.weights.values())
    x = torch.randn(2, 3, 224, 224)
    compiled = brdialect.compile(
        models.exported(given, [x, *weights]),
        constants={i: w.numpy() for i, w in enumerate(weights, 1)},
    )
    check(compiled(x.numpy()), models.result_of(model, x))


# One kind of layer each

Make = Callable[[Any], Any]
"""torch.nn -> a model."""

LAYERS: dict[str, tuple[tuple[int, ...], Make]] = {
    "mlp": (
        (5, 20),
        lambda nn: nn.Sequential(
            *(nn.Linear(20, 33), nn.ReLU()),
            *(nn.Linear(33, 17), nn.Tanh()),
            *(nn.Linear(17, 10), nn.Softmax(1)),
        ),
    ),
    "strided": ((2, 5, 17, 15), lambda nn: nn.Conv2d(5, 9, 3, (2, 3), (1, 2))),
    "dilated": ((1, 3, 19, 18), lambda nn: nn.Conv2d(3, 7, (3, 2), 1, 2, (2, 3))),
    "grouped": ((2, 8, 9, 11), lambda nn: nn.Conv2d(8, 12, 3, groups=4, padding=1)),
    "depthwise": ((2, 10, 9, 9), lambda nn: nn.Conv2d(10, 10, 3, 2, 1, groups=10)),
    "multiplied": ((1, 6, 8, 8), lambda nn: nn.Conv2d(6, 12, 3, padding=1, groups=6)),
    "same_padding": ((1, 3, 8, 7), lambda nn: nn.Conv2d(3, 4, 3, padding="same")),
    "conv1d": ((2, 6, 31), lambda nn: nn.Conv1d(6, 10, 5, 2, 2, 2)),
    "grouped1d": ((2, 6, 31), lambda nn: nn.Conv1d(6, 9, 3, groups=3)),
    "conv3d": ((1, 3, 6, 7, 8), lambda nn: nn.Conv3d(3, 5, 3, (1, 2, 1), 1)),
    "transposed": ((1, 3, 5, 6), lambda nn: nn.ConvTranspose2d(3, 4, 3, 2, 1, 1)),
    "transposed1d": ((2, 3, 9), lambda nn: nn.ConvTranspose1d(3, 5, 4, 2)),
    "batch_norm": ((3, 6, 5, 5), lambda nn: nn.BatchNorm2d(6)),
    "layer_norm": ((4, 7, 33), lambda nn: nn.LayerNorm(33)),
    "group_norm": ((2, 8, 5, 5), lambda nn: nn.GroupNorm(4, 8)),
    "avg_pool": ((2, 5, 9, 9), lambda nn: nn.AvgPool2d(3, 2, 1)),
    "avg_pool_inside": (
        (2, 5, 9, 9),
        lambda nn: nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    ),
    "max_pool": ((2, 5, 12, 13), lambda nn: nn.MaxPool2d(3, 2, 1, dilation=2)),
    "max_pool_ceiling": ((1, 3, 10, 9), lambda nn: nn.MaxPool2d(3, 2, ceil_mode=True)),
    "max_pool1d": ((2, 5, 21), lambda nn: nn.MaxPool1d(4, 3, 1)),
    "max_pool3d": ((1, 2, 6, 7, 8), lambda nn: nn.MaxPool3d(2, 2)),
    "avg_pool1d": ((2, 5, 21), lambda nn: nn.AvgPool1d(4, 3, 1)),
    "adaptive_pool": ((2, 5, 9, 7), lambda nn: nn.AdaptiveAvgPool2d(1)),
    "adaptive_pool_to_3": ((2, 5, 9, 12), lambda nn: nn.AdaptiveAvgPool2d(3)),
    "softmax": ((3, 5, 19), lambda nn: nn.Softmax(-1)),
    "softmax_of_channels": ((2, 5, 4, 3), lambda nn: nn.Softmax(1)),
    "log_softmax": ((3, 19), lambda nn: nn.LogSoftmax(1)),
    "gelu": ((3, 19), lambda nn: nn.GELU()),
    "gelu_tanh": ((3, 19), lambda nn: nn.GELU(approximate="tanh")),
    "silu": ((3, 19), lambda nn: nn.SiLU()),
    "hardswish": ((3, 19), lambda nn: nn.Hardswish()),
    "hardsigmoid": ((3, 19), lambda nn: nn.Hardsigmoid()),
    "leaky": ((3, 19), lambda nn: nn.LeakyReLU(0.1)),
    "elu": ((3, 19), lambda nn: nn.ELU()),
    "mish": ((3, 19), lambda nn: nn.Mish()),
    "relu6": ((3, 19), lambda nn: nn.ReLU6()),
    "prelu": ((3, 4, 5), lambda nn: nn.PReLU(4)),
    "softplus": ((3, 19), lambda nn: nn.Softplus()),
    "upsampled": ((1, 3, 5, 6), lambda nn: nn.UpsamplingNearest2d(scale_factor=2)),
    "pixel_shuffle": ((1, 8, 3, 4), lambda nn: nn.PixelShuffle(2)),
    "flat": ((2, 3, 4, 5), lambda nn: nn.Sequential(nn.Flatten(), nn.Linear(60, 7))),
    "attention": (
        (2, 5, 8),
        lambda nn: nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.0, batch_first=True, activation="gelu"
        ),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name: str):
    import torch
    import torch_models as models

    shape, make = LAYERS[name]
    torch.manual_seed(0)
    model = make(torch.nn).eval()
    x = torch.randn(shape)
    compiled = brdialect.compile(models.exported(model, [x]), threads=2)
    check(compiled(x.numpy()), models.result_of(model, x))


def test_branches():
    """A residual, a concatenation and several results, for any batch."""
    import torch
    import torch_models as models

    class Branches(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.left = torch.nn.Conv2d(4, 4, 3, padding=1)
            self.right = torch.nn.Conv2d(4, 6, 1)

        def forward(self, x):
            left = torch.relu(self.left(x) + x)
            both = torch.cat([left, self.right(x), x], 1)
            return both, both.amax((2, 3)), left.mean(1, keepdim=True)

    torch.manual_seed(0)
    model = Branches().eval()
    compiled = brdialect.compile(
        models.exported(model, [torch.randn(3, 4, 7, 6)], any_batch=True)
    )
    for batch in (1, 4):
        x = torch.randn(batch, 4, 7, 6)
        with torch.no_grad():
            want = model(x)
        for one, other in zip(compiled(x.numpy()), want, strict=True):
            check(one, other.numpy())
