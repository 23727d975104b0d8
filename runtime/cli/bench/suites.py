"""The suites of workloads that br-bench times and br-tune tunes: the layers of the
paper's evaluation (arXiv:1906.06440), and plain matrix products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runtime.cli.bench.workloads import Convolution, FullyConnected, Gemm, Workload

RESNET50 = (
    # c, k, h = w, r = s, stride: the 20 kinds of convolutions of ResNet-50, v1
    (3, 64, 224, 7, 2),
    (64, 256, 56, 1, 1),
    (64, 64, 56, 1, 1),
    (64, 64, 56, 3, 1),
    (256, 64, 56, 1, 1),
    (256, 512, 56, 1, 2),
    (256, 128, 56, 1, 2),
    (128, 128, 28, 3, 1),
    (128, 512, 28, 1, 1),
    (512, 128, 28, 1, 1),
    (512, 1024, 28, 1, 2),
    (512, 256, 28, 1, 2),
    (256, 256, 14, 3, 1),
    (256, 1024, 14, 1, 1),
    (1024, 256, 14, 1, 1),
    (1024, 2048, 14, 1, 2),
    (1024, 512, 14, 1, 2),
    (512, 512, 7, 3, 1),
    (512, 2048, 7, 1, 1),
    (2048, 512, 7, 1, 1),
)

FC_SIZES = (256, 512, 1024, 2048)
FC_ROWS = (168, 1344)

SKINNY = (
    # m, n, k of products that are no cubes
    (1, 1024, 1024),
    (16, 1024, 1024),
    (168, 1024, 1024),
    (1024, 16, 1024),
    (4096, 64, 64),
    (3136, 64, 576),
    (64, 4096, 256),
    (2048, 2048, 32),
)


def resnet50_layer(number: int, images: int) -> Convolution:
    """Layer `number`, from 1 to 20; the padding keeps the size of a stride of 1."""
    c, k, size, window, stride = RESNET50[number - 1]
    pad = (window - 1) // 2
    label = f"conv{number:02d}"
    return Convolution(
        label, images, c, size, size, k, window, window, stride, stride, pad, pad
    )


def resnet50(images: int) -> list[Workload]:
    """The convolutions of ResNet-50."""
    return [resnet50_layer(i + 1, images) for i in range(len(RESNET50))]


def fc(images: int) -> list[Workload]:
    """Fully connected layers; their rows are the paper's."""
    return [FullyConnected(n, size, size) for n in FC_ROWS for size in FC_SIZES]


def gemm(images: int) -> list[Workload]:
    """Cubes and skinny products; they have no images."""
    cubes = [Gemm(size, size, size) for size in FC_SIZES]
    return [*cubes, *(Gemm(*sizes) for sizes in SKINNY)]


SUITES: Mapping[str, Callable[[int], Sequence[Workload]]] = {
    "resnet50": resnet50,
    "fc": fc,
    "gemm": gemm,
}
"""The workloads of each suite, for a number of images."""
