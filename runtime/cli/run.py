"""`br-run FILE`: compiles a function, calls it, prints, checks or times it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from brdialect.arrays import Array
from brdialect.mistake import BrError
from brdialect.targets import TARGETS
from runtime.arguments import Parameter
from runtime.cli.compare import Comparison, compare
from runtime.cli.files import written_whole
from runtime.cli.options import (
    Parser,
    add_constants,
    check_constants,
    constants_of,
    parser,
)
from runtime.cli.outcome import Outcome
from runtime.cli.profile import Profile, profile
from runtime.cli.report import about, run_apart, run_tool
from runtime.cli.spec import parse_spec, random_array
from runtime.compiler import Compiled
from runtime.host import check_runs_here, resolve_target, with_exact
from runtime.model import Model, Request

DESCRIPTION = "Compiles a function of an MLIR file for this machine and calls it."

EXAMPLES = """\
A SPEC says an array:
  1x3x224x224xf32                 random values, the same in each run (--seed)
  1x3x224x224xf32=@image.npy      a file that must hold this shape and type
  @image.npy                      a file
  @net.safetensors:conv.weight    the array of that name in a file; .npz too
  4xf32=1,2,3,4                   values; 2x2xf32=[[1,2],[3,4]] too
  16x16xf32=0.5                   one value for all elements
  f32=2                           a scalar
Without any --input every argument is random: floats standard normal, integers 0 to 7.

examples:
  br-run mlp.mlir                                 random arguments, prints the results
  br-run mlp.mlir --input=@x.npy --output=y.npz   a file in, a file out
  br-run mlp.mlir --constants=1 --input=4x8xf32 --input=@net.safetensors:weight
                                                  weights that are packed once
  br-run mlp.mlir --verify                        against the numpy reference
  br-run net.onnx --verify=onnxruntime            against ONNX Runtime; onnx: against
                                                  the onnx package's own evaluator
  br-run mlp.mlir --benchmark --threads=1         how fast is it?
  br-run net.onnx --profile=net.png               which nodes take how long?

A result passes --verify and --expected-output when everywhere
|got - expected| <= ATOL + RTOL * max |expected|, with NaN and infinities in the same
places; integers must be equal.

Compiled code is kept in the user's cache folder, so that the next run starts at once,
even with other inputs. Other text, sizes, threads, schedules or another version of
anything that takes part mean other code. BR_CACHE_DIR names another folder, an empty
BR_CACHE_DIR= none; BR_CACHE_MIB says how much it may hold (2048).

exit code: 0, or 1 after a mistake or a result beyond tolerance.
"""

RTOL, TF32_RTOL = 1e-4, 5e-3
"""How far a result may be off, relative to the largest magnitude. tf32 has 10 bits of
mantissa: rounding both factors of a product may cost 1e-3 of it, in each layer."""

VERIFIERS = ("numpy", "onnxruntime", "onnx")
"""What --verify can compare with; --verify alone is the first."""


@dataclass(frozen=True)
class Options:
    """The command line."""

    file: Path
    entry: str | None
    target: str
    exact: bool
    tuned: bool
    cache: bool
    input: list[str]
    constants: str
    output: Path | None
    expected_output: list[str]
    rtol: float | None
    atol: float
    threads: int | None
    seed: int
    verify: str | None
    benchmark: bool
    profile: str | None
    json: bool


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """The options in `arguments` (sys.argv where None)."""
    p = parser("br-run", DESCRIPTION, EXAMPLES)
    p.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SPEC",
        help="an argument; once for each, in order",
    )
    add_constants(p)
    p.add_argument(
        "--output", type=Path, metavar="FILE.npz", help="writes result0, result1 ..."
    )
    add_checks(p)
    p.add_argument("--threads", type=int, metavar="N", help="default: all processors")
    p.add_argument("--seed", type=int, default=0, metavar="S", help="default 0")
    p.add_argument(
        "--benchmark",
        action="store_true",
        help="prints min, median, p90, p99, GFLOP/s and percent of measured peak",
    )
    p.add_argument(
        "--profile",
        metavar="FILE",
        help="prints the time, GFLOP/s and share of each node of a model, or of each "
        "line of an .mlir file; --profile=FILE.png or FILE.svg draws them, too. The "
        "code is made anew, with a reading of the clock between the nodes",
    )
    p.add_argument(
        "--no-cache",
        dest="cache",
        action="store_false",
        help="neither takes compiled code from the cache nor keeps it there",
    )
    p.add_argument("--json", action="store_true", help="prints one JSON object instead")
    # a value that may be left out would take the FILE behind it
    words = sys.argv[1:] if arguments is None else arguments
    alone = {"--verify": f"--verify={VERIFIERS[0]}", "--profile": "--profile="}
    words = [alone.get(word, word) for word in words]
    options = Options(**vars(p.parse_args(words)))
    check_options(options)
    return options


def add_checks(p: Parser) -> None:
    """The options that say what the results are compared with, and how closely."""
    p.add_argument(
        "--expected-output",
        action="append",
        default=[],
        metavar="SPEC",
        help="what a result should be; once for each, in order",
    )
    p.add_argument(
        "--rtol",
        type=float,
        metavar="X",
        help="default 1e-4, or 5e-3 where f32 is multiplied in tf32",
    )
    p.add_argument("--atol", type=float, default=1e-6, metavar="X", help="default 1e-6")
    p.add_argument(
        "--verify",
        choices=VERIFIERS,
        help="compares with the numpy reference, which computes in float64 (--verify "
        "alone), or an .onnx model with another implementation (--verify=NAME)",
    )


def check_options(options: Options) -> None:
    """Refuses what could not be done at the end, before anything is done."""
    if options.output is not None and options.output.suffix != ".npz":
        raise BrError(f"--output: expected a file named *.npz, got {options.output}")
    if options.seed < 0:
        raise BrError(f"--seed: expected 0 or more, got {options.seed}")
    for name in ("rtol", "atol"):
        given = getattr(options, name)
        if given is not None and not given >= 0:
            raise BrError(f"--{name}: expected 0 or more, got {getattr(options, name)}")
    if options.verify not in (None, "numpy"):
        from runtime.cli.implementations import check_can_run

        check_can_run(options.verify, options.file)
    row = TARGETS.get(options.target or "")
    if options.profile is not None and row is not None and row.is_gpu:
        raise BrError(
            f"--profile: expected a CPU as --target, got {row.name}; --benchmark times "
            "a whole program on a GPU"
        )
    if options.profile:
        check_picture(Path(options.profile))


def check_picture(path: Path) -> None:
    """Stops before anything is measured that could not be drawn."""
    if path.suffix not in (".png", ".svg"):
        raise BrError(f"--profile: expected a file named *.png or *.svg, got {path}")
    if find_spec("matplotlib") is None:
        raise BrError(
            "expected matplotlib to be installed for --profile=FILE; "
            "pip install 'brdialect[bench]', or leave FILE out"
        )


def read_inputs(options: Options) -> tuple[dict[int, Array], list[Array]]:
    """The arrays of --input: those of --constants, and the others."""
    random = np.random.default_rng(options.seed)
    arrays = [parse_spec(text, random) for text in options.input]
    numbers = constants_of(options.constants)
    check_constants(numbers, len(arrays), "arguments with an --input,")
    constants = {i: arrays[i] for i in numbers}
    return constants, [x for i, x in enumerate(arrays) if i not in constants]


def random_inputs(options: Options, parameters: Sequence[Parameter]) -> list[Array]:
    """Arrays for all arguments."""
    random = np.random.default_rng(options.seed)
    return [random_input(p, i, random) for i, p in enumerate(parameters)]


def random_input(
    parameter: Parameter, number: int, random: np.random.Generator
) -> Array:
    """An array for an argument that no --input is given for."""
    shape = tuple(size for size in parameter.shape if size is not None)
    if len(shape) != len(parameter.shape):
        raise BrError(
            f"expected --input for argument {number}, whose sizes {parameter} are "
            "open, such as --input=4x8xf32"
        )
    array = random_array(shape, parameter.dtype, random)
    limit = parameter.limit
    if limit is not None and isinstance(limit.most, int):
        array %= limit.most + 1
    return array


def expected_results(options: Options) -> list[Array]:
    """The arrays of --expected-output."""
    random = np.random.default_rng(options.seed)
    return [parse_spec(text, random) for text in options.expected_output]


def written_arguments(
    parameters: Sequence[Parameter], inputs: Sequence[Array]
) -> list[Array]:
    """The arrays that stand for memrefs."""
    pairs = zip(parameters, inputs, strict=True)
    return [array for parameter, array in pairs if parameter.in_place]


def verified(
    options: Options, model: Model, results: Sequence[Array], inputs: Sequence[Array]
) -> dict[str, list[Comparison]]:
    """The results against those of what --verify names, which may write the inputs."""
    if options.verify is None:
        return {}
    every = model.arguments(inputs)
    if options.verify != "numpy":
        from runtime.cli.implementations import run_model

        right = run_model(options.verify, options.file, every)
        return {options.verify: check(results, right, options)}
    from runtime.cli.measure import run_reference

    right = run_reference(model.program, every)
    right += written_arguments(model.signature.parameters, inputs)
    return {"numpy reference": check(results, right, options)}


def check(
    got: Sequence[Array], want: Sequence[Array], options: Options
) -> list[Comparison]:
    """Every result against what it should be."""
    if len(got) != len(want):
        raise BrError(f"expected {len(want)} results, got {len(got)}")
    pairs = zip(got, want, strict=True)
    rtol = options.rtol
    if rtol is None:
        tf32 = options.target.startswith("nvptx64") and not options.exact
        rtol = TF32_RTOL if tf32 else RTOL
    return [compare(g, w, rtol, options.atol) for g, w in pairs]


def write_results(path: Path, results: Sequence[Array]) -> None:
    """A numpy archive with result0, result1 ..."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        named = {f"result{i}": array for i, array in enumerate(results)}
        np.savez(file, allow_pickle=False, **named)


def run(options: Options) -> int:
    """The exit code of br-run."""
    with ExitStack() as stack:
        picture = None
        if options.profile:  # made before time is spent on what goes into it
            picture = stack.enter_context(written_whole(Path(options.profile)))
        return run_with(options, picture)


def run_with(options: Options, picture: Path | None) -> int:
    """The exit code of br-run, which draws a profile into `picture`."""
    target = resolve_target(options.target, options.threads)
    target = with_exact(target, options.exact)
    check_runs_here(target)
    with about(options.file):
        constants, inputs = read_inputs(options)
    request = Request(
        options.file,
        options.entry,
        target,
        constants,
        guard=True,
        tuned=options.tuned,
        cache=options.cache,
        profile=options.profile is not None,
    )
    model = Model(request)
    with about(options.file):
        parameters = model.signature.parameters
        if not options.input:
            inputs = random_inputs(options, parameters)
        inputs = model.signature.checked(inputs)
    want = expected_results(options)
    # memrefs are written in place, so the reference gets copies
    before = [np.copy(array) for array in inputs] if options.verify else []
    start = time.perf_counter()
    with about(options.file):
        compiled = Compiled(model)
        compiled.prepare(tuple(array.shape for array in inputs))
        compile_seconds = time.perf_counter() - start
        returned = compiled(*inputs)
    results = [*returned] if isinstance(returned, tuple) else [returned]
    # memrefs count as results behind the others
    results += written_arguments(parameters, inputs)
    checks = {"expected output": check(results, want, options)} if want else {}
    checks |= verified(options, model, results, before)
    timing = None
    if options.benchmark:
        from runtime.cli.measure import benchmark

        timing = benchmark(compiled, model.program, inputs)
    times = profiled(options, compiled, inputs, picture)
    if options.output is not None:
        write_results(options.output, results)
    entry = model.signature.entry
    outcome = Outcome(entry, target, compile_seconds, results, checks, timing, times)
    if options.json:
        print(json.dumps(outcome.as_json()))
    else:
        quiet = bool(checks or timing or times or options.output)
        print(outcome.as_text(show_results=not quiet))
    return 0 if outcome.ok else 1


def profiled(
    options: Options,
    compiled: Compiled,
    inputs: Sequence[Array],
    picture: Path | None,
) -> Profile | None:
    """The times of the nests, if they are asked for, which are drawn into `picture`."""
    if options.profile is None:
        return None
    times = profile(compiled.executable(tuple(x.shape for x in inputs)), inputs)
    if picture is not None:
        from runtime.cli.profile_picture import draw

        draw(times, picture, options.file.name)
    return times


def main() -> int:
    """The command `br-run`."""
    found: list[Options] = []
    if code := run_tool(lambda: found.append(parse_options())):
        return code
    (options,) = found
    return run_apart(lambda: run(options), options.file)


if __name__ == "__main__":
    raise SystemExit(main())
