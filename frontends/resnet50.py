"""ResNet-50 v1.5, as a module with its parameters as arguments.

The parameters have the names and shapes of torchvision's `resnet50().state_dict()`.
Version 1.5 has the stride of a stage in the 3x3 convolution of its first block.

Where the parameters are bound at load time, the compiler folds the batch-norms into the
weights before them. For training, batch-norms take the mean and the variance of the
batch, and there are no running ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.ir import SSAValue

from frontends.linalg_builder import Builder
from frontends.tensor_builder import shape_of

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

_LEARNT = ("weight", "bias")
_STATISTICS = (*_LEARNT, "running_mean", "running_var")


@dataclass(frozen=True)
class Unit:
    """A convolution and its batch-norm, by the names of their parameters."""

    convolution: str
    norm: str
    weight: Shape
    stride: int = 1

    def shapes(self) -> Iterator[tuple[str, Shape]]:
        """Names and shapes of the parameters."""
        yield f"{self.convolution}.weight", self.weight
        for name in _STATISTICS:
            yield f"{self.norm}.{name}", self.weight[:1]


@dataclass(frozen=True)
class Bottleneck:
    """1x1, 3x3 and 1x1 convolutions; the way around them is a convolution too where
    the shape changes."""

    path: tuple[Unit, Unit, Unit]
    shortcut: Unit | None


@dataclass(frozen=True)
class ResNet50:
    """The network for a batch of square RGB images. Other sizes than the published
    ones make small networks of the same kind, for tests."""

    batch: int
    size: int = 224
    blocks: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    classes: int = 1000

    @property
    def input_shape(self) -> Shape:
        """[n, c, h, w]"""
        return (self.batch, 3, self.size, self.size)

    @property
    def stem(self) -> Unit:
        """The first convolution."""
        return Unit("conv1", "bn1", (self.width, 3, 7, 7), 2)

    def bottlenecks(self) -> Iterator[Bottleneck]:
        """All blocks, in order."""
        channels = self.width
        for stage, count in enumerate(self.blocks):
            middle = self.width << stage
            for number in range(count):
                name = f"layer{stage + 1}.{number}"
                stride = 2 if stage and not number else 1
                out = 4 * middle
                path = (
                    Unit(f"{name}.conv1", f"{name}.bn1", (middle, channels, 1, 1)),
                    Unit(
                        f"{name}.conv2", f"{name}.bn2", (middle, middle, 3, 3), stride
                    ),
                    Unit(f"{name}.conv3", f"{name}.bn3", (out, middle, 1, 1)),
                )
                around = f"{name}.downsample"
                weight = (out, channels, 1, 1)
                yield Bottleneck(
                    path,
                    None
                    if number
                    else Unit(f"{around}.0", f"{around}.1", weight, stride),
                )
                channels = out

    def parameter_shapes(self) -> dict[str, Shape]:
        """Names and shapes, in the order of the arguments behind the image."""
        shapes = dict(self.stem.shapes())
        for block in self.bottlenecks():
            for unit in filter(None, (*block.path, block.shortcut)):
                shapes.update(unit.shapes())
        features = self.width << (len(self.blocks) + 1)
        shapes["fc.weight"] = (self.classes, features)
        shapes["fc.bias"] = (self.classes,)
        return shapes

    @property
    def flops(self) -> int:
        """Two for each multiplication of a convolution or of the last layer."""
        total = self.classes * (self.width << (len(self.blocks) + 1))
        size = self.size // self.stem.stride
        total += prod(self.stem.weight) * size**2
        size //= 2  # the pooling
        for block in self.bottlenecks():
            first, second, third = block.path
            total += prod(first.weight) * size**2
            size //= second.stride
            total += (prod(second.weight) + prod(third.weight)) * size**2
            if block.shortcut is not None:
                total += prod(block.shortcut.weight) * size**2
        return 2 * self.batch * total

    def learnt_shapes(self) -> dict[str, Shape]:
        """What training changes, in the order of the arguments behind the image."""
        shapes = self.parameter_shapes()
        return {n: s for n, s in shapes.items() if ".running_" not in n}

    def random_parameters(self, seed: int = 0) -> dict[str, Array]:
        """Parameters with which the values stay near 1 from layer to layer."""
        random = np.random.default_rng(seed)
        return {
            name: _draw(name, shape, random)
            for name, shape in self.parameter_shapes().items()
        }

    def module(self, training: bool = False, windows_first: bool = False) -> ModuleOp:
        """`@main(image, parameters...)`: [n, 3, h, w] -> logits [n, classes].

        For training the parameters are those of `learnt_shapes`. With `windows_first`
        the weights of convolutions are given as [r, s, c, k], not as [k, c, r, s].
        """
        shapes = self.learnt_shapes() if training else self.parameter_shapes()
        given = {
            name: (*s[2:], s[1], s[0]) if windows_first and len(s) == 4 else s
            for name, s in shapes.items()
        }
        b = _NetworkBuilder(
            "main", [(s, f32) for s in (self.input_shape, *given.values())]
        )
        image, *arguments = b.args
        arguments = [
            b.transpose(x, (3, 2, 0, 1)) if windows_first and len(s) == 4 else x
            for x, s in zip(arguments, shapes.values(), strict=True)
        ]
        parameters = dict(zip(shapes, arguments, strict=True))
        x = b.relu(b.unit(image, self.stem, parameters))
        x = b.max_pool(x, (3, 3), stride=(2, 2), padding=(1, 1))
        for block in self.bottlenecks():
            x = b.bottleneck(x, block, parameters)
        n, features, h, w = shape_of(x)
        x = b.reshape(b.avg_pool(x, (h, w)), (n, features))
        x = b.matmul(x, parameters["fc.weight"], transpose_b=True)
        return b.finish(b.bias(x, parameters["fc.bias"]))


class _NetworkBuilder(Builder):
    """Adds the parts of the network to the layers."""

    def bottleneck(
        self, x: SSAValue, block: Bottleneck, parameters: Mapping[str, SSAValue]
    ) -> SSAValue:
        """relu(path(x) + shortcut(x))"""
        first, second, third = block.path
        y = self.relu(self.unit(x, first, parameters))
        y = self.relu(self.unit(y, second, parameters))
        y = self.unit(y, third, parameters)
        if block.shortcut is not None:
            x = self.unit(x, block.shortcut, parameters)
        return self.relu(self.add(y, x))

    def unit(
        self, x: SSAValue, unit: Unit, parameters: Mapping[str, SSAValue]
    ) -> SSAValue:
        """The batch-norm of a convolution that keeps the size, up to its stride."""
        weight = parameters[f"{unit.convolution}.weight"]
        window = unit.weight[2]
        y = self.conv2d(
            x,
            weight,
            stride=(unit.stride, unit.stride),
            padding=(window // 2, window // 2),
        )
        names = (f"{unit.norm}.{name}" for name in _STATISTICS)
        gamma, beta, *running = (parameters[n] for n in names if n in parameters)
        if not running:
            return self.batch_norm_of_batch(y, gamma, beta)
        mean, variance = running
        return self.batch_norm(y, gamma, beta, mean, variance)


def _draw(name: str, shape: Shape, random: np.random.Generator) -> Array:
    if len(shape) > 1:
        inputs = int(np.prod(shape[1:]))
        gain = 1.0 if name.startswith("fc") else 2.0
        values = random.standard_normal(shape, dtype=np.float32)
        return values * np.float32((gain / inputs) ** 0.5)
    if name.endswith(("running_var", "weight")):
        values = random.uniform(0.5, 1.5, shape)
        # what a block adds to the sum that runs around all blocks
        return (values * (0.3 if name.endswith("bn3.weight") else 1.0)).astype("f4")
    return (0.1 * random.standard_normal(shape)).astype("f4")
