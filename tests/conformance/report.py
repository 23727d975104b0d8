"""`python tests/conformance/report.py`: runs the whole suite and writes what passes.

All node cases of onnx.backend.test and the nine light models, each compiled and run, in
processes of their own because compiled code may crash. Writes docs/conformance.md, and
ends with 1 where the outcomes are not those of expected_failures.txt: a failure that is
not listed, or a case that is listed and passes. `--update` writes that list, too.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

from light import light_case, light_models  # noqa: E402
from suite import EXPECTED, Case, expected_failures, node_cases  # noqa: E402

PAGE = HERE.parent.parent / "docs/conformance.md"
PATIENCE = 300.0
"""Seconds after which a case that says nothing has failed."""

Outcomes = Mapping[str, str]

PEERS = """\
| | all | core | LSTM, GRU, RNN | ConvTranspose | MaxPool | AveragePool | basis |
|---|---|---|---|---|---|---|---|
| onnxruntime 1.32 | 1588 | 470 | 15 | 11 | 19 | 20 | measured |
| tinygrad | 1531 | 464 | 0 | 11 | 19 | 20 | its own list |
| torch-mlir 20261001 | | 433 | 13 | 8 | 18 | 20 | measured, lowering only |
| IREE CPU | 843 of 1158 | 366 of 438 | 11 of 12 | 8 | 16 | 18 of 19 | its own list |
| onnx-mlir | 607 | 270 | 12 | 9 | 12 | 13 | its own list |
"""


def run_apart(cases: Sequence[Case]) -> dict[str, str]:
    """The outcome of each case. A process that ends or hangs takes one case with it."""
    outcomes: dict[str, str] = {}
    left = list(cases)
    while left:
        done = _run_until_crash(left, outcomes)
        left = left[done:]
    return outcomes


def _run_until_crash(cases: Sequence[Case], outcomes: dict[str, str]) -> int:
    """Runs cases in one process; how many have an outcome then."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        for case in cases:
            line = case.outcome().replace("\n", " ")
            os.write(writer, f"{line}\n".encode())
        os._exit(0)
    os.close(writer)
    done = 0
    with os.fdopen(reader, "rb") as lines:
        while done < len(cases):
            ready, _, _ = select.select([lines], [], [], PATIENCE)
            line = lines.readline().decode() if ready else ""
            if not line:
                os.kill(child, 9)
                outcomes[cases[done].name] = "crashed, or took too long"
                done += 1
                break
            outcomes[cases[done].name] = line.rstrip("\n")
            done += 1
            _progress(done, cases)
    os.waitpid(child, 0)
    return done


def _progress(done: int, cases: Sequence[Case]) -> None:
    if sys.stderr.isatty() and done % 10 == 0:
        print(f"\r{done} of {len(cases)}", end="", file=sys.stderr, flush=True)


def groups_of(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """Cases by operator: the one that a case without `_expanded` has."""
    operators = {c.name: sorted(c.operators) for c in cases}
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        names = operators.get(case.base, [])
        found[names[0] if len(names) == 1 else "several"].append(case)
    return dict(sorted(found.items()))


def count(cases: Sequence[Case], outcomes: Outcomes) -> str:
    """`passed / all`"""
    return f"{sum(not outcomes[c.name] for c in cases)} / {len(cases)}"


def single(cases: Sequence[Case], *operators: str) -> list[Case]:
    """The cases of one node, of these operators."""
    return [c for c in cases if c.operators <= {*operators} and c.operators]


def page(cases: Sequence[Case], outcomes: Outcomes, light: Outcomes) -> str:
    """The text of docs/conformance.md."""
    core = [c for c in cases if c.is_core]
    columns = [
        count(cases, outcomes),
        count(core, outcomes),
        count(single(cases, "LSTM", "GRU", "RNN"), outcomes),
        *(
            count(single(cases, name), outcomes)
            for name in ("ConvTranspose", "MaxPool", "AveragePool")
        ),
    ]
    kinds = Counter(outcome.split(":")[0] for outcome in outcomes.values() if outcome)
    lines = [
        "# Conformance",
        "",
        "<!-- Written by tests/conformance/report.py; change that, not this. -->",
        "",
        f"The cases of `onnx.backend.test` of onnx {onnx.__version__}, each compiled",
        "to machine code and run, compared by the suite's own tolerance. Nothing is",
        "skipped: what is not supported counts as failed. *Core* are the cases whose",
        "operators are those of convolutional, recurrent and fully connected networks",
        "([the list](../tests/conformance/suite.py)). Inputs that say sizes or axes",
        "are given when the model is compiled.",
        "",
        "| | all | core | LSTM, GRU, RNN | ConvTranspose | MaxPool | AveragePool |",
        "|---|---|---|---|---|---|---|",
        f"| brdialect | {' | '.join(columns)} |",
        "",
        "Others on the same suite:",
        "",
        PEERS,
        f"Of what fails {kinds['refused']} cases are refused with a message that names "
        f"the node, {kinds['wrong']} give",
        "other numbers than the suite, and "
        f"{sum(kinds.values()) - kinds['refused'] - kinds['wrong']} end otherwise. "
        "[The list of them](../tests/conformance/expected_failures.txt)",
        "is exact: a case on it that passes is a failed test, too.",
        "",
        f"The light models, whole networks: {sum(not o for o in light.values())} of "
        f"{len(light)} pass.",
        "",
        "## By operator",
        "",
        "| operator | passed / all |",
        "|---|---|",
    ]
    lines += [
        f"| {name} | {count(some, outcomes)} |"
        for name, some in groups_of(cases).items()
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """The exit code: 1 where outcomes are not as expected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="writes the list, too")
    options = parser.parse_args()
    start = time.perf_counter()
    cases = node_cases()
    outcomes = run_apart(cases)
    light = run_apart([light_case(path) for path in light_models()])
    PAGE.write_text(page(cases, outcomes, light))
    failed = {n: o for n, o in {**outcomes, **light}.items() if o}
    if options.update:
        text = "".join(f"{name}\t{why[:120]}\n" for name, why in sorted(failed.items()))
        EXPECTED.write_text(text)
    expected = expected_failures()
    for name in sorted(failed.keys() - expected):
        print(f"fails, and is not on the list: {name}: {failed[name]}")
    for name in sorted(expected - failed.keys()):
        print(f"passes, and is on the list of failures: {name}")
    print(
        f"{len(outcomes) + len(light) - len(failed)} of {len(outcomes) + len(light)} "
        f"pass, in {time.perf_counter() - start:.0f} s"
    )
    return 0 if failed.keys() == expected else 1


if __name__ == "__main__":
    raise SystemExit(main())
