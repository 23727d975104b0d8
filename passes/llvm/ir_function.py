"""The body of an llvm.func as LLVM IR text: names, blocks and phis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from xdsl.dialects import llvm
from xdsl.ir import Block, Operation, SSAValue

from brdialect.errors import unsupported
from passes.llvm.intrinsics import INTRINSICS, RESULT, known_intrinsic
from passes.llvm.ir_instructions import INSTRUCTIONS, LITERALS, flags_of
from passes.llvm.ir_values import mangled, type_text
from passes.shared.build import UNROLL

METADATA: Sequence[str] = (
    "!{i32 1}",
    '!{!"llvm.loop.unroll.disable"}',
    '!{!"llvm.loop.unroll.full"}',
)
"""!0 is what !nontemporal asks for; !1 and !2 are what a loop can say."""


class FunctionText:
    """Collects the lines of one function, the intrinsics that it needs declared and the
    metadata that it refers to by their place."""

    def __init__(
        self, function: llvm.FuncOp, intrinsics: dict[str, str], metadata: list[str]
    ) -> None:
        self.function = function
        self.intrinsics = intrinsics
        self.metadata = metadata
        self.begun: set[Block] = set()
        self.names: dict[SSAValue, str] = {}
        self.labels: dict[Block, str] = {}
        self.lines: list[str] = []
        # Block arguments become phis: of each block, (label, values) per incoming edge
        self.incoming: dict[Block, list[tuple[str, Sequence[SSAValue]]]] = {}
        self._name_all()

    def _name_all(self) -> None:
        for number, block in enumerate(self.function.body.blocks):
            self.labels[block] = f"block{number}" if number else "entry"
            for arg in block.args:
                self._name(arg)
            for op in block.ops:
                if op.name in LITERALS:
                    self.names[op.results[0]] = LITERALS[op.name](op)
                else:
                    for result in op.results:
                        self._name(result)

    def _name(self, value: SSAValue) -> None:
        hint = f"{value.name_hint}." if value.name_hint else "v"
        self.names[value] = f"%{hint}{len(self.names)}"

    def typed(self, value: SSAValue) -> str:
        """`float %v3`"""
        return f"{type_text(value.type)} {self.names[value]}"

    def pairs(self, values: Sequence[SSAValue]) -> list[tuple[str, str]]:
        """`[("float", "%v3"), ...]`"""
        return [(type_text(v.type), self.names[v]) for v in values]

    def write(self, op: Operation, text: str) -> None:
        """One instruction, with its result's name in front."""
        if op.results:
            text = f"{self.names[op.results[0]]} = {text}"
        self.lines.append(f"  {text}")

    def edge(self, block: Block, target: Block, arguments: Sequence[SSAValue]) -> str:
        """`label %target`, and what the target's phis get from here.

        A phi has one value per block it comes from. A terminator that names a target
        twice with arguments reaches it by a block of its own the second time.
        """
        label, known = self.labels[block], self.incoming.setdefault(target, [])
        if arguments and any(label == other for other, _ in known):
            between = f"{label}.to.{self.labels[target]}.{len(known)}"
            self.between.append((between, target))
            label = between
        known.append((label, arguments))
        return f"label %{label if label != self.labels[block] else self.labels[target]}"

    def loop_hint(self, jump: Operation) -> str:
        """`, !llvm.loop !7` on a jump back: LLVM writes out the loops that ask for it,
        and no others."""
        if self.begun.isdisjoint(jump.successors):
            return ""
        number = len(self.metadata)
        hint = 2 if UNROLL in jump.attributes else 1
        self.metadata.append(f"distinct !{{!{number}, !{hint}}}")
        return f", !llvm.loop !{number}"

    def text(self) -> list[str]:
        """All lines between the braces."""
        bodies: list[tuple[Block, list[str]]] = []
        for block in self.function.body.blocks:
            self.begun.add(block)
            self.lines, self.between = [], cast("list[tuple[str, Block]]", [])
            for op in block.ops:
                self.instruction(op)
            for label, target in self.between:
                self.lines += [f"{label}:", f"  br label %{self.labels[target]}"]
            bodies.append((block, self.lines))
        lines: list[str] = []
        for number, (block, body) in enumerate(bodies):
            lines.append(f"{self.labels[block]}:")
            if number:
                lines += self._phis(block)
            lines += body
        return lines

    def _phis(self, block: Block) -> list[str]:
        edges = self.incoming.get(block, [])
        return [
            f"  {self.names[arg]} = phi {type_text(arg.type)} "
            + ", ".join(
                f"[ {self.names[values[i]]}, %{label} ]" for label, values in edges
            )
            for i, arg in enumerate(block.args)
            if edges
        ]

    def instruction(self, op: Operation) -> None:
        """The line or lines of one operation."""
        name = op.name
        if name in LITERALS:
            return
        if name in INSTRUCTIONS:
            INSTRUCTIONS[name](self, op)
        elif name.startswith("llvm.intr."):
            self.call_intrinsic(op, f"llvm.{name.removeprefix('llvm.intr.')}")
        elif not name.startswith("llvm."):
            unsupported(
                op,
                "LLVM IR: expected an operation of the llvm dialect, got "
                f"'{name}'; run -p lower-to-cpu first",
            )
        else:
            unsupported(op, "LLVM IR: expected an operation that has a text form here")

    def call_intrinsic(
        self,
        op: Operation,
        name: str,
        arguments: Sequence[tuple[str, str]] | None = None,
    ) -> None:
        """A call of an intrinsic, which is declared once for each list of types."""
        known = known_intrinsic(name)
        if known is None:
            unsupported(
                op,
                f"LLVM IR: expected an intrinsic out of passes/llvm/intrinsics.py, got "
                f"'{name}', which LLVM would turn into a call of an unknown function; "
                "run expand-math first",
            )
        result = op.results[0].type if op.results else llvm.LLVMVoidType()
        ends = [
            result if i == RESULT else op.operands[i].type for i in INTRINSICS[known]
        ]
        full = ".".join([known, *map(mangled, ends)])
        if arguments is None:
            arguments = self.pairs(op.operands)
        types = ", ".join(t for t, _ in arguments)
        self.intrinsics[full] = f"declare {type_text(result)} @{full}({types})"
        joined = ", ".join(f"{t} {value}" for t, value in arguments)
        self.write(op, f"call{flags_of(op)} {type_text(result)} @{full}({joined})")
