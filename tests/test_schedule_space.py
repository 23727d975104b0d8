"""Every schedule of the space computes what the numpy reference does in float64.

`BR_PROPERTY_EXAMPLES=500 pytest tests/test_schedule_space.py` tries more of each space.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from brdialect.schedule import Loop, Schedule, parse_schedule
from brdialect.source import parse_module
from brdialect.target import Target
from passes.schedule.check_schedule import fault_of
from passes.schedule.nearest_schedule import nearest_schedule
from passes.schedule.schedule_space import ScheduleSpace
from runtime.host import host_target
from runtime.program import Program, run_until
from runtime.tuner.candidate import Workbench
from runtime.tuner.contractions import Work, contractions_of

SAMPLES = int(os.environ.get("BR_PROPERTY_EXAMPLES", "6"))

SMALL = replace(host_target(2), l1=1 << 10, l2=4 << 10)
"""Small caches and two threads: small programs take the paths of large ones."""

MANY_REGISTERS = replace(SMALL, vector_registers=32, vector_bytes=16, threads=1)


def linalg(arguments: str, op: str, out: str) -> str:
    """A function of one named op."""
    return f"""
    func.func @main({arguments}) -> {out} {{
      %zero = arith.constant 0.0 : f32
      %e = tensor.empty() : {out}
      %f = linalg.fill ins(%zero : f32) outs(%e : {out}) -> {out}
      %r = {op} outs(%f : {out}) -> {out}
      func.return %r : {out}
    }}"""


PROBLEMS = {
    "product": (
        linalg(
            "%a: tensor<50x40xf32>, %b: tensor<40x70xf32>",
            "linalg.matmul ins(%a, %b : tensor<50x40xf32>, tensor<40x70xf32>)",
            "tensor<50x70xf32>",
        ),
        [1],
    ),
    "transposed, f64, accumulates, epilogue": (
        """
        #mk = affine_map<(m, n, k) -> (m, k)>
        #nk = affine_map<(m, n, k) -> (n, k)>
        #mn = affine_map<(m, n, k) -> (m, n)>
        #n = affine_map<(m, n, k) -> (n)>
        func.func @main(%a: tensor<13x33xf64>, %b: tensor<37x33xf64>,
            %c: tensor<13x37xf64>, %bias: tensor<37xf64>, %y: tensor<13x37xf64>)
            -> tensor<13x37xf64> {
          %r = br.contract ins(%a, %b : tensor<13x33xf64>, tensor<37x33xf64>)
            outs(%c : tensor<13x37xf64>)
            {indexing_maps = [#mk, #nk, #mn, #n, #mn],
             iterator_types = [#linalg.iterator_type<parallel>,
               #linalg.iterator_type<parallel>, #linalg.iterator_type<reduction>]}
            epilogue(%bias, %y : tensor<37xf64>, tensor<13x37xf64>) {
            ^bb0(%acc: f64, %of_bias: f64, %of_y: f64):
              %s = arith.addf %acc, %of_bias : f64
              %u = arith.maximumf %s, %of_y : f64
              br.yield %u : f64
            } -> tensor<13x37xf64>
          func.return %r : tensor<13x37xf64>
        }""",
        [],
    ),
    "batch of products": (
        linalg(
            "%a: tensor<3x9x20xf32>, %b: tensor<3x20x24xf32>",
            "linalg.batch_matmul ins(%a, %b : tensor<3x9x20xf32>, tensor<3x20x24xf32>)",
            "tensor<3x9x24xf32>",
        ),
        [],
    ),
    "convolution, stride 2": (
        linalg(
            "%a: tensor<2x11x15x6xf32>, %b: tensor<3x3x6x20xf32>",
            "linalg.conv_2d_nhwc_hwcf {strides = dense<2> : tensor<2xi64>, "
            "dilations = dense<1> : tensor<2xi64>} "
            "ins(%a, %b : tensor<2x11x15x6xf32>, tensor<3x3x6x20xf32>)",
            "tensor<2x5x7x20xf32>",
        ),
        [1],
    ),
    "convolution between zeros, dilated": (
        """
        func.func @main(%x: tensor<1x5x7x6xf32>, %w: tensor<3x2x6x20xf32>)
            -> tensor<1x6x8x20xf32> {
          %zero = arith.constant 0.0 : f32
          %p = tensor.pad %x low[0, 1, 1, 0] high[0, 4, 1, 0] {
          ^bb0(%a: index, %b: index, %c: index, %d: index):
            tensor.yield %zero : f32
          } : tensor<1x5x7x6xf32> to tensor<1x10x9x6xf32>
          %e = tensor.empty() : tensor<1x6x8x20xf32>
          %f = linalg.fill ins(%zero : f32) outs(%e : tensor<1x6x8x20xf32>)
            -> tensor<1x6x8x20xf32>
          %r = linalg.conv_2d_nhwc_hwcf
            {strides = dense<1> : tensor<2xi64>,
             dilations = dense<[2, 1]> : tensor<2xi64>}
            ins(%p, %w : tensor<1x10x9x6xf32>, tensor<3x2x6x20xf32>)
            outs(%f : tensor<1x6x8x20xf32>) -> tensor<1x6x8x20xf32>
          func.return %r : tensor<1x6x8x20xf32>
        }""",
        [1],
    ),
    "grouped convolution": (
        linalg(
            "%a: tensor<1x6x6x2x5xf32>, %b: tensor<2x12x2x2x5xf32>",
            "linalg.conv_2d_nhwgc_gfhwc {strides = dense<1> : tensor<2xi64>, "
            "dilations = dense<1> : tensor<2xi64>} "
            "ins(%a, %b : tensor<1x6x6x2x5xf32>, tensor<2x12x2x2x5xf32>)",
            "tensor<1x5x5x2x12xf32>",
        ),
        [1],
    ),
}
"""A function, and its arguments that are given when it is loaded."""


def work(name: str, target: Target) -> Work:
    """The one contraction of a problem."""
    source, weights = PROBLEMS[name]
    program = Program(parse_module(source), "main", target)
    shapes = [tuple(s for s in p.shape if s) for p in program.signature.arguments]
    constants = {i: np.zeros(shapes[i], np.float32) for i in weights}
    program = Program(parse_module(source), "main", target, constants)
    module = program.specialised(tuple(shapes[i] for i in program.signature.free))
    run_until(module, target, "fuse")
    (found,) = contractions_of(module, target)
    return found


def sampled(space: ScheduleSpace, count: int) -> list[Schedule]:
    """Points from all over the space."""
    random = np.random.default_rng(count)
    found: dict[Schedule, None] = {space.default: None}
    for _ in range(50 * count):
        point = tuple(int(random.integers(size)) for size in space.sizes)
        schedule = space.schedule(point)
        if schedule is not None:
            found[schedule] = None
        if len(found) == count:
            break
    return list(found)


@pytest.mark.parametrize(
    "target", [SMALL, MANY_REGISTERS], ids=["threads", "registers"]
)
@pytest.mark.parametrize("name", PROBLEMS)
def test_schedules_of_the_space_are_right(name: str, target: Target):
    found = work(name, target)
    bench = Workbench(found, target)
    schedules = sampled(ScheduleSpace(found.problem), SAMPLES)
    assert len(schedules) > 3
    for schedule in schedules:
        assert bench.candidate(schedule) is not None, f"{found.key}: {schedule}"


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_space_is_the_same_each_time_and_begins_with_the_default(name: str):
    found = work(name, SMALL)
    first = list(islice(ScheduleSpace(found.problem), 60))
    assert first == list(islice(ScheduleSpace(found.problem), 60))
    assert len(set(first)) == len(first)
    assert first[0] == ScheduleSpace(found.problem).default
    table = found.problem.table
    assert all(fault_of(table, schedule) is None for schedule in first)


def test_register_blocks_fit_the_target():
    """The ones of which measurements speak, on 16 registers and on 32."""
    found = work("product", SMALL)
    narrow = replace(SMALL, vector_registers=16, vector_bytes=32)
    blocks = ScheduleSpace(replace(found.problem, target=narrow, lanes=8)).tile
    assert {(6, 2), (4, 3), (12, 1), (14, 1)} <= set(blocks)
    wide = replace(found.problem, target=MANY_REGISTERS)
    blocks = ScheduleSpace(wide).tile
    assert {(6, 4), (7, 3), (13, 2), (28, 1)} <= set(blocks)
    assert all(rows * vectors + vectors < 32 for rows, vectors in blocks)


def mutated(schedule: Schedule, random: np.random.Generator) -> Schedule:
    """A schedule in which one thing is another."""
    letters = [*range(4), None]

    def letter() -> int | None:
        return letters[random.integers(len(letters))]

    loops = list(schedule.loops)
    match int(random.integers(6)):
        case 0:
            return replace(schedule, m=letter())
        case 1:
            return replace(schedule, n=letter())
        case 2:
            return replace(schedule, k=letter())
        case 3:
            batch = (letter() or 0, *schedule.batch)
            return replace(schedule, batch=batch)
        case 4:
            where = int(random.integers(len(loops) + 1))
            step = int(random.integers(1, 30))
            loops.insert(where, Loop(letter() or 0, step, bool(random.integers(2))))
            return replace(schedule, loops=tuple(loops))
        case _:
            sizes = (int(random.integers(1, 20)), int(random.integers(1, 40)))
            return replace(schedule, pack_a=sizes[0], pack_b=sizes[1])


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_nearest_schedule_fits(name: str):
    found = work(name, SMALL)
    table = found.problem.table
    random = np.random.default_rng(0)
    refused = 0
    for schedule in islice(ScheduleSpace(found.problem), 40):
        assert nearest_schedule(table, schedule) == schedule
        for _ in range(5):
            schedule = mutated(schedule, random)
            near = nearest_schedule(table, schedule)
            if fault_of(table, schedule) is None:
                assert near == schedule
            else:
                refused += 1
                fault = fault_of(table, near)
                assert fault is None, f"{schedule} -> {near}: {fault}"
                assert parse_schedule(str(near)) == near
    assert refused > 20
