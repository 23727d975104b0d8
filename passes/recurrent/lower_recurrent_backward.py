"""The gradients of a recurrent layer: a walk back in time, then contractions over all
steps (paper, section 3.1).

    %dx, %dw, %dr, %db, .. = br.lstm_backward ins(%x, %w, %r) saved(%y, %saved) dy(%dy)
    ->
    %rp = panels of %r                          // packed once, not at each step
    %dg, %h, %sums, %dh0, %dc0 = br.recurrence_backward ins(%saved, %y, %rp) dy(%dy) ..
    %dx = br.contract  dx[m, c]       += dg[b, g, m, j] * w[g, b, j, c]
    %dw = br.contract  dw[g, b, j, d, p] += dg[b, g, m, j] * x[d, m, p]
    %dr = br.contract  dr[g, b, j, d, p] += dg[b, g, m, j] * h[d, m, p]
    %db = %sums in another order

m are the sequences of all steps, g the gates, (b, j) the units in panels, (d, p) what W
or R is multiplied with in panels. So the gradients of the weights are long sums, for
which each thread owns its part of the result, and the walk writes its gates as the
products read them. What no one uses is not computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from functools import cached_property

from xdsl.dialects import tensor
from xdsl.dialects.builtin import DYNAMIC_INDEX, ArrayAttr, TensorType, i8
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.ir import SSAValue
from xdsl.ir.affine import AffineExpr, AffineMap

from brdialect.errors import unsupported
from brdialect.ops import ContractOp
from brdialect.recurrence_backward_op import RecurrenceBackwardOp
from brdialect.recurrence_op import RecurrenceSizes
from brdialect.recurrent_backward_ops import BackwardOp, LstmBackwardOp
from brdialect.schedule import Schedule, ScheduleAttr
from brdialect.target import Target
from passes.memory.buffers import element_bytes
from passes.normalise.recurrent_sequences import like, operands_of
from passes.program.length_limits import check_constant_lengths
from passes.recurrent.recurrence_back_step import runs_of
from passes.recurrent.recurrence_gradients import backward_region
from passes.recurrent.recurrence_schedules import input_schedule, weights_schedule
from passes.recurrent.recurrence_scratch import backward_areas, row_tasks
from passes.recurrent.recurrent_cells import Cell, cell_of
from passes.recurrent.recurrent_panels import Blocks, LayerLowering
from passes.schedule.choose_schedule import block_evenly
from passes.schedule.pack_operands import make_panels
from passes.shared.build import shape_of, tensor_type
from passes.shared.linalg_match import extract_slice, pad_with_zeros, transpose
from passes.shared.recurrent_tensors import reshape, row, stack, zeros

Gradients = dict[str, SSAValue]
"""By the names of the results of a `BackwardOp`."""

ChooseSchedule = Callable[[tuple[int, ...], Target, int], Schedule | None]
"""(the extents of the iterators, the target, bytes of an element)"""


def part(v: SSAValue, dim: int, start: int, size: int) -> SSAValue:
    """`v[.., start : start + size, ..]` of one dimension."""
    sizes = list(shape_of(v))
    offsets = [0] * len(sizes)
    offsets[dim], sizes[dim] = start, size
    return extract_slice(v, offsets, sizes)


def one_behind_another(v: SSAValue) -> SSAValue:
    """[a, b, T, N, panel] -> [a, b, T*N, panel]"""
    a, b, steps, batch, panel = shape_of(v)
    return reshape(v, (a, b, steps * batch, panel))


class BackwardLowering(LayerLowering[BackwardOp]):
    """Emits the gradients of one layer, those with the names in `used`."""

    def __init__(self, op: BackwardOp, target: Target, used: Set[str]):
        super().__init__(op, target)
        self.used = used

    @cached_property
    def blocks(self) -> Blocks:
        """How the op is cut up: not at all on a GPU, where each sequence has its own
        sums."""
        if self.target.is_gpu:
            return Blocks(self.sizes.K, self.sizes.T, 1, 1, 1)
        return super().blocks

    @property
    def unit_blocks(self) -> int:
        """Panels that the units fill."""
        return -(-self.sizes.K // self.blocks.panel)

    def emit(self) -> list[SSAValue]:
        """The results."""
        found: list[Gradients] = []
        dx: SSAValue | None = None
        for d, backwards in enumerate(self.op.directions):
            gradients = self.direction(d, backwards, dx)
            dx = gradients.pop("dx")
            found.append(gradients)
        results: list[SSAValue] = []
        for name, old in self.op.tensors():
            if old.owner is not self.op:
                continue
            if name == "dx":
                assert dx is not None
                results.append(self.as_x(dx))
            elif name in self.used:
                rows = [reshape(f[name], shape_of(old)[1:]) for f in found]
                results.append(stack(rows))
            else:
                results.append(tensor.EmptyOp((), tensor_type(old)).tensor)
        return results

    def as_x(self, rows: SSAValue) -> SSAValue:
        """Rows of all steps in the layout of x."""
        s = self.sizes
        rows = reshape(rows, (s.T, s.N, s.C))
        return rows if self.op.batch_first is None else transpose(rows, [1, 0, 2])

    def empty(self) -> list[SSAValue]:
        """The results of no steps, or of no sequences."""
        given = operands_of(self.op)
        initial = {f"d{name}": f"d{name[0]}" for name in self.op.STATES}
        return [
            given.get(initial.get(name, ""), None)
            or zeros(tensor_type(v).get_shape(), self.element)
            for name, v in self.op.tensors()
            if v.owner is self.op
        ]

    # the walk

    def walk(self, d: int, backwards: bool, cell: Cell) -> Sequence[SSAValue]:
        """The gates' gradients, h before each step, sums, those of initial states."""
        s, b, op = self.sizes, self.blocks, self.op
        parts = s.G + cell.apart
        _, columns = self.biases(d, cell)
        count = 0 if columns is None else shape_of(columns)[1]
        kept = 1 if cell.reset is None else 2
        shapes = [
            (self.unit_blocks, parts, s.T, s.N, b.panel),
            (kept, self.unit_blocks, s.T, s.N, b.panel),
            (self.unit_blocks, parts + count, b.panel),
            *[(s.N, s.K)] * len(op.STATES),
        ]
        sizes = RecurrenceSizes(s.T, s.N, 0, s.K, self.unit_blocks, s.G, b.panel)
        size = element_bytes(self.element)
        _, scratch = backward_areas(
            sizes,
            row_tasks(s.N, b.rows, b.groups),
            parts + count,
            len(op.STATES),
            cell.reset is not None,
            size,
        )
        # gates of a task and R of their panels share the L2
        reach = self.target.l2 // 2 // size // ((b.rows + b.panel) * s.G * b.panel)
        reset = cell.reset and backward_region(cell.reset, cell.gates, True)
        new = RecurrenceBackwardOp(
            row(op.saved, d, (s.T, s.N, s.S * s.K)),
            op.y,
            self.packed_r(d),
            self.initial(d)[0],
            self.states([f"d{n[0]}" for n in op.STATES], d),
            [self.fresh(shape) for shape in shapes],
            tensor.EmptyOp((), TensorType(i8, [scratch])).tensor,
            backward_region(cell.cell, cell.gates),
            blocks=(b.rows, block_evenly(self.unit_blocks, reach), b.groups),
            columns=columns,
            lengths=op.lengths,
            dy=op.dy,
            reset=reset,
            candidate=cell.candidate,
            apart=cell.apart,
            reverse=backwards,
            batch_first=op.batch_first is not None,
            drops_h="dh0" not in self.used,
            offset=d * s.K,
        )
        new.location = op.location
        return new.res

    def fresh(self, shape: Sequence[int]) -> SSAValue:
        """A destination."""
        return tensor.EmptyOp((), TensorType(self.element, shape)).tensor

    def packed_r(self, d: int) -> SSAValue:
        """[D, G*K, K] -> [K / panel, K / panel, G, panel, panel], columns first."""
        s, blocks, panel = self.sizes, self.unit_blocks, self.blocks.panel
        r = row(self.op.r, d, (s.G, s.K, s.K))
        missing = blocks * panel - s.K
        if blocks == 1 and not missing:
            return reshape(r, (1, 1, s.G, s.K, s.K))
        r = pad_with_zeros(r, [0, 0, 0], [0, missing, missing])
        r = reshape(r, (s.G, blocks, panel, blocks, panel))
        return transpose(r, [3, 1, 0, 2, 4])

    # contractions

    def contract(
        self,
        operands: Mapping[str, SSAValue],
        letters: str,
        choose: ChooseSchedule,
        onto: SSAValue | None = None,
    ) -> SSAValue:
        """`{"mk": a, "kn": b}, "mn"`: `c[m, n] (+)= sum a[m, k] * b[k, n]`."""
        (at_a, a), (at_b, b) = operands.items()
        extents = dict(zip(at_a + at_b, shape_of(a) + shape_of(b), strict=True))
        iterators = [*letters, *sorted(set(extents) - set(letters))]
        sizes = tuple(extents[i] for i in iterators)
        schedule = None  # choose-schedule knows GPUs
        if not self.target.is_gpu:
            schedule = choose(sizes, self.target, element_bytes(self.element))
        maps = [
            AffineMap(
                len(iterators),
                0,
                tuple(AffineExpr.dimension(iterators.index(i)) for i in each),
            )
            for each in (at_a, at_b, letters)
        ]
        parallel, reduction = IteratorTypeAttr.parallel(), IteratorTypeAttr.reduction()
        new = ContractOp(
            a,
            b,
            self.fresh([extents[i] for i in letters]) if onto is None else onto,
            maps,
            ArrayAttr(parallel if i in letters else reduction for i in iterators),
            beta=0.0 if onto is None else 1.0,
            schedule=None if schedule is None else ScheduleAttr(schedule),
        )
        new.location = self.op.location
        assert new.res is not None
        return new.res

    @property
    def x_rows(self) -> SSAValue:
        """x in panels of inputs, all steps one behind the other: [d, m, p]."""
        s, op = self.sizes, self.op
        panel = self.panel_of(s.C)
        if op.batch_first is None and panel == s.C:
            return reshape(op.x, (1, s.T * s.N, s.C))
        if op.batch_first is not None:
            panels = make_panels(op.x, 2, [1, 0], panel)
        else:
            panels = make_panels(op.x, 2, [0, 1], panel)
        return reshape(panels, (shape_of(panels)[0], s.T * s.N, panel))

    def panel_of(self, columns: int) -> int:
        """Of a whole number of vectors, no wider than the units' panels."""
        if self.target.is_gpu:
            return columns
        size = element_bytes(self.element)
        lanes = self.target.lanes(size)
        widest = self.blocks.panel // lanes
        return block_evenly(-(-columns // lanes), widest) * lanes

    def direction(self, d: int, backwards: bool, dx: SSAValue | None) -> Gradients:
        """All gradients of one direction; `dx` is that of the other one."""
        s, op = self.sizes, self.op
        cell = cell_of(op, d, self.element)
        gates, before, sums, *starts = self.walk(d, backwards, cell)
        gates = one_behind_another(gates)
        found: Gradients = {f"d{n}": v for n, v in zip(op.STATES, starts, strict=True)}
        found["dx"] = self.fresh((s.T * s.N, s.C))
        if "dx" in self.used:
            found["dx"] = self.of_x(part(gates, 1, 0, s.G), d, dx)
        if "dw" in self.used:
            found["dw"] = self.of_w(part(gates, 1, 0, s.G), self.x_rows)
        if "dr" in self.used:
            found["dr"] = self.of_r(gates, one_behind_another(before), cell, backwards)
        biases = self.units_of(transpose(sums, [1, 0, 2]))
        found["dbias"] = found["drecurrent_bias"] = part(biases, 0, 0, s.G)
        if cell.apart:
            assert cell.candidate is not None
            own = part(biases, 0, s.G, 1)
            found["drecurrent_bias"] = tensor.InsertSliceOp.from_static_parameters(
                own, found["dbias"], [cell.candidate, 0], [1, s.K]
            ).result
        if isinstance(op, LstmBackwardOp) and op.peepholes is not None:
            found["dpeepholes"] = part(biases, 0, s.G, 3)
        return found

    def of_x(self, gates: SSAValue, d: int, onto: SSAValue | None) -> SSAValue:
        """dG W, [T*N, C]."""
        s, panel = self.sizes, self.blocks.panel
        w = row(self.op.w, d, (s.G, s.K, s.C))
        w = pad_with_zeros(w, [0, 0, 0], [0, self.unit_blocks * panel - s.K, 0])
        w = reshape(w, (s.G, self.unit_blocks, panel, s.C))
        return self.contract({"bgmj": gates, "gbjc": w}, "mc", input_schedule, onto)

    def of_weights(self, gates: SSAValue, rows: SSAValue, columns: int) -> SSAValue:
        """dG^T times rows in panels, [gates, K, columns]."""
        pair = {"bgmj": gates, "dmp": rows}
        found = self.contract(pair, "gbjdp", weights_schedule)
        shape = shape_of(found)
        found = self.units_of(reshape(found, (*shape[:3], shape[3] * shape[4])))
        return part(found, 2, 0, columns)

    def of_w(self, gates: SSAValue, x: SSAValue) -> SSAValue:
        """dG^T x, [G, K, C]."""
        return self.of_weights(gates, x, self.sizes.C)

    def of_r(
        self, gates: SSAValue, before: SSAValue, cell: Cell, backwards: bool
    ) -> SSAValue:
        """dG^T h', [G, K, K]: of all steps, or if h' of the first is 0, the others."""
        s = self.sizes
        first, size = 0, s.T * s.N
        if self.starts_from_zero:
            first, size = 0 if backwards else s.N, size - s.N
        if not size:
            return zeros((s.G, s.K, s.K), self.element)
        gates = part(gates, 2, first, size)
        candidate = -1 if cell.candidate is None else cell.candidate
        pairs = [(g, g) for g in range(s.G)]
        if cell.apart:
            pairs[candidate] = (s.G, candidate)
        # R of the candidate multiplies h, or what the reset region makes of it
        kinds = [int(cell.reset is not None and g == candidate) for _, g in pairs]
        whole = self.fresh((s.G, s.K, s.K))
        for kind in sorted(set(kinds)):
            chosen = [p for p, k in zip(pairs, kinds, strict=True) if k == kind]
            h = part(row(before, kind, shape_of(before)[1:]), 1, first, size)
            for p, g, count in runs_of(chosen):
                found = self.of_weights(part(gates, 1, p, count), h, s.K)
                if count == s.G:
                    return found
                whole = tensor.InsertSliceOp.from_static_parameters(
                    found, whole, [g, 0, 0], [count, s.K, s.K]
                ).result
        return whole

    def units_of(self, v: SSAValue) -> SSAValue:
        """[any, K / panel, panel, ...] -> [any, K, ...]"""
        first, blocks, panel, *others = shape_of(v)
        return part(reshape(v, (first, blocks * panel, *others)), 1, 0, self.sizes.K)


def lower_backward(op: BackwardOp, target: Target) -> list[SSAValue]:
    """What replaces the results of one op."""
    s = op.sizes
    if DYNAMIC_INDEX in (s.T, s.N):
        unsupported(
            op,
            f"expected T and N known, got {op.x.type}; give the shapes of the "
            "arguments",
        )
    check_constant_lengths(op)
    used = {name for name, v in op.tensors() if v.owner is op and v.uses}
    full = op
    if "dpeepholes" in used and "peepholes" not in operands_of(op):
        holes = zeros((s.D, 3 * s.K), BackwardLowering(op, target, used).element)
        full = like(op, LstmBackwardOp, operands_of(op) | {"peepholes": holes})
    lowering = BackwardLowering(full, target, used)
    results = lowering.empty() if 0 in (s.T, s.N) else lowering.emit()
    if full is not op:
        full.detach()
        full.erase()
    return results
