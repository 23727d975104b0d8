"""`br-compile FILE -o OUT`: machine code to keep, with a C interface."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.aot import (
    Library,
    c_name,
    embed_as_text,
    embed_from,
    find_linker,
    link_shared,
)
from runtime.cli.files import written_whole
from runtime.cli.options import add_constants, constants_of, parser
from runtime.cli.report import about, run_tool
from runtime.cli.spec import constant_arrays, shape_of_spec
from runtime.codegen import emit_assembly, emit_object
from runtime.host import resolve_target, same_architecture, with_exact
from runtime.program import Program, load_program
from runtime.ptx_file import write as write_ptx
from runtime.signature import Shapes

DESCRIPTION = "Compiles a function of an MLIR file to machine code that can be kept."

EXAMPLES = """\
The suffix of OUT says what is made:
  .ll   LLVM IR
  .s    assembly
  .o    an object
  .so   a shared library; the system's C compiler links it
  .ptx  kernels of an NVIDIA GPU (--target=nvptx64-...); OUT.json says how they are
        launched, OUT.npz holds the weights
Beside .o and .so stands a C header (OUT.h). Weights are inside; the C function packs
them at its first call. It is named like the entry, or like OUT where that is main.

examples:
  br-compile mlp.mlir -o mlp.so
  br-compile mlp.mlir -o mlp.so --constants=1 --input=4x2xf32 --input=@w.npy
  br-compile mlp.mlir -o mlp.s --target=aarch64
  br-compile mlp.mlir -o mlp.o --target=x86-64-v4 --threads=8
  br-compile mlp.mlir -o mlp.ptx --target=nvptx64-sm_80
"""

BINARY = (".o", ".so")
SUFFIXES = (".ll", ".s", *BINARY, ".ptx")


@dataclass(frozen=True)
class Options:
    """The command line."""

    file: Path
    entry: str | None
    target: str
    exact: bool
    tuned: bool
    output: Path
    threads: int
    input: list[str]
    constants: str


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """The options in `arguments` (sys.argv where None)."""
    p = parser("br-compile", DESCRIPTION, EXAMPLES)
    p.add_argument("-o", "--output", type=Path, required=True, metavar="OUT")
    p.add_argument(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="for parallel loops, default 1; more need an OpenMP runtime where it runs",
    )
    p.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SPEC",
        help="the sizes of an argument, such as 1x3x224x224xf32, where the file leaves "
        "them open; once for each, in order. Of those that --constants names, "
        "the values: 3x3xf32=@w.npy, or @net.safetensors:conv.weight",
    )
    add_constants(p)
    options = Options(**vars(p.parse_args(arguments)))
    if options.output.suffix not in SUFFIXES:
        raise BrError(
            f"expected an output named *{', *'.join(SUFFIXES)}, got {options.output}"
        )
    return options


def known_shapes(program: Program, options: Options) -> Shapes:
    """The sizes of all arguments."""
    signature = program.signature
    shapes = signature.static_shapes()
    if options.input:
        numbers = constants_of(options.constants)
        free = [x for i, x in enumerate(options.input) if i not in numbers]
        shapes = signature.bound_shapes([shape_of_spec(text) for text in free])
    if shapes is None:
        given = ", ".join(map(str, signature.parameters))
        raise BrError(
            f"{options.file}: expected the sizes of all arguments of "
            f"@{signature.entry} to be known ahead of time, got ({given}); give "
            "them, an --input=SPEC for each argument"
        )
    return shapes


def load(options: Options, target: Target) -> Program:
    """The program, with the arrays of --constants."""
    constants = constant_arrays(options.constants, options.input)
    return load_program(
        options.file, options.entry, target, constants, True, options.tuned
    )


def make_library(program: Program, options: Options) -> Library:
    """The entry of the file, lowered for the target."""
    signature = program.signature
    lowered = program.lowered(known_shapes(program, options))
    name = c_name(signature.entry, options.output)
    return Library(name, lowered, signature.parameters)


def make(options: Options, target: Target, folder: Path) -> tuple[Path, str]:
    """The output, made in `folder`, and the text of its header."""
    suffix = options.output.suffix
    linker = find_linker(target) if suffix == ".so" else ""
    program = load(options, target)
    library = make_library(program, options)
    fast = suffix in BINARY and same_architecture(target)
    text = library.llvm_ir(embed_from(folder) if fast else embed_as_text)
    made = folder / f"made{suffix}"
    if suffix == ".ll":
        made.write_text(text)
    elif suffix == ".s":
        made.write_text(program.generate(emit_assembly, text))
    else:
        image = program.generate(emit_object, text)
        if suffix == ".o":
            made.write_bytes(image)
        else:
            link_shared(linker, image, folder, made)
    return made, library.header(options.file.name, target)


def check_suffix(options: Options, target: Target) -> None:
    """Refuses a kind of output that the target does not have."""
    if target.is_gpu != (options.output.suffix == ".ptx"):
        want = ["*.ptx"] if target.is_gpu else [f"*{s}" for s in SUFFIXES[:-1]]
        raise BrError(
            f"expected an output named {', '.join(want)} for {target.name}, got "
            f"{options.output}"
        )


def make_kernels(options: Options, target: Target, folder: Path) -> list[Path]:
    """The PTX and what stands beside it, made in `folder`."""
    program = load(options, target)
    code = program.device_code(known_shapes(program, options))
    made = folder / options.output.name
    parameters = program.signature.parameters
    return write_ptx(code, parameters, options.file.name, target, made)


def run(options: Options) -> int:
    """The exit code of br-compile."""
    target = resolve_target(options.target, options.threads)
    target = with_exact(target, options.exact)
    check_suffix(options, target)
    with ExitStack() as stack:
        # Nothing is written beside the user's files before all is made.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if target.is_gpu:
            with about(options.file):
                files = make_kernels(options, target, folder)
            for file in files:
                path = stack.enter_context(
                    written_whole(options.output.with_suffix(file.suffix))
                )
                path.write_bytes(file.read_bytes())
            return 0
        with about(options.file):
            made, header = make(options, target, folder)
        output = stack.enter_context(written_whole(options.output))
        output.write_bytes(made.read_bytes())
        if options.output.suffix in BINARY:
            path = options.output.with_suffix(".h")
            stack.enter_context(written_whole(path)).write_text(header)
    return 0


def main() -> int:
    """The command `br-compile`."""
    return run_tool(lambda: run(parse_options()))


if __name__ == "__main__":
    raise SystemExit(main())
