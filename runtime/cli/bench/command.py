"""`br-bench SUITE`: this compiler's speed side by side with other libraries'."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from brdialect.mistake import BrError
from runtime.cli.files import written_whole
from runtime.cli.options import Parser
from runtime.cli.report import run_tool
from runtime.host import check_threads, cpus, host_target
from runtime.peak import PeakMeter

if TYPE_CHECKING:
    from runtime.cli.bench.outcome import Machine, Outcome
    from runtime.cli.bench.race import Row
    from runtime.cli.bench.workloads import Workload

DESCRIPTION = "Times this compiler's code side by side with other libraries."

EXAMPLES = """\
A SUITE is one of
  resnet50    the 20 distinct convolutions of ResNet-50
  fc          fully connected layers, weights packed ahead
  gemm        row-major matrix products, packed in the timed call
  depthwise   the blocks of MobileNet: 3x3 depthwise, 1x1, ReLU6
  lstm, gru   recurrent layers over 168 sequences, and over one; to train: 4 of them
  mlp         three linear layers with bias and ReLU
  model       ResNet-50 from image to logits
or a convolution in benchdnn's spelling, such as mb1ic64ih56oc64oh56kh3ph1, or a model
in a file named *.onnx, which onnxruntime and openvino run as it is.

examples:
  br-bench resnet50 --threads=1
  br-bench resnet50 --layers=1-4,20 --peers=onednn,torch --plot=layers.png
  br-bench resnet50 --pass=bwd-weights --layers=2-20
  br-bench model --minibatch=2 --json=model.json
  br-bench g32mb1ic32ih112oc32kh3ph1
  br-bench net.onnx --input=1x3x224x224xf32 --peers=onnxruntime

A PASS is one of
  fwd          forward
  bwd-data     the gradient of a layer by its input: of resnet50, fc, a convolution
  bwd-weights  the gradient of a layer by its weights: of the same
  bwd          all gradients of a layer: of the same, and of lstm
               and gru, where the two above are this one: one walk back in time gives
               the gradients by the input and by the weights
  train        forward, gradients and an update of all parameters: of model, mlp, lstm
               and gru

Peers are torch (eager), torch-compile, onnxruntime, openvino and onednn. Those that
are not installed are left out. Each has a process of its own with as many threads,
bound to the same processors, and is stopped while another has its turn. A peer's result
is compared before it is timed.

exit code: 0, or 1 after a mistake, a failure, or a result that differs.
"""

_SAMPLES = 7
_SECONDS = 0.05
_PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class Options:
    """The command line."""

    suite: str
    pass_: str
    peers: str | None
    threads: int | None
    layers: str | None
    input: list[str]
    minibatch: int | None
    samples: int
    seconds: float
    json: Path | None
    plot: Path | None


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """The options in `arguments` (sys.argv where None)."""
    p = Parser(
        "br-bench",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument("suite", metavar="SUITE", help="see below")
    p.add_argument(
        "--pass",
        dest="pass_",
        default="fwd",
        metavar="PASS",
        help="fwd (the default), bwd-data, bwd-weights, bwd or train",
    )
    p.add_argument(
        "--peers", metavar="A,B", help="default: all that are installed; '' is none"
    )
    p.add_argument("--threads", type=int, metavar="N", help="default: all processors")
    p.add_argument("--layers", metavar="1-3,8", help="only these rows of the suite")
    p.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SPEC",
        help="an input of a file, as br-run takes it; once for each, in order",
    )
    p.add_argument("--minibatch", type=int, metavar="N", help="default: the suite's")
    p.add_argument(
        "--samples",
        type=int,
        default=_SAMPLES,
        metavar="N",
        help=f"undisturbed ones of each contestant, default {_SAMPLES}",
    )
    p.add_argument(
        "--seconds",
        type=float,
        default=_SECONDS,
        metavar="S",
        help=f"of calls in a sample, default {_SECONDS}",
    )
    p.add_argument("--json", type=Path, metavar="FILE", help="writes plain data")
    p.add_argument(
        "--plot", type=Path, metavar="FILE", help="a bar chart and a roofline"
    )
    options = Options(**vars(p.parse_args(arguments)))
    check_options(options)
    return options


def check_options(options: Options) -> None:
    """Refuses numbers that mean nothing, and pictures that could not be drawn."""
    for name in ("minibatch", "samples"):
        if (value := getattr(options, name)) is not None and value < 1:
            raise BrError(f"--{name}: expected 1 or more, got {value}")
    if not 0 < options.seconds < 60:
        raise BrError(
            f"--seconds: expected more than 0 and less than 60, got {options.seconds}"
        )
    if options.plot is not None and options.plot.suffix not in _PICTURES:
        raise BrError(
            f"--plot: expected a file named {' or '.join('*' + s for s in _PICTURES)}, "
            f"got {options.plot}"
        )


def check_installed(options: Options) -> None:
    """Stops where the extra that draws tables and pictures is not there."""
    needed = ["rich"] + ["matplotlib"] * (options.plot is not None)
    if missing := [name for name in needed if find_spec(name) is None]:
        raise BrError(
            f"expected {' and '.join(missing)} to be installed for br-bench; "
            "pip install 'brdialect[bench]'"
        )


def run(options: Options) -> int:
    """The exit code of br-bench."""
    check_installed(options)
    from runtime.cli.bench.gradients import in_pass
    from runtime.cli.bench.peers.table import chosen_peers
    from runtime.cli.bench.suites import rows_of

    threads = check_threads(options.threads) if options.threads is not None else cpus()
    suite, inputs, pass_ = options.suite, options.input, options.pass_
    rows = rows_of(suite, options.minibatch, options.layers, pass_, inputs)
    workloads = in_pass(pass_, rows)
    peers, missing = chosen_peers(options.peers)
    for line in missing:
        print(f"note: {line}", file=sys.stderr)
    with ExitStack() as stack:
        # both are made before a minute is spent on what goes into them
        data = _opened(stack, options.json)
        picture = _opened(stack, options.plot)
        outcome = measure(options, threads, workloads, peers)
        if data is not None:
            data.write_text(json.dumps(outcome.as_json(), indent=1) + "\n")
        if picture is not None:
            from runtime.cli.bench.pictures import draw, memory_bandwidth

            draw(outcome, picture, memory_bandwidth(threads))
    show(outcome)
    for line in outcome.failures:
        print(f"error: {line}", file=sys.stderr)
    return 1 if outcome.failures else 0


def _opened(stack: ExitStack, path: Path | None) -> Path | None:
    return None if path is None else stack.enter_context(written_whole(path))


def measure(
    options: Options, threads: int, workloads: Sequence[Workload], peers: Sequence[str]
) -> Outcome:
    """Races this compiler and its peers through the workloads."""
    from runtime.cli.bench.outcome import Outcome
    from runtime.cli.bench.peers.table import OWN
    from runtime.cli.bench.race import Peak, race
    from runtime.cli.bench.worker import Contestant

    machine = this_machine(threads)
    processors = _pin(threads)
    peak = Peak(PeakMeter(host_target(threads)))
    rows: list[Row] = []
    with ExitStack() as stack:
        contestants: list[Contestant] = []
        for name in (OWN, *peers):
            contestants.append(Contestant(name, threads, processors))
            stack.callback(contestants[-1].close)
        advance = stack.enter_context(_progress(len(workloads)))
        for workload in workloads:

            def tick(what: str, name: str = workload.name) -> None:
                advance(f"{name}: {what}", 0)

            row = race(
                workload, contestants, peak, options.samples, options.seconds, tick
            )
            rows.append(row)
            advance(workload.name, 1)
    return Outcome(machine, peers, rows)


def this_machine(threads: int) -> Machine:
    """What stands above a table."""
    from runtime.cli.bench.outcome import Machine

    target = host_target(threads)
    command = shlex.join(["br-bench", *sys.argv[1:]])
    bits = 8 * target.vector_bytes
    today = date.today().isoformat()
    return Machine(_processor() or target.cpu, bits, threads, today, command)


def _processor() -> str:
    """The name that the system has for it."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((v.strip() for k, _, v in lines if k.strip() == "model name"), "")


def _pin(threads: int) -> list[int]:
    """Binds this process, and those it starts, to the last `threads` processors: the
    first one serves most interrupts."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(threads))
    chosen = sorted(os.sched_getaffinity(0))[-threads:]
    os.sched_setaffinity(0, chosen)
    return chosen


@contextmanager
def _progress(total: int) -> Generator[Callable[[str, int], None]]:
    """A bar on standard error; the function is told what is done, and by how much."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    disable = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=disable) as bar:
        task = bar.add_task("", total=total)

        def advance(text: str, by: int) -> None:
            bar.update(task, description=text, advance=by)

        yield advance


def show(outcome: Outcome) -> None:
    """The table, as wide as it needs where no terminal limits it."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=200)
    console.print(outcome.as_table())
    for line in outcome.legend():
        console.print(line, highlight=False)


def main() -> int:
    """The command `br-bench`."""
    return run_tool(lambda: run(parse_options()))


if __name__ == "__main__":
    raise SystemExit(main())
