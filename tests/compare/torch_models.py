"""PyTorch models and their export by torch-mlir. Imported inside tests only: torch
belongs to the extra `compare`."""

# torch and torch-mlir come without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch_mlir import fx, ir
from torch_mlir.extras import fx_importer


def conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the image's size, or divides it by `stride`."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """Down to `width` channels, 3 x 3, up to four times as many; a shortcut around."""

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            conv_norm(inputs, width, 1),
            nn.ReLU(),
            conv_norm(width, width, 3, stride),
            nn.ReLU(),
            conv_norm(width, outputs, 1),
        )
        self.shortcut = (
            nn.Identity()
            if inputs == outputs
            else conv_norm(inputs, outputs, 1, stride)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet50() -> nn.Module:
    """ResNet-50 (He et al. 2015, with the stride in the 3 x 3): seeded weights, and
    batch-norm statistics that keep the numbers near 1."""
    torch.manual_seed(0)
    layers = [conv_norm(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(count):
            layers.append(Bottleneck(channels, width, 1 if number else stride))
            channels = 4 * width
    model = nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000)
    )
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.normal_(module.bias, 0, 0.1)
    return model.eval()


def folded(model: nn.Module) -> nn.Module:
    """A copy in which no batch-norm follows a convolution."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                pair = module[i], module[i + 1]
                if isinstance(pair[0], nn.Conv2d) and isinstance(
                    pair[1], nn.BatchNorm2d
                ):
                    module[i] = fuse_conv_bn_eval(*pair)
                    module[i + 1] = nn.Identity()
    return model


class WeightsAsInputs(nn.Module):
    """The model, called with its input and then all its weights."""

    def __init__(self, model: nn.Module):
        super().__init__()
        state = dict(model.named_parameters()) | dict(model.named_buffers())
        self.weights = {k: v.detach() for k, v in state.items() if v.dim()}
        self.model = [model]  # in a list: no weights of this module's own

    def forward(self, x: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
        state = dict(zip(self.weights, weights, strict=True))
        return torch.func.functional_call(self.model[0], state, (x,))


class WeightsFromMemory(fx_importer.FxImporterHooks):
    """torch-mlir makes a Python list of every weight first, which takes minutes for
    ResNet-50; this hands over the bytes. The module is the same."""

    def resolve_literal(self, gni, literal, info):
        if not isinstance(literal, torch.Tensor) or literal.numel() < 2:
            return None
        with unset_fake_temporarily():
            array = np.ascontiguousarray(literal.detach().numpy())
        with gni._c:
            value = ir.DenseResourceElementsAttr.get_from_buffer(
                array,
                f"torch_tensor_{'_'.join(map(str, array.shape))}_{literal.dtype}",
                fx_importer.create_mlir_tensor_type(literal),
            )
            return ir.Operation.create(
                name="torch.vtensor.literal",
                results=[gni._cc.tensor_to_vtensor_type(literal)],
                attributes={"value": value},
            ).result


def exported(
    model: nn.Module, inputs: Sequence[torch.Tensor], any_batch: bool = False
) -> str:
    """torch-mlir's linalg on tensors, as text. With `any_batch` the first dimension of
    the only input is left open."""
    shapes = None
    if any_batch:
        shapes = ({0: torch.export.Dim("batch", min=1, max=64)},)
    module = fx.export_and_import(
        model,
        *inputs,
        output_type="linalg-on-tensors",
        dynamic_shapes=shapes,
        hooks=WeightsFromMemory(),
    )
    return str(module)


def result_of(model: nn.Module, *inputs: torch.Tensor) -> np.ndarray:
    """What PyTorch computes."""
    with torch.no_grad():
        return model(*inputs).numpy()
