"""`set-target`: says which machine a module is compiled for.

    module { ... }
    ->
    module attributes {br.target = #br.target<"x86-64-v4", threads = 2>} { ... }

`set-target{target=x86-64-v4 threads=2}`; what is left out stays as it is, or is
x86-64-v3 on one thread where the module has no target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from brdialect.errors import BrError
from brdialect.target import set_target, target_named, target_of


@dataclass(frozen=True)
class SetTargetPass(ModulePass):
    """Attaches `br.target` to the module."""

    name = "set-target"

    target: str | None = None
    threads: int | None = None

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        old = target_of(op)
        row = old if self.target is None else target_named(self.target)
        threads = old.threads if self.threads is None else self.threads
        if threads < 1:
            raise BrError(f"expected at least 1 thread, got {threads}")
        set_target(op, replace(row, threads=threads))
