"""Peak memory of ResNet-50's training step, beside PyTorch's.

    python benchmarks/memory.py --minibatch=8 --threads=2

Each contestant has a process of its own, which makes its step ready and then takes
two. The peak is what of the process was in memory at once meanwhile (VmHWM of Linux,
set back before the steps), with all that the process needs: libraries, parameters,
momentum. What compiling took, or the inputs that a step was made from, counts as far as
it is not given back.
"""

# torch comes in the extra `compare` alone
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from frontends.resnet50 import ResNet50
from runtime.cli.bench.training import TrainingStep
from runtime.cli.bench.workloads import WholeResNet50

CONTESTANTS = ("brdialect", "channels_last", "contiguous_format")
"""This compiler; PyTorch in each memory format."""


def step_of(name: str, minibatch: int, threads: int) -> Callable[[], object]:
    """A contestant's step, ready to run."""
    workload = TrainingStep(WholeResNet50(ResNet50(minibatch)))
    inputs = workload.inputs()
    if name == "brdialect":
        from runtime.cli.bench.own import prepare

        return prepare(workload, inputs, threads).run
    import torch

    from runtime.cli.bench.peers.torch_peer import step_in_format

    torch.set_num_threads(threads)
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    return step_in_format(workload, tensors, getattr(torch, name)).run


def status(name: str) -> int:
    """A number of /proc/self/status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) // 1024


def measure(name: str, minibatch: int, threads: int) -> None:
    """Prints the peak of one contestant, which is this process."""
    step = step_of(name, minibatch, threads)
    gc.collect()
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back to VmRSS
    for _ in range(2):
        step()
    print(f"{name:18} {status('VmHWM'):6} MB, {before} MB before the steps", flush=True)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--minibatch", type=int, default=8)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--only", choices=CONTESTANTS, help="in this process")
    options = p.parse_args()
    if options.only:
        measure(options.only, options.minibatch, options.threads)
        return
    print(f"ResNet-50, a step of training, N = {options.minibatch}", flush=True)
    for name in CONTESTANTS:
        command = [sys.executable, __file__, *sys.argv[1:], f"--only={name}"]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
