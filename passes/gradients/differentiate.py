"""`differentiate`: the gradient of a function on tensors, as another function.

    func.func @f(%x: tensor<8x4xf32>, %w: tensor<4x3xf32>) -> tensor<8x3xf32> {
      %y = linalg.matmul ins(%x, %w) ...
      %z = tanh of %y
      return %z
    ->
    func.func @f_forward(%x, %w) -> (tensor<8x3xf32>, tensor<8x3xf32>) {
      ...
      return %z, %y                                        // the result; what is saved
    }
    func.func @f_backward(%x, %w, %y, %dz: tensor<8x3xf32>)
        -> (tensor<8x4xf32>, tensor<4x3xf32>) {
      %dy = linalg.generic ins(%dz, %y) { dz * (1 - tanh(y)^2) }
      %dx = linalg.generic ins(%dy, %w) { dx[m, k] += dy[m, n] * w[k, n] }
      %dw = linalg.generic ins(%dy, %x) { dw[k, n] += dy[m, n] * x[m, k] }
      return %dx, %dw
    }

The backward function takes the original arguments, then what the forward function
saved, then the gradient of each result of floats; it returns the gradients of the
arguments in `wrt`, or of all that are tensors of floats. What the gradients need of the
forward function is computed again where that is cheap (element-wise work, padding,
slices, reshapes) and saved where it is a sum: contractions, poolings, norms, recurrent
layers (their results, and `saved`, what gradients need of each step). If nothing is
saved there is no `@f_forward`. With `save=false` all is computed again.

The rules are in passes/gradients: one for every linalg.generic (the function is
generalised first), one for each operation that moves elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import func, tensor
from xdsl.dialects.builtin import AnyFloat, ModuleOp, StringAttr, TensorType, UnitAttr
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Attribute, Block, BlockArgument, Operation, Region, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriter, PatternRewriteWalker
from xdsl.transforms.dead_code_elimination import region_dce
from xdsl.utils.hints import isa

from brdialect.errors import BrError, unsupported
from brdialect.recurrent import SequenceOp
from brdialect.xdsl_repairs import SoftmaxOp
from passes.fuse.fuse_epilogues import erase_unused
from passes.gradients import generics, recurrent, softmax, tensors
from passes.gradients.scalar_rules import add
from passes.gradients.spaces import reductions_of
from passes.normalise.generalise_linalg import GeneraliseLinalg
from passes.normalise.recurrent_sequences import (
    cells_as_sequences,
    save_all,
    save_what_is_used,
)
from passes.shared.build import clone_op, shape_of, tensor_type
from passes.shared.linalg_match import parallel_generic
from passes.shared.load_time import used_by

FORWARD, BACKWARD = "_forward", "_backward"
"""The ends of the new functions' names."""

GRADIENTS = "br.gradients"
"""Marks a function that computes them: what a user wrote as a sum of products is added
up as written, what the rules wrote is not (factor_sums.py)."""


class GeneraliseButSoftmax(GeneraliseLinalg):
    """Softmax has a gradient of its own, which is shorter than that of its parts."""

    def match_and_rewrite(self, op: Operation, rewriter: PatternRewriter) -> None:
        if not isinstance(op, SoftmaxOp):
            super().match_and_rewrite(op, rewriter)


def is_float_tensor(type_: Attribute) -> bool:
    """Whether values of the type have gradients."""
    return isa(type_, TensorType) and isinstance(type_.element_type, AnyFloat)


def is_dear(op: Operation) -> bool:
    """Whether its result is saved and not computed again: it is a sum of many."""
    if isinstance(op, linalg.GenericOp):
        return bool(reductions_of(op))
    return isinstance(op, SoftmaxOp | SequenceOp)


def prepare(function: func.FuncOp) -> None:
    """Brings all operations into the forms that have gradients."""
    PatternRewriteWalker(
        GeneraliseButSoftmax(), apply_recursively=False
    ).rewrite_region(function.body)
    cells_as_sequences(function.body)
    save_all(function.body)


def active_values(function: func.FuncOp, wrt: Sequence[int]) -> set[SSAValue]:
    """Everything that depends on the chosen arguments, floats only."""
    found: set[SSAValue] = {function.body.block.args[i] for i in wrt}
    for op in function.body.block.ops:
        if not found.isdisjoint(used_by(op)):
            found.update(
                r
                for r in op.results
                if is_float_tensor(r.type) or isinstance(r.type, AnyFloat)
            )
    return found


class Backward:
    """The backward function while it is written: a `Tape`."""

    def __init__(self, function: func.FuncOp, wrt: Sequence[int], save: bool) -> None:
        self.function, self.wrt, self.save = function, wrt, save
        source = function.body.block
        self.block = Block(arg_types=[a.type for a in source.args])
        self._active = active_values(function, wrt)
        self._known: dict[SSAValue, SSAValue] = {}
        for old, new in zip(source.args, self.block.args, strict=True):
            self._known[old] = new
            new.name_hint = old.name_hint
        self.saved: list[SSAValue] = []
        self._gradients: dict[SSAValue, SSAValue] = {}

    def is_kept(self, op: Operation) -> bool:
        """Whether the results of an op are there: where all of the forward function
        stands in this one."""
        return not self.save

    def is_active(self, value: SSAValue) -> bool:
        """Whether the value depends on what the gradient is asked for."""
        return value in self._active

    def gradient(self, value: SSAValue) -> SSAValue | None:
        """The gradient so far."""
        return self._gradients.get(value)

    def add(self, value: SSAValue, gradient: SSAValue) -> None:
        """Adds a part to the gradient of a value; nothing for one that has none."""
        if not self.is_active(value):
            return
        old = self._gradients.get(value)
        with ImplicitBuilder(self.block):
            self._gradients[value] = gradient if old is None else sum_of(old, gradient)

    def forward(self, value: SSAValue) -> SSAValue:
        """What stands for a value of the function here: recomputed or saved."""
        if value not in self._known:
            op = value.owner
            assert isinstance(op, Operation)
            if self.save and is_dear(op):
                place = len(self.function.body.block.args) + len(self.saved)
                self.saved.append(value)
                self._known[value] = self.block.insert_arg(value.type, place)
                self._known[value].name_hint = value.name_hint
            else:
                for needed in used_by(op):
                    self.forward(needed)
                with ImplicitBuilder(self.block):
                    clone_op(op, self._known).location = op.location
        return self._known[value]

    def write(self) -> func.FuncOp:
        """The finished function."""
        *ops, last = self.function.body.block.ops
        assert isinstance(last, func.ReturnOp)
        for result in last.arguments:
            if is_float_tensor(result.type):
                given = self.block.insert_arg(result.type, len(self.block.args))
                given.name_hint = f"d{result.name_hint or 'result'}"
                self.add(result, given)
        with ImplicitBuilder(self.block):
            for op in reversed(ops):
                if any(self.gradient(r) is not None for r in op.results):
                    before = self.block.last_op
                    self.visit(op)
                    self.locate(op, before)
            arguments = [self.function.body.block.args[i] for i in self.wrt]
            results = [self.gradient(a) or zeros(a) for a in arguments]
            func.ReturnOp(*results)
        types = [a.type for a in self.block.args], [r.type for r in results]
        name = self.function.sym_name.data + BACKWARD
        new = func.FuncOp(name, types, Region(self.block))
        new.attributes[GRADIENTS] = UnitAttr()
        new.location = self.function.location
        return new

    def visit(self, op: Operation) -> None:
        """Adds to the gradients of the op's operands."""
        if isinstance(op, linalg.GenericOp):
            generics.generic_rule(op, self)
        elif isinstance(op, SoftmaxOp):
            softmax.softmax_rule(op, self)
        elif isinstance(op, SequenceOp):
            recurrent.recurrent_rule(op, self)
        elif isinstance(op, linalg.FillOp):
            scalar = op.inputs[0].owner
            if self.is_active(op.inputs[0]) and isinstance(scalar, Operation):
                self.visit(scalar)  # which has no rule
        elif (rule := tensors.RULES.get(type(op))) is not None:
            rule(op, self.gradient(op.results[0]), self)
        else:
            known = ", ".join(o.name for o in tensors.RULES)
            unsupported(
                op,
                f"expected an operation with a gradient, got {op.name}; those are "
                f"linalg operations, br.lstm, br.gru, br.rnn and their cells, {known}",
            )

    def locate(self, op: Operation, before: Operation | None) -> None:
        """Lets what was added since `before` stand at the place of its op."""
        new = self.block.last_op
        while new is not None and new is not before:
            new.location = op.location
            new = new.prev_op


def sum_of(x: SSAValue, y: SSAValue) -> SSAValue:
    """Emits the sum of two tensors."""
    type_ = tensor_type(x)
    block = Block(arg_types=[type_.element_type] * 3)
    with ImplicitBuilder(block) as (a, b, _):
        linalg.YieldOp(add(a, b))
    same = AffineMap.identity(len(shape_of(x)))
    empty = tensor.EmptyOp((), type_).tensor
    return parallel_generic([x, y], empty, [same, same], block).res[0]


def zeros(like: SSAValue) -> SSAValue:
    """Emits the gradient of an argument that has no influence."""
    return tensors.filled(0.0, tensor_type(like))


def forward_function(function: func.FuncOp, saved: Sequence[SSAValue]) -> func.FuncOp:
    """A copy of the function that also returns what is saved."""
    known: dict[SSAValue, SSAValue] = {}
    new = function.clone(known)
    new.sym_name = StringAttr(function.sym_name.data + FORWARD)
    last = new.body.block.last_op
    assert isinstance(last, func.ReturnOp)
    last.operands = [*last.operands, *(known[v] for v in saved)]
    new.update_function_type()
    return new


@dataclass(frozen=True)
class DifferentiatePass(ModulePass):
    """Adds the backward function of one function on tensors.

    `differentiate{entry=f wrt=0,2}`: with respect to arguments 0 and 2.
    """

    name = "differentiate"

    entry: str | None = None
    wrt: tuple[int, ...] | None = None
    save: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        function = self.function(op)
        wrt = self.arguments(function)
        prepare(function)
        backward = Backward(function, wrt, self.save)
        new = backward.write()
        op.body.block.insert_op_after(new, function)
        if backward.saved:
            forward = forward_function(function, backward.saved)
            op.body.block.insert_op_after(forward, function)
        erase_unused(op)
        region_dce(new.body)
        save_what_is_used(op.body)

    def function(self, module: ModuleOp) -> func.FuncOp:
        """The function to differentiate; checks that it can be."""
        found = {f.sym_name.data: f for f in module.ops if isinstance(f, func.FuncOp)}
        entry = next(iter(found)) if self.entry is None and len(found) == 1 else "main"
        entry = entry if self.entry is None else self.entry
        if entry not in found:
            raise BrError(
                f"differentiate: expected entry to be a function out of "
                f"{', '.join(found)}, got '{entry}'"
            )
        function = found[entry]
        if len(function.body.blocks) != 1:
            unsupported(function, "expected one block, got branches between blocks")
        for op in (function, *function.body.block.ops):
            values = function.body.block.args if op is function else op.results
            for v in values:
                if isa(v.type, TensorType) and not v.type.has_static_shape():
                    unsupported(
                        op,
                        f"expected static sizes to differentiate, got {v.type}; write "
                        "the sizes into the arguments' types",
                    )
        return function

    def arguments(self, function: func.FuncOp) -> Sequence[int]:
        """The arguments whose gradients are asked for."""
        args: Sequence[BlockArgument] = function.body.block.args
        if self.wrt is None:
            return [i for i, a in enumerate(args) if is_float_tensor(a.type)]
        for i in self.wrt:
            if not 0 <= i < len(args):
                unsupported(
                    function,
                    f"expected wrt to name arguments out of 0 to {len(args) - 1}, got "
                    f"{i}",
                )
            if not is_float_tensor(args[i].type):
                unsupported(
                    function,
                    f"expected wrt to name tensors of floats, got argument {i} of "
                    f"type {args[i].type}",
                )
        return self.wrt
