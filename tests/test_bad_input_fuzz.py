"""Files with a few tokens changed: whatever comes of them, no command line crashes.

Each mutant is a small file of tests/filecheck with tokens deleted, repeated, swapped or
replaced by others. It may be lowered and run, or be refused; a traceback, a signal and
an internal fault are faults.
"""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from command_lines import call

CASES = 60
SEEDS = Path(__file__).parent / "filecheck" / "passes"
FILES = (
    "bufferize.mlir",
    "choose_schedule.mlir",
    "convert_linalg_to_vector.mlir",
    "fuse_epilogues.mlir",
    "generalise_linalg.mlir",
    "lower_to_cpu.mlir",
    "normalise_contractions.mlir",
    "normalise_contractions_conv.mlir",
    "pack_operands.mlir",
    "propagate_layouts.mlir",
)
_TOKEN = re.compile(r'"[^"\n]*"|[%@#!^]?[\w.$-]+|->|\s+|.', re.DOTALL)
_OTHERS = {
    "number": ["0", "1", "-1", "3", "7", "64", "4096", "1000000", "2147483648", "?"],
    "type": ["f32", "f64", "bf16", "i1", "i32", "index", "f80", "i7", "none"],
    "mark": [*"()[]{}<>,:=", "->", "x", "%", "affine_map<(d0) -> (d0)>"],
}


def kind_of(token: str) -> str:
    """What a token can be replaced by."""
    if re.fullmatch(r"-?\d+", token):
        return "number"
    return "type" if token in _OTHERS["type"] else "mark"


def mutated_shape(token: str, draw: random.Random) -> str:
    """`4x8xf32` with one of its parts replaced."""
    parts = token.split("x")
    i = draw.randrange(len(parts))
    parts[i] = draw.choice(_OTHERS["type" if i == len(parts) - 1 else "number"])
    return "x".join(parts)


def mutant(text: str, draw: random.Random) -> str:
    """The text with one to three tokens changed."""
    tokens = _TOKEN.findall(text)
    for _ in range(draw.randint(1, 3)):
        solid = [i for i, token in enumerate(tokens) if not token.isspace()]
        i, j = draw.choice(solid), draw.choice(solid)
        match draw.choice(("delete", "repeat", "swap", "replace", "replace")):
            case "delete":
                tokens[i] = ""
            case "repeat":
                tokens[i] = f"{tokens[i]} {tokens[i]}"
            case "swap":
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case _ if re.fullmatch(r"\d+x\w+", tokens[i]):
                tokens[i] = mutated_shape(tokens[i], draw)
            case _:
                tokens[i] = draw.choice(_OTHERS[kind_of(tokens[i])])
    return "".join(tokens)


def functions(name: str) -> list[str]:
    """The parts of a file that are programs of their own, without its comments."""
    text = re.sub(r"//(?! -----).*", "", (SEEDS / name).read_text())
    parts = re.split(r"^(?=func\.func )", text.replace("// -----", ""), flags=re.M)
    return [part for part in parts if part.startswith("func.func ")]


@pytest.mark.parametrize("case", range(CASES))
def test_mutants(tmp_path: Path, case: int):
    draw = random.Random(case)
    text = mutant(draw.choice(functions(draw.choice(FILES))), draw)
    (tmp_path / "mutant.mlir").write_text(text)
    for tool, *options in (("br-opt", "-p", "lower-to-cpu"), ("br-run",)):
        done = call(tool, "mutant.mlir", *options, folder=tmp_path)
        assert done.code in (0, 1), (text, done)
        for word in ("Traceback", "internal fault", "SIG"):
            assert word not in done.errors, (text, done)
        assert done.code == 0 or "mutant.mlir" in done.errors, (text, done)
