"""`fold-scales`: a batch-norm behind a contraction goes into its weights.

    br.contract ins(%x, %w) epilogue(%mean, %inv, %gamma, %beta) {
      ((acc - mean) * inv) * gamma + beta; maximumf ...
    ->
    %scale = linalg.generic ins(%mean, %inv, ..) { (1 * inv) * gamma }
    %shift = linalg.generic ins(%mean, %inv, ..) { ((0 - mean) * inv) * gamma + beta }
    %1 = linalg.generic ins(%w, %scale) { w * scale }
    br.contract ins(%x, %1) epilogue(%shift) { acc + shift; maximumf ... }

An epilogue may begin with any chain of sums and products with values that are known
when the model is loaded and that only the columns choose from. If the weights `b` are
known at load time too they take the product of the factors; of the chain one sum is
left. hoist-load-time moves the three generics out of the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xdsl.builder import ImplicitBuilder
from xdsl.context import Context
from xdsl.dialects import arith, tensor
from xdsl.dialects.builtin import AnyFloat, FloatAttr, ModuleOp, TensorType
from xdsl.dialects.linalg import ops as linalg
from xdsl.ir import Block, BlockArgument, Operation, Region, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.hints import isa

from brdialect.destination_op import YieldOp
from brdialect.ops import ContractOp
from passes.fuse.fuse_epilogues import new_block
from passes.shared.build import LocatedBuilder, clone_op, tensor_type
from passes.shared.linalg_match import parallel_generic
from passes.shared.load_time import is_load_time

_SCALES = (arith.MulfOp, arith.DivfOp)
_SHIFTS = (arith.AddfOp, arith.SubfOp)


@dataclass(frozen=True)
class Chain:
    """How an epilogue begins: `steps` take the accumulator to `result`."""

    steps: Sequence[Operation]
    result: SSAValue

    @property
    def factors(self) -> list[Operation]:
        """The steps that scale."""
        return [s for s in self.steps if is_scale(s)]

    @property
    def shifts(self) -> bool:
        """Whether a step adds."""
        return len(self.factors) < len(self.steps)

    def emit(
        self, steps: Sequence[Operation], start: float, known: dict[SSAValue, SSAValue]
    ) -> SSAValue:
        """Emits `steps` from 0 or 1 in place of the accumulator on."""
        type_ = self.result.type
        assert isa(type_, AnyFloat)
        value: SSAValue | None = None  # the number, as long as it is one
        carried: set[SSAValue] = {s.results[0] for s in self.steps}
        carried.add(_accumulator(self.steps[0]))
        for step in steps:
            if value is None:
                if start == 0 and is_scale(step):
                    continue
                if isinstance(step, arith.MulfOp if start == 1 else arith.AddfOp):
                    (other,) = (v for v in step.operands if v not in carried)
                    value = _clone_value(other, known)
                    continue
                value = arith.ConstantOp(FloatAttr(start, type_)).result
            own = [
                value if v in carried else _clone_value(v, known) for v in step.operands
            ]
            value = type(step).create(operands=own, result_types=[type_]).results[0]
        assert value is not None
        return value


def _accumulator(step: Operation) -> SSAValue:
    block = step.parent
    assert block is not None
    return block.args[0]


def _clone_value(value: SSAValue, known: dict[SSAValue, SSAValue]) -> SSAValue:
    """The value, after a copy of what computes it inside the epilogue."""
    owner = value.owner
    if value not in known and isinstance(owner, Operation):
        for operand in owner.operands:
            _clone_value(operand, known)
        clone_op(owner, known)
    return known.get(value, value)


def _column_maps(op: ContractOp) -> list[AffineMap]:
    """Those of the epilogue's operands, with 0 where the operand's size is 1: there a
    dimension, such as a batch of 1, chooses nothing."""
    zero = AffineExpr.constant(0)
    maps: list[AffineMap] = []
    for extra, m in zip(op.extras, op.maps[3:], strict=True):
        sizes = zip(m.results, tensor_type(extra).get_shape(), strict=True)
        results = tuple(zero if size == 1 else at for at, size in sizes)
        maps.append(AffineMap(m.num_dims, 0, results))
    return maps


def find_chain(op: ContractOp) -> Chain | None:
    """The longest chain that the epilogue begins with, if it scales."""
    if op.epilogue is None:
        return None
    block = op.epilogue.block
    b_dims = set(op.maps[1].results)
    fixed: set[SSAValue] = set()
    places = zip(block.args[1:], op.extras, _column_maps(op), strict=True)
    for arg, extra, map_ in places:
        dims = {AffineExpr.dimension(d) for d in map_.used_dims()}
        if dims <= b_dims and is_load_time(extra):
            fixed.add(arg)

    def is_fixed(value: SSAValue) -> bool:
        owner = value.owner
        if isinstance(owner, Block):
            return value in fixed
        return not owner.regions and all(map(is_fixed, owner.operands))

    value: SSAValue = block.args[0]
    steps: list[Operation] = []
    factors: list[SSAValue] = []
    while isinstance(use := value.get_user_of_unique_use(), _SCALES + _SHIFTS):
        other = use.rhs if use.lhs is value else use.lhs
        turned = isinstance(use, arith.SubfOp | arith.DivfOp) and use.rhs is value
        if turned or not is_fixed(other):
            break
        steps.append(use)
        factors += [other] * is_scale(use)
        value = use.result
    # a factor that is one number costs the epilogue nothing
    return Chain(steps, value) if depends(factors, {*block.args[1:]}) else None


def is_scale(step: Operation) -> bool:
    """Whether a step multiplies or divides."""
    return isinstance(step, _SCALES)


def depends(values: Iterable[SSAValue], arguments: set[SSAValue]) -> bool:
    """Whether values are computed from some of the arguments of an epilogue."""
    stack = list(values)
    while stack:
        value = stack.pop()
        if value in arguments:
            return True
        if isinstance(value.owner, Operation):
            stack += value.owner.operands
    return False


@dataclass(frozen=True)
class Folding:
    """Emits the new contraction in front of the old one."""

    op: ContractOp
    chain: Chain

    @property
    def body(self) -> Block:
        """The old epilogue."""
        assert self.op.epilogue is not None
        return self.op.epilogue.block

    def coefficient(
        self, steps: Sequence[Operation], start: float
    ) -> tuple[SSAValue, AffineMap]:
        """A tensor of the chain's scale or shift for each column, and its map."""
        extras = [
            (v, m)
            for v, m, arg in zip(
                self.op.extras, _column_maps(self.op), self.body.args[1:], strict=True
            )
            if self._reads(arg)
        ]
        dims = sorted({d for _, m in extras for d in m.used_dims()})
        rank = len(dims)
        b_map, b_shape = self.op.maps[1], tensor_type(self.op.b).get_shape()
        positions = [b_map.results.index(AffineExpr.dimension(d)) for d in dims]
        element = tensor_type(self.op.b).element_type
        type_ = TensorType(element, [b_shape[p] for p in positions])
        out = tensor.EmptyOp((), type_).tensor
        to_space: list[AffineExpr] = [AffineExpr.constant(0)] * b_map.num_dims
        for i, d in enumerate(dims):
            to_space[d] = AffineExpr.dimension(i)
        maps = [m.replace_dims_and_symbols(to_space, [], rank, 0) for _, m in extras]
        block = new_block([*(v for v, _ in extras), out])
        arguments = (a for a in self.body.args[1:] if self._reads(a))
        known: dict[SSAValue, SSAValue] = dict(
            zip(arguments, block.args[:-1], strict=True)
        )
        with ImplicitBuilder(block):
            value = self.chain.emit(steps, start, known)
            linalg.YieldOp(value)
        if isinstance(value, BlockArgument):  # there is nothing to compute
            return extras[value.index]
        result = parallel_generic([v for v, _ in extras], out, maps, block).res[0]
        return result, AffineMap(
            b_map.num_dims, 0, tuple(AffineExpr.dimension(d) for d in dims)
        )

    def _reads(self, argument: SSAValue) -> bool:
        """Whether the chain depends on an argument of the epilogue."""
        return depends((v for s in self.chain.steps for v in s.operands), {argument})

    def scaled_weights(self) -> SSAValue:
        """`b` times the scale of its columns."""
        scale, map_ = self.coefficient(self.chain.factors, 1.0)
        b, b_map = self.op.b, self.op.maps[1]
        places = [
            AffineExpr.dimension(b_map.results.index(e))
            if isinstance(e, AffineDimExpr)
            else e
            for e in map_.results
        ]
        rank = len(b_map.results)
        out = tensor.EmptyOp((), tensor_type(b)).tensor
        block = new_block([b, scale, out])
        with ImplicitBuilder(block) as (x, y, _):
            linalg.YieldOp(arith.MulfOp(x, y).result)
        maps = [AffineMap.identity(rank), AffineMap(rank, 0, tuple(places))]
        return parallel_generic([b, scale], out, maps, block).res[0]

    def emit(self) -> ContractOp:
        """The contraction with scaled weights and the rest of the epilogue."""
        op, chain = self.op, self.chain
        weights = self.scaled_weights()
        extras = list(zip(op.extras, op.maps[3:], strict=True))
        if chain.shifts:
            extras.append(self.coefficient(chain.steps, 0.0))
        block = new_block([op.c, *(v for v, _ in extras)])
        known: dict[SSAValue, SSAValue] = dict(
            zip(self.body.args, block.args, strict=False)
        )
        *rest, last = self.body.ops
        with ImplicitBuilder(block):
            moved: SSAValue = block.args[0]
            if chain.shifts:
                moved = arith.AddfOp(moved, block.args[-1]).result
            known[chain.result] = moved
            for inner in rest:
                if inner not in chain.steps:
                    clone_op(inner, known)
            YieldOp(*(known.get(v, v) for v in last.operands))
        for inner in reversed(list(block.ops)[:-1]):
            if not any(r.uses for r in inner.results):
                inner.detach()
                inner.erase()
        kept: list[tuple[SSAValue, AffineMap]] = []
        for arg, extra in zip(list(block.args[1:]), extras, strict=True):
            if arg.uses:
                kept.append(extra)
            else:
                block.erase_arg(arg)
        new = ContractOp(
            op.a,
            weights,
            op.c,
            (*op.maps[:3], *(m for _, m in kept)),
            op.iterator_types,
            extras=[v for v, _ in kept],
            epilogue=Region(block),
            beta=op.beta_value,
            schedule=op.schedule,
        )
        new.location = op.location
        return new


@dataclass(frozen=True)
class FoldScalesPass(ModulePass):
    """Load-time factors behind a contraction go into its load-time weights."""

    name = "fold-scales"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        known: dict[SSAValue, bool] = {}
        for contract in [o for o in op.walk() if isinstance(o, ContractOp)]:
            if contract.beta_value != 0.0 or not is_load_time(contract.b, known):
                continue
            chain = find_chain(contract)
            if chain is None:
                continue
            at = LocatedBuilder(InsertPoint.before(contract), contract.location)
            with ImplicitBuilder(at):
                new = Folding(contract, chain).emit()
            Rewriter.replace_op(contract, (), new.results)
