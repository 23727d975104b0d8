"""Programs with loops and branches over tensors compute what Python computes of the
same statements: values that change places from trip to trip, that are read after what
was made of them, in loops inside each other. On integers, so that results are equal or
not.

`BR_PROPERTY_EXAMPLES=500 pytest tests/test_control_flow.py` tries more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_property import poisoned

import brdialect

__all__ = ["poisoned"]  # the fixture holds in this file too

Array = NDArray[Any]
Env = dict[str, Any]
Run = Callable[[Env], None]

ROWS, COLUMNS = 3, 5
T = f"tensor<{ROWS}x{COLUMNS}xi32>"
SAME = "affine_map<(i, j) -> (i, j)>"
ROW = f"tensor<1x{COLUMNS}xi32>"
OPS: dict[str, Callable[[Array, Array], Array]] = {
    "addi": lambda x, y: x + y,
    "subi": lambda x, y: x - y,
    "muli": lambda x, y: x * y,
}


@dataclass
class Code:
    """A region: its text, and the same as Python."""

    rng: Random
    names: list[int]
    seen: list[str]
    text: list[str] = field(default_factory=list[str])
    steps: list[Run] = field(default_factory=list[Run])

    def name(self) -> str:
        """A name that no other value has."""
        self.names[0] += 1
        return f"%v{self.names[0]}"

    def some(self) -> str:
        """A tensor that can be seen, often a new one."""
        return self.rng.choice(self.rng.choice([self.seen, self.seen[-3:]]))

    def inner(self, more: Sequence[str] = ()) -> Code:
        """A region inside this one."""
        return Code(self.rng, self.names, [*self.seen, *more])

    def run(self, env: Env) -> None:
        """The statements in their order."""
        for step in self.steps:
            step(env)

    def add(self, text: str, step: Run, *results: str) -> None:
        """One more statement."""
        self.text.append(text)
        self.steps.append(step)
        self.seen += results

    def fill(self, depth: int) -> None:
        """Some statements."""
        kinds = [arithmetic, arithmetic, in_place, move_row]
        kinds += [counted, conditional, while_] if depth else []
        for kind in self.rng.choices(kinds, k=self.rng.randint(1, 4)):
            kind(self, depth)


def arithmetic(code: Code, depth: int) -> None:
    """z = x op y"""
    x, y, z, e = code.some(), code.some(), code.name(), code.name()
    kind = code.rng.choice(sorted(OPS))
    code.add(
        f"""{e} = tensor.empty() : {T}
        {z} = linalg.generic {{indexing_maps = [{SAME}, {SAME}, {SAME}],
          iterator_types = ["parallel", "parallel"]}} ins({x}, {y} : {T}, {T})
          outs({e} : {T}) {{
        ^bb0(%a: i32, %b: i32, %c: i32):
          %d = arith.{kind} %a, %b : i32
          linalg.yield %d : i32
        }} -> {T}""",
        lambda env: env.update({z: OPS[kind](env[x], env[y])}),
        z,
    )


def in_place(code: Code, depth: int) -> None:
    """z = y + x, where y stood"""
    x, y, z = code.some(), code.some(), code.name()
    code.add(
        f"""{z} = linalg.generic {{indexing_maps = [{SAME}, {SAME}],
          iterator_types = ["parallel", "parallel"]}} ins({x} : {T}) outs({y} : {T}) {{
        ^bb0(%a: i32, %b: i32):
          %d = arith.addi %a, %b : i32
          linalg.yield %d : i32
        }} -> {T}""",
        lambda env: env.update({z: env[x] + env[y]}),
        z,
    )


def move_row(code: Code, depth: int) -> None:
    """z = y with a row of x"""
    x, y, z, r = code.some(), code.some(), code.name(), code.name()
    source, target = (code.rng.randint(0, ROWS - 1) for _ in range(2))
    part = f"[1, {COLUMNS}] [1, 1]"

    def step(env: Env) -> None:
        env[z] = env[y].copy()
        env[z][target] = env[x][source]

    code.add(
        f"""{r} = tensor.extract_slice {x}[{source}, 0] {part} : {T} to {ROW}
        {z} = tensor.insert_slice {r} into {y}[{target}, 0] {part} : {ROW} into {T}""",
        step,
        z,
    )


def carried(code: Code) -> tuple[list[str], list[str], list[str]]:
    """What a loop begins with, carries, and results in."""
    inits = [code.some() for _ in range(code.rng.randint(1, 3))]
    return inits, [code.name() for _ in inits], [code.name() for _ in inits]


def types(count: int) -> str:
    return ", ".join([T] * count)


def counted(code: Code, depth: int) -> None:
    """scf.for; each trip adds its number to a row, as a scan does"""
    inits, args, results = carried(code)
    trips, iv = code.rng.randint(0, 3), code.name()
    body = code.inner(args)
    put = body.name()
    part = f"[1, {COLUMNS}] [1, 1]"
    source, target = body.some(), body.some()
    row = body.name()

    def put_row(env: Env) -> None:
        env[put] = env[target].copy()
        env[put][env[iv]] = env[source][0]

    body.add(
        f"""{row} = tensor.extract_slice {source}[0, 0] {part} : {T} to {ROW}
        {put} = tensor.insert_slice {row} into {target}[{iv}, 0] {part} : {ROW} into {T}
        """,
        put_row,
        put,
    )
    body.fill(depth - 1)
    yields = [body.some() for _ in inits]

    def step(env: Env) -> None:
        state = [env[v] for v in inits]
        for i in range(trips):
            inner = env | dict(zip(args, state, strict=True)) | {iv: i}
            body.run(inner)
            state = [inner[v] for v in yields]
        env.update(zip(results, state, strict=True))

    starts = ", ".join(f"{a} = {x}" for a, x in zip(args, inits, strict=True))
    code.add(
        f"""{", ".join(results)} = scf.for {iv} = %c0 to %c{trips} step %c1
          iter_args({starts}) -> ({types(len(args))}) {{
        {chr(10).join(body.text)}
        scf.yield {", ".join(yields)} : {types(len(args))}
        }}""",
        step,
        *results,
    )


def odd(code: Code) -> tuple[str, Callable[[Env], bool]]:
    """Whether an element of a tensor is odd."""
    x, e, o, c = code.some(), code.name(), code.name(), code.name()
    code.add(
        f"""{e} = tensor.extract {x}[%c1, %c2] : {T}
        {o} = arith.andi {e}, %one : i32
        {c} = arith.cmpi eq, {o}, %one : i32""",
        lambda env: env.update({c: bool(env[x][1, 2] & 1)}),
    )
    return c, lambda env: env[c]


def conditional(code: Code, depth: int) -> None:
    """scf.if"""
    condition, holds = odd(code)
    results = [code.name() for _ in range(code.rng.randint(1, 2))]
    branches = [code.inner(), code.inner()]
    yields: list[list[str]] = []
    for branch in branches:
        branch.fill(depth - 1)
        yields.append([branch.some() for _ in results])

    def step(env: Env) -> None:
        which = 0 if holds(env) else 1
        inner = dict(env)
        branches[which].run(inner)
        env.update((r, inner[y]) for r, y in zip(results, yields[which], strict=True))

    bodies = [
        "\n".join([*b.text, f"scf.yield {', '.join(y)} : {types(len(y))}"])
        for b, y in zip(branches, yields, strict=True)
    ]
    code.add(
        f"""{", ".join(results)} = scf.if {condition} -> ({types(len(results))}) {{
        {bodies[0]}
        }} else {{
        {bodies[1]}
        }}""",
        step,
        *results,
    )


def while_(code: Code, depth: int) -> None:
    """scf.while, at most three trips, which need not hand over what they carry"""
    inits, args, results = carried(code)
    test = code.inner(args)
    n, bodies_n, less, go, result_n, following = (code.name() for _ in range(6))
    test.fill(depth - 1)
    condition, holds = odd(test)
    handed = [test.some() for _ in inits]
    body_args = [code.name() for _ in inits]
    body = code.inner(body_args)
    body.fill(depth - 1)
    yields = [body.some() for _ in inits]

    def step(env: Env) -> None:
        state, count = [env[v] for v in inits], 0
        while True:
            inner = env | dict(zip(args, state, strict=True))
            test.run(inner)
            values = [inner[v] for v in handed]
            if not (holds(inner) and count < 3):
                break
            inner = env | dict(zip(body_args, values, strict=True))
            body.run(inner)
            state, count = [inner[v] for v in yields], count + 1
        env.update(zip(results, values, strict=True))

    starts = ", ".join(f"{a} = {x}" for a, x in zip(args, inits, strict=True))
    all_types = f"index, {types(len(inits))}"
    bb_args = ", ".join(f"{a}: {T}" for a in body_args)
    code.add(
        f"""{result_n}, {", ".join(results)} = scf.while ({n} = %c0, {starts})
          : ({all_types}) -> ({all_types}) {{
        {chr(10).join(test.text)}
        {less} = arith.cmpi slt, {n}, %c3 : index
        {go} = arith.andi {condition}, {less} : i1
        scf.condition({go}) {n}, {", ".join(handed)} : {all_types}
        }} do {{
        ^bb0({bodies_n}: index, {bb_args}):
        {chr(10).join(body.text)}
        {following} = arith.addi {bodies_n}, %c1 : index
        scf.yield {following}, {", ".join(yields)} : {all_types}
        }}""",
        step,
        *results,
    )


CONSTANTS = "\n".join(f"%c{n} = arith.constant {n} : index" for n in range(4))


def check(code: Code, inputs: dict[str, Array], returned: Sequence[str]) -> None:
    """Compiled, the program returns what Python computes."""
    arguments = ", ".join(f"%{name}: {T}" for name in inputs)
    source = f"""func.func @main({arguments}) -> ({types(len(returned))}) {{
    {CONSTANTS}
    %one = arith.constant 1 : i32
    {chr(10).join(code.text)}
    return {", ".join(returned)} : {types(len(returned))}
    }}"""
    env: Env = {f"%{name}": array for name, array in inputs.items()}
    with np.errstate(over="ignore"):
        code.run(env)
    got = brdialect.compile(source, cache=False, threads=1)(*inputs.values())
    results = got if isinstance(got, tuple) else (got,)
    for name, result in zip(returned, results, strict=True):
        assert np.array_equal(result, env[name]), f"{name} of\n{source}"


@pytest.mark.parametrize("kind", [counted, conditional, while_])
@pytest.mark.parametrize("seed", range(int(os.environ.get("BR_PROPERTY_EXAMPLES", 40))))
def test_loops_and_branches(kind: Callable[[Code, int], None], seed: int):
    numbers = np.random.default_rng(seed)
    inputs = {n: numbers.integers(-9, 9, (ROWS, COLUMNS), np.int32) for n in "xy"}
    code = Code(Random(seed), [0], [f"%{n}" for n in inputs])
    code.fill(0)
    kind(code, 2)
    results = code.seen[-2:]
    code.fill(0)
    check(code, inputs, [*results, code.some()])


OPEN = """
func.func @main(%x: tensor<?x7xf32>, %w: tensor<7x7xf32>, %n: tensor<i64>)
    -> (tensor<?x7xf32>, tensor<?x7xf32>, tensor<?x7xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %zero = arith.constant 0.0 : f32
  %limit = arith.constant 5.0 : f32
  %d = tensor.dim %x, %c0 : tensor<?x7xf32>
  %k = tensor.extract %n[] : tensor<i64>
  %trips = arith.index_cast %k : i64 to index
  %e = tensor.empty(%d) : tensor<?x7xf32>
  %r = scf.for %i = %c0 to %trips step %c1 iter_args(%p = %x) -> (tensor<?x7xf32>) {
    %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x7xf32>) -> tensor<?x7xf32>
    %m = linalg.matmul ins(%p, %w : tensor<?x7xf32>, tensor<7x7xf32>)
      outs(%f : tensor<?x7xf32>) -> tensor<?x7xf32>
    %t = linalg.tanh ins(%m : tensor<?x7xf32>) outs(%e : tensor<?x7xf32>)
      -> tensor<?x7xf32>
    scf.yield %t : tensor<?x7xf32>
  }
  %s:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%p = %r, %q = %x)
      -> (tensor<?x7xf32>, tensor<?x7xf32>) {
    %f = linalg.fill ins(%zero : f32) outs(%e : tensor<?x7xf32>) -> tensor<?x7xf32>
    %m = linalg.matmul ins(%p, %w : tensor<?x7xf32>, tensor<7x7xf32>)
      outs(%f : tensor<?x7xf32>) -> tensor<?x7xf32>
    scf.yield %q, %m : tensor<?x7xf32>, tensor<?x7xf32>
  }
  %u = scf.while (%v = %s#0) : (tensor<?x7xf32>) -> tensor<?x7xf32> {
    %g = linalg.exp ins(%v : tensor<?x7xf32>) outs(%e : tensor<?x7xf32>)
      -> tensor<?x7xf32>
    %first = tensor.extract %g[%c0, %c1] : tensor<?x7xf32>
    %c = arith.cmpf olt, %first, %limit : f32
    scf.condition(%c) %g : tensor<?x7xf32>
  } do {
  ^bb0(%v: tensor<?x7xf32>):
    scf.yield %v : tensor<?x7xf32>
  }
  return %r, %s#1, %u : tensor<?x7xf32>, tensor<?x7xf32>, tensor<?x7xf32>
}
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_open_sizes_and_products(threads: int):
    """Sizes follow from the arguments into loops, in which matrices are multiplied."""
    numbers = np.random.default_rng(0)
    w = numbers.standard_normal((7, 7)).astype(np.float32) / 4
    compiled = brdialect.compile(OPEN, cache=False, threads=threads)
    for rows, trips in ((5, 3), (1, 0), (33, 2)):
        x = numbers.standard_normal((rows, 7)).astype(np.float32)
        p = x
        for _ in range(trips):
            p = np.tanh(p @ w)
        want, q = p, x
        for _ in range(3):
            p, q = q, p @ w
        with np.errstate(over="ignore"):
            u = np.exp(p)
            while u[0, 1] < 5:
                u = np.exp(u)
        got = compiled(x, w, np.int64(trips))
        for ours, theirs in zip(got, (want, q, u), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


def test_sizes_that_change():
    source = """
    func.func @main(%x: tensor<?xf32>, %c: i1) -> tensor<?xf32> {
      %y = scf.if %c -> (tensor<?xf32>) {
        scf.yield %x : tensor<?xf32>
      } else {
        %z = tensor.concat dim(0) %x, %x
          : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
        scf.yield %z : tensor<?xf32>
      }
      return %y : tensor<?xf32>
    }"""
    with pytest.raises(
        brdialect.BrError,
        match=r"'scf.if': expected tensors whose sizes are the same in each trip and "
        r"branch, got tensor<8xf32> for tensor<4xf32>",
    ):
        brdialect.compile(source, cache=False)(np.zeros(4, np.float32), True)
