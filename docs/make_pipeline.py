"""Writes docs/pipeline.md: a program after each stage of the pipeline.

    python docs/make_pipeline.py

`tests/test_docs.py` fails where the page is not what this script writes.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from brdialect.source import read_module
from brdialect.target import target_of
from passes import registry
from passes.llvm.llvm_text import llvm_ir
from passes.pipelines import STAGES
from runtime.codegen import emit_assembly

DOCS = Path(__file__).parent
PROGRAM = DOCS / "conv_bias_relu.mlir"
PAGE = DOCS / "pipeline.md"
WIDTH = 88
NO_BREAK = "\0"
UNITS = r'"[^"]*"|affine_map<.*?\)>|memref<[^<>]*strided<[^<>]*>>'

HEAD = """\
# The pipeline

<!-- Written by docs/make_pipeline.py; change that, not this. -->

What happens to a program, in the order in which it happens. The stages are the tuple
`STAGES` in [passes/pipelines.py](../passes/pipelines.py); each pass has a file of its
name in a folder of [passes/](../passes/), whose docstring says what it does. Here is
what they do to one small convolution with bias and ReLU,
[conv_bias_relu.mlir](conv_bias_relu.mlir):

{program}

Each section shows the program *after* its stage; before it, it is what the section
above shows. Functions that a stage leaves alone are not shown again, and
`canonicalize,cse` have tidied up what is printed. Long lines are broken, and
`#parallel` and `#reduction` stand for `#linalg.iterator_type<parallel>` and
`#linalg.iterator_type<reduction>`. To see it for yourself, run the passes up to any
point:

```sh
br-opt docs/conv_bias_relu.mlir -p generalise-linalg,normalise-contractions
br-opt docs/conv_bias_relu.mlir -p lower-to-cpu --print-between-passes
```
"""

TEXT = {
    "normalise": """\
Every named operation becomes a `linalg.generic`, and every one that multiplies and adds
becomes a `br.contract`. What kind of product or convolution it is, the indexing maps
say; from here on nothing asks for its name. Of the two operands the one with the
contiguous dimension of the result is `b`: here those are the pixels of the image.""",
    "layout": """\
Channels last is the layout in which channels, and with them packed weights, are the
columns of the micro-kernel. The result of the convolution takes that layout; the image
`a` is read element by element and may stay as it is. The transpose sinks through the
operations that follow until it meets another or, as here, the end of the program.""",
    "fuse": """\
The bias that the convolution starts from and the ReLU that follows it become its
epilogue: they are applied while the sums are still in registers. `beta = 0` says that
what stood in the result before is not read.""",
    "schedule": """\
Each contraction gets its loops as a line of text (the language is described in
[brdialect/schedule.py](../brdialect/schedule.py)). The letters are the iterators in
their order, d0 = `a`: one loop over rows of pixels and one over blocks of 16 channels,
both parallel since they are capitals; pixels of a row are the rows `m` of the
micro-kernel, output channels its columns `n`; it keeps 4 x 2 vectors in registers. The
weights are copied into panels of 16 columns, as `pack=b16` asks.""",
    "load": """\
The weights are bound at load time (`br.bound`), so packing them is not part of the
call: it moves to a function that the loader runs once. Out of a loop over tensors moves
first what is the same in each trip; this program has no such loop.""",
    "bufferize": """\
What is computed for a padding, and read elsewhere as well, is read in the padding: so
it can be computed there. Then tensors become memory. Results are arguments that the
caller provides; what is neither argument nor result lies in one arena, whose pieces are
used again. What `scf.for`, `scf.while` and `scf.if` carry and yield lies in such
pieces, too. Where threads share the trips of a loop (`br.parallel`, made by
`transform-windows`) each has its own.""",
    "outline": """\
Each distinct operation on memory becomes a function, and so does a loop whose trips
threads share, with all that is in it. The layers of a network repeat, so what follows
is done once for each kind.""",
    "loops": """\
The loops of the schedule appear around the only compute operation,
[`br.batch_reduce_gemm`](batch_reduce_gemm.md). The window of the convolution is a
strided view of the image: channels and taps, which are summed over, are its batch and
k. The bias is a view of row stride 0. All other operations become loops of vector code:
here the packing and the transpose, which from here on are not shown.""",
    "parallel": """\
A parallel loop becomes a function that a team of threads runs, each thread a range of
the tasks. For one thread, and inside of another parallel loop, it is a plain loop.""",
    "vector": """\
The micro-kernel. Its accumulators are values that the loops over batch and k carry, so
they stay in registers; the epilogue works on them before they are stored. One step of
k stands here; LLVM writes out the four of the loop marked `br.unroll`. Functions of
`math` become arithmetic here; this program has none.""",
    "llvm": """\
Structured control flow becomes branches, memory becomes pointers, everything becomes
the llvm dialect. The innermost loop of the micro-kernel:""",
}
"""What each stage does to this program."""

LABEL = re.compile(r"\s*(\^bb\d+.*:|block\d+:|\.LBB\S+:)$")
JUMP = re.compile(r"\s*(llvm\.br|br|j\w+)\s")


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())


def page() -> str:
    """The text of docs/pipeline.md."""
    loops = [stage for stage, _ in STAGES].index("loops")
    parts = [HEAD.format(program=fenced(PROGRAM.read_text(), "mlir"))]
    module = read_module(PROGRAM)
    before = functions(module)
    for number, (stage, names) in enumerate(STAGES, 1):
        for name in names:
            registry.pass_named(name)().apply(Context(), module)
        after = functions(module)
        parts.append(f"## {number}. {stage}: {', '.join(f'`{n}`' for n in names)}\n")
        parts.append(TEXT[stage] + "\n")
        shown = "\n".join(
            text
            for name, text in after.items()
            if before.get(name) != text and not (number > loops and "generic" in name)
        )
        parts.append(fenced(inner_loop(shown) if stage == "llvm" else shown, "mlir"))
        before = after
    parts += machine_code(module)
    return "\n".join(parts)


def machine_code(module: ModuleOp) -> Iterator[str]:
    """The last two sections: what LLVM is given, and what it makes of it."""
    ir = llvm_ir(module)
    yield "## LLVM IR\n"
    yield "The same loop as LLVM reads it (`br-opt -t llvmir`):\n"
    yield fenced(inner_loop(ir), "llvm")
    loop = inner_loop(emit_assembly(ir, target_of(module)))
    loads = len(re.findall("vmovups", loop))
    broadcasts = len(re.findall("vbroadcastss", loop))
    products = len(re.findall("vfmadd", loop))
    stack = "no" if "rsp" not in loop else "some"
    yield "## Machine code\n"
    yield (
        f"And as it runs (`br-opt -t asm`): {loads} loads, {broadcasts} broadcasts, "
        f"{products} multiply-adds,\nand {stack} traffic with the stack.\n"
    )
    yield fenced(loop, "asm")


def functions(module: ModuleOp) -> dict[str, str]:
    """The text of each function, tidied up for people to read."""
    tidy = module.clone()
    for name in ("canonicalize", "cse"):
        registry.pass_named(name)().apply(Context(), tidy)
    texts = [str(op) for op in tidy.body.block.ops]
    return {re.findall(r"@(\w+)", text)[0]: broken(text) for text in texts}


def broken(text: str) -> str:
    """Lines of at most `WIDTH` columns; strings, maps and strided types stay whole."""
    text = re.sub(r"#linalg.iterator_type<(\w+)>", r"#\1", text)
    text = re.sub(UNITS, _without_spaces, text)
    lines: list[str] = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        lines += textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines).replace(NO_BREAK, " ") + "\n"


def _without_spaces(match: re.Match[str]) -> str:
    return match[0].replace(" ", NO_BREAK)


def inner_loop(text: str) -> str:
    """From the label before the first fused multiply-add to the jump back."""
    lines = text.splitlines()
    product = next(i for i, line in enumerate(lines) if re.search("fma|fmadd", line))
    start = max(i for i in range(product) if LABEL.match(lines[i]))
    end = next(i for i in range(product, len(lines)) if JUMP.match(lines[i]))
    after = (i for i in range(end + 1, len(lines)) if not lines[i].startswith(" " * 6))
    return "\n".join(lines[start : next(after)]) + "\n"


def fenced(text: str, language: str) -> str:
    """A block of code."""
    return f"```{language}\n{text.expandtabs(8).rstrip()}\n```\n"


if __name__ == "__main__":
    main()
