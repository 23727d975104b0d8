"""`br-tune FILE|SUITE`: searches schedules by measured time and keeps the winners."""

from __future__ import annotations

import argparse
import math
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from xdsl.dialects.builtin import ModuleOp

from brdialect.errors import BrError
from brdialect.target import TARGETS, Target
from runtime.cli.bench.gradients import PASSES, in_pass
from runtime.cli.bench.own import program
from runtime.cli.bench.suites import SUITES, rows_of
from runtime.cli.options import Parser, add_constants, check_constants, constants_of
from runtime.cli.report import about, run_tool
from runtime.cli.spec import parse_spec
from runtime.cli.tune_display import Display, table
from runtime.host import check_runs_here, resolve_target, with_exact
from runtime.program import load_program, run_until
from runtime.schedule_file import schedule_file
from runtime.tuner.contractions import Work, contractions_of
from runtime.tuner.session import Session

DESCRIPTION = "Searches schedules for contractions by measured time, keeps the winners."

EXAMPLES = """\
A file's contractions are tuned after fusion, each of a kind once, the heaviest first; a
suite is one of br-bench's. Winners are stored as they are found, so that Ctrl-C loses
nothing, and every later compile for this machine and as many threads picks them up
(br-run --no-tuned leaves them out). BR_CACHE_DIR names the folder.

exit code: 0; 1 after a mistake or a wrong result; 130 after Ctrl-C.

examples:
  br-tune resnet50 --threads=1 --budget=300     the 20 convolutions of ResNet-50
  br-tune mlp.mlir                              what a program needs, for a minute
  br-tune resnet50 --minibatch=64 --target=nvptx64-sm_90a     on a GPU
  br-tune conv.mlir --constants=1,2 --input=1x58x58x64xf32 \\
      --input=3x3x64x64xf32 --input=64xf32      sizes that the file leaves open
"""


OF_IMAGES = ("resnet50", "depthwise", "model")
"""The suites of which the rows have a number of images."""


@dataclass(frozen=True)
class Options:
    """The command line."""

    work: str
    pass_: str | None
    entry: str | None
    budget: float
    threads: int | None
    target: str
    exact: bool
    minibatch: int | None
    input: list[str]
    constants: str


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """The options in `arguments` (sys.argv where None)."""
    p = Parser(
        prog="br-tune",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    p.add_argument(
        "work",
        metavar="FILE|SUITE",
        help=f"MLIR: linalg on tensors; or one of {', '.join(SUITES)}",
    )
    p.add_argument(
        "--pass",
        dest="pass_",
        metavar="PASS",
        help=f"of a suite: {', '.join(PASSES)}; default fwd",
    )
    p.add_argument(
        "--budget",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="default 60, shared by the operations of the contractions",
    )
    p.add_argument("--threads", type=int, metavar="N", help="default: all processors")
    p.add_argument(
        "--target",
        default="host",
        metavar="T",
        help=f"host (the default), {', '.join(TARGETS)}; one that can run here",
    )
    p.add_argument(
        "--exact",
        action="store_true",
        help="for programs that multiply and add as it is written (br-run --exact)",
    )
    p.add_argument(
        "--minibatch", type=int, metavar="N", help="of a suite; default: the suite's"
    )
    p.add_argument(
        "--entry",
        metavar="NAME",
        help="the function; may be left out if there is one, or one named main",
    )
    p.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SPEC",
        help="the type of an argument, as br-run takes it; once for each, in order",
    )
    add_constants(p)
    options = Options(**vars(p.parse_args(arguments)))
    check_options(options)
    return options


def check_options(options: Options) -> None:
    """Refuses numbers that mean nothing."""
    if not 0 < options.budget < math.inf:
        raise BrError(f"--budget: expected seconds above 0, got {options.budget}")
    if options.minibatch is not None and options.minibatch < 1:
        raise BrError(f"--minibatch: expected 1 or more, got {options.minibatch}")


def suite_works(
    name: str, pass_: str, target: Target, minibatch: int | None
) -> list[Work]:
    """The contractions of a suite: with images for one, and for one on each thread."""
    minibatches = [minibatch]
    if minibatch is None and name in OF_IMAGES:
        minibatches.append(target.threads)
    works: dict[str, Work] = {}
    for minibatch in minibatches:
        rows = rows_of(name, minibatch, None, pass_, files="*.mlir or *.onnx")
        for workload in in_pass(pass_, rows):
            shapes = list(workload.shapes())
            weights = [shapes.index(w) for w in workload.weights]
            module = program(workload).module
            for work in works_of(module, None, target, weights):
                works.setdefault(work.key, work)
    return sorted(works.values(), key=lambda w: (-w.weight, w.key))


def file_works(options: Options, target: Target) -> list[Work]:
    """The contractions of a file."""
    random = np.random.default_rng(0)
    shapes = [parse_spec(text, random).shape for text in options.input]
    path = Path(options.work)
    with about(path):
        return works_of(
            path, options.entry, target, constants_of(options.constants), shapes
        )


def works_of(
    source: Path | ModuleOp,
    entry: str | None,
    target: Target,
    weights: Sequence[int],
    shapes: Sequence[tuple[int, ...]] = (),
) -> list[Work]:
    """The contractions of an entry function after fusion. `weights` are the arguments
    that are given at load time, `shapes` those of all arguments where they are open."""
    loaded = load_program(source, entry, target)
    parameters = loaded.signature.arguments
    sizes = list(shapes) or [p.shape for p in parameters]
    if len(sizes) != len(parameters):
        raise BrError(
            f"expected --input for each of {len(parameters)} arguments, "
            f"got {len(sizes)}"
        )
    if any(None in shape for shape in sizes):
        raise BrError(
            f"expected --input=SPEC for each argument, such as --input=4x8xf32, since "
            f"({', '.join(map(str, parameters))}) leaves sizes open"
        )
    static = [tuple(size for size in shape if size is not None) for shape in sizes]
    check_constants(weights, len(parameters), "arguments")
    bound = loaded
    if weights:
        constants = {i: np.empty(static[i], parameters[i].dtype) for i in weights}
        bound = load_program(loaded.module, entry, target, constants)
    module = bound.specialised(tuple(static[i] for i in bound.signature.free))
    run_until(module, target, "fuse")
    return contractions_of(module, target)


def find_works(options: Options, target: Target) -> list[Work]:
    """What the command line names."""
    if options.work not in SUITES and is_file(options.work):
        if options.pass_ is not None:
            raise BrError(f"--pass: expected a suite, got the file {options.work}")
        if options.minibatch is not None:
            raise BrError("--minibatch: a file has none; --input says its sizes")
        return file_works(options, target)
    given = {
        "--entry": options.entry,
        "--input": options.input,
        "--constants": options.constants,
    }
    if wrong := [name for name, value in given.items() if value]:
        raise BrError(f"{wrong[0]}: expected a file, got the suite {options.work}")
    pass_ = options.pass_ or "fwd"
    return suite_works(options.work, pass_, target, options.minibatch)


def is_file(name: str) -> bool:
    """Whether a name is meant as a file's, there or not."""
    return name == "-" or Path(name).suffix != "" or Path(name).exists()


@contextmanager
def interrupt_key(stop: Callable[[], None]) -> Generator[None]:
    """Inside, the interrupt key calls `stop` when it is hit first, and ends the program
    when it is hit again."""

    def first(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        stop()

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run(options: Options) -> int:
    """The exit code of br-tune."""
    target = with_exact(resolve_target(options.target, options.threads), options.exact)
    check_runs_here(target)
    works = find_works(options, target)
    if not works:
        raise BrError(f"{options.work}: expected contractions to tune, found none")
    display = Display(works, options.budget)
    session = Session(works, target, display.observe)
    with interrupt_key(session.stop), display:
        session.run(options.budget)
    print(table(session.results))
    if session.too_small:
        print(f"{session.too_small} smaller ones: no time in this budget")
    found = any(not result.is_default for result in session.results)
    if found and (path := schedule_file(target)) is not None:
        print(f"kept in {path}")
    if session.stopped:
        print("interrupted: what was found until then is kept")
        return 130
    return 1 if any(result.wrong for result in session.results) else 0


def main() -> int:
    """The command `br-tune`."""
    return run_tool(lambda: run(parse_options()))


if __name__ == "__main__":
    raise SystemExit(main())
