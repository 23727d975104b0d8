"""Ahead of time: a library with a C interface that needs no Python.

Around the kernel and the load function stands one C function,

    int NAME(const float *arg0, ..., float *out0, ...);

which packs the weights when it is first called. Weights, packed weights and workspace
are globals, so nothing is allocated. Where the number of steps of sequences is open,

    int NAME(const float *arg0, ..., float *out0, ..., int64_t steps, void *workspace);

takes it too, and if the workspace grows with it, a workspace from the caller.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np

from brdialect.arrays import Array
from brdialect.interface import Interface
from brdialect.mistake import BrError
from brdialect.targets import Target
from runtime.arguments import Parameter
from runtime.host import architecture, same_architecture
from runtime.program import Lowered
from runtime.threads import SYMBOLS

Embed = Callable[[str, Array], str]
"""(symbol, bytes) -> LLVM IR that defines the symbol as those bytes."""

# numpy's name: C's and LLVM's
_TYPES = {
    "bool": ("bool", "i1"),
    "float16": ("uint16_t", "half"),
    "float32": ("float", "float"),
    "float64": ("double", "double"),
    **{
        f"{sign}int{bits}": (f"{sign}int{bits}_t", f"i{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}

_LARGEST = 2 << 30  # what code addresses relative to itself


@dataclass(frozen=True)
class Library:
    """One compiled entry as it appears in C."""

    name: str
    lowered: Lowered
    parameters: Sequence[Parameter]

    @property
    def results(self) -> list[Parameter]:
        """The results, each behind a pointer."""
        return [Parameter(tuple(s), np.dtype(d)) for s, d in self._interface.results]

    @property
    def _interface(self) -> Interface:
        return self.lowered.interface

    def llvm_ir(self, embed: Embed) -> str:
        """The whole library as LLVM IR text; `embed` says how weights stand in it."""
        interface, name = self._interface, self.name
        module = llvm.parse_assembly(self.lowered.llvm_ir)
        packed = {
            f"{name}.packed{i}": size for i, size in enumerate(interface.load_results)
        }
        weights = {f"{name}.weight{i}": w for i, w in enumerate(self.lowered.weights)}
        buffers = dict(packed)
        workspace = "ptr %workspace"
        if not interface.arena_step_bytes:
            buffers[f"{name}.workspace"] = interface.arena_bytes
            workspace = f"ptr @{name}.workspace"
        self._check_size(sum(buffers.values()))
        scalars = [_TYPES[str(p.dtype)][1] if p.scalar else "" for p in self.parameters]
        arguments = [f"{type_ or 'ptr'} %arg{i}" for i, type_ in enumerate(scalars)]
        results = [f"ptr %out{i}" for i in range(len(self.results))]
        pointers = [f"ptr @{symbol}" for symbol in packed]
        kernel_call = _internal_call(
            module,
            interface.entry,
            f"{name}.kernel",
            self._with_sizes(arguments, pointers, results, workspace),
        )
        load_call = ""
        if interface.load_entry is not None:
            given = [f"ptr @{symbol}" for symbol in weights]
            load_call = _internal_call(
                module,
                interface.load_entry,
                f"{name}.load",
                [*given, *pointers, workspace],
            )
        wrapper = _WRAPPER.format(
            name=name,
            signature=", ".join([*arguments, *results, *self._extra("i64 %", "ptr %")]),
            pack=load_call,
            run=_workspace_size(interface) + kernel_call,
        )
        memory = [
            f"@{symbol} = internal global [{size} x i8] zeroinitializer, align 64"
            for symbol, size in buffers.items()
        ]
        data = [embed(symbol, array) for symbol, array in weights.items()]
        return "\n".join([str(module), *data, *memory, wrapper])

    def _extra(self, number: str, pointer: str) -> list[str]:
        """The parameters behind the arrays, each behind its type."""
        open_, grows = self._interface.open_sizes, self._interface.arena_step_bytes
        return [f"{number}steps"] * bool(open_) + [f"{pointer}workspace"] * bool(grows)

    def _with_sizes(
        self,
        arguments: Sequence[str],
        packed: Sequence[str],
        results: Sequence[str],
        workspace: str,
    ) -> list[str]:
        """What the kernel takes: behind each pointer the sizes that are open."""
        steps, interface = "i64 %steps", self._interface
        taken: list[str] = []
        for i, argument in enumerate(arguments):
            taken += [argument, *[steps for j, _ in interface.open_sizes if i == j]]
        taken += packed
        for result, (shape, _) in zip(results, interface.results, strict=True):
            taken += [result, *[steps] * shape.count(None)]
        return [*taken, workspace, *["i64 %bytes"] * bool(interface.arena_step_bytes)]

    def _check_size(self, buffers: int) -> None:
        total = buffers + sum(w.nbytes for w in self.lowered.weights)
        if total > _LARGEST:
            raise BrError(
                "expected weights and workspace of at most 2 GiB in a library, got "
                f"{total / 2**30:.1f} GiB; brdialect.compile has no such limit"
            )

    def header(self, source: str, target: Target) -> str:
        """The C header."""
        guard = f"{self.name.upper()}_H"
        parameters = [
            (f"arg{i}", p, not p.in_place) for i, p in enumerate(self.parameters)
        ] + [(f"out{i}", p, False) for i, p in enumerate(self.results)]
        lines = [f" *   {name}: {_described(p)}" for name, p, _ in parameters]
        declared = [_declared(*parameter) for parameter in parameters]
        declared += self._extra("int64_t ", "void *")
        size = ""
        if self._interface.open_sizes:
            lines.append(" *   steps: how many the sequences have, at least 0")
        if self._interface.arena_step_bytes:
            macro = f"{self.name.upper()}_WORKSPACE"
            lines.append(f" *   workspace: {macro}(steps) bytes at a multiple of 64")
            fixed, each = self._interface.arena_bytes, self._interface.arena_step_bytes
            size = f"#define {macro}(steps) ({fixed} + {each} * (uint64_t)(steps))\n\n"
        threads = f"{target.threads} thread" + "s" * (target.threads > 1)
        return _HEADER.format(
            source=source,
            target=f"{target.name}, {threads}",
            guard=guard,
            name=self.name,
            parameters="\n".join(lines),
            declaration=f"{size}int {self.name}({', '.join(declared) or 'void'});",
        )


# One call at a time: the first one finds @busy at 0 and sets it to 1.
_WRAPPER = """
@{name}.busy = internal global i8 0
@{name}.ready = internal global i8 0
define i32 @{name}({signature}) {{
  %taken = cmpxchg ptr @{name}.busy, i8 0, i8 1 acquire monotonic
  %mine = extractvalue {{ i8, i1 }} %taken, 1
  br i1 %mine, label %enter, label %refuse
refuse:
  ret i32 1
enter:
  %ready = load i8, ptr @{name}.ready
  %is.ready = icmp ne i8 %ready, 0
  br i1 %is.ready, label %run, label %pack
pack:
  {pack}
  store i8 1, ptr @{name}.ready
  br label %run
run:
  {run}
  store atomic i8 0, ptr @{name}.busy release, align 1
  ret i32 0
}}
"""

_HEADER = """\
/* Made by br-compile from {source} for {target}.
 *
{parameters}
 *
 * Arrays are row-major and contiguous, at their elements' own alignment. Results must
 * not overlap arguments. The first call packs the weights. One call at a time: a call
 * while another thread is inside returns 1 and does nothing; 0 means done.
 */
#ifndef {guard}
#define {guard}

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif

{declaration}

#ifdef __cplusplus
}}
#endif

#endif
"""


def _workspace_size(interface: Interface) -> str:
    """What computes %bytes, where that depends on the number of steps."""
    if not interface.arena_step_bytes:
        return ""
    return (
        f"%grown = mul i64 %steps, {interface.arena_step_bytes}\n  "
        f"%bytes = add i64 %grown, {interface.arena_bytes}\n  "
    )


def _described(parameter: Parameter) -> str:
    if parameter.scalar:
        return f"one {parameter.dtype}"
    sizes = " x ".join("steps" if n is None else str(n) for n in parameter.shape)
    note = " (its 16 bits)" if parameter.dtype == np.float16 else ""
    return f"{sizes or 'one'} {parameter.dtype}{note}"


def _declared(name: str, parameter: Parameter, constant: bool) -> str:
    c_type = _TYPES[str(parameter.dtype)][0]
    if parameter.scalar:
        return f"{c_type} {name}"
    return f"{'const ' if constant else ''}{c_type} *{name}"


def _internal_call(
    module: llvm.ModuleRef, function_name: str, name: str, arguments: Sequence[str]
) -> str:
    """A call of a function of the module, which no one outside sees any more and which
    is now called `name`: the library itself may have its name, or C may.

    The last argument is the workspace, which not every function takes.
    """
    function = module.get_function(function_name)
    function.name = name
    function.linkage = "internal"
    taken = len(list(function.arguments))
    assert taken in (len(arguments), len(arguments) - 1)
    return f"call void @{name}({', '.join(arguments[:taken])})"


def embed_as_text(symbol: str, array: Array) -> str:
    """Bytes as an LLVM string: for outputs that are text."""
    hexadecimal = np.array([f"\\{byte:02X}".encode() for byte in range(256)], "S3")
    text = hexadecimal[array.reshape(-1).view(np.uint8)].tobytes().decode()
    return f'@{symbol} = internal constant [{array.nbytes} x i8] c"{text}", align 64'


def embed_from(folder: Path) -> Embed:
    """Bytes through files in `folder` that the assembler reads, which spares LLVM the
    parse of a long text. For machine code of this architecture only, since llvmlite
    comes with this architecture's assembler alone."""
    llvm.initialize_native_asmparser()

    def embed(symbol: str, array: Array) -> str:
        path = folder / symbol
        array.tofile(path)
        lines = (
            '.section .rodata,"a",@progbits',
            ".balign 64",
            f"{symbol}:",
            f'.incbin "{path}"',
            ".previous",
        )
        escaped = (line.replace("\\", "\\5C").replace('"', "\\22") for line in lines)
        return "\n".join(
            [
                *(f'module asm "{line}"' for line in escaped),
                f"@{symbol} = external hidden constant [{array.nbytes} x i8]",
            ]
        )

    return embed


def c_name(entry: str, path: Path) -> str:
    """The C function's name: the entry's, or where C has that name itself (`main`) or
    cannot have it, the file's."""
    for name in (entry, re.sub(r"\W", "_", path.stem, flags=re.ASCII)):
        reserved = re.fullmatch(f"main|{_C_KEYWORDS}", name)
        if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and not reserved:
            return name
    raise BrError(
        f"expected an entry or a file whose name can be a C function's, got @{entry} "
        f"and {path.name}; name the file otherwise"
    )


_C_KEYWORDS = (
    "auto|break|bool|case|char|const|continue|default|do|double|else|enum|extern|float|"
    "for|goto|if|inline|int|long|register|restrict|return|short|signed|sizeof|static|"
    "struct|switch|typedef|union|unsigned|void|volatile|while"
)


def find_linker(target: Target) -> str:
    """The system's C compiler, which knows where its libraries are."""
    native = same_architecture(target)
    cross = f"{architecture(target)}-linux-gnu-gcc"
    tools = ("cc", "gcc", "clang") if native else (cross,)
    tool = next(filter(None, map(shutil.which, tools)), None)
    if tool is None:
        raise BrError(
            f"expected {' or '.join(tools)} on the PATH, to link a shared library for "
            f"{target.name}, got none; install it, or make an object (.o) instead"
        )
    return tool


def link_shared(linker: str, image: bytes, folder: Path, output: Path) -> None:
    """An object's bytes -> a shared library."""
    object_file = folder / "library.o"
    object_file.write_bytes(image)
    team = ["-fopenmp"] if any(name.encode() in image for name in SYMBOLS) else []
    command = [linker, "-shared", "-o", str(output), str(object_file), *team, "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrError(f"{linker} could not link {output.name}:\n{done.stderr.strip()}")
