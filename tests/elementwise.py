"""Runs scalar statements on scalars and on vectors, and compares with numpy."""

from __future__ import annotations

import numpy as np
from compiled import Array, Compiled

LANES = 8
FORMS = ("scalar", "vector")
FLOATS = [0.0, -0.0, 1.5, -2.5, 3e38, np.inf, np.nan, 1e-40]
INTEGERS = [0, 1, -1, 7, -128, 100, 127, -3]
DTYPES = {
    "f16": np.float16,
    "f32": np.float32,
    "f64": np.float64,
    "i8": np.int8,
    "i16": np.int16,
    "i32": np.int32,
    "i64": np.int64,
    "index": np.int64,
}


def elementwise(statements: str, inputs: list[str], output: str) -> str:
    """A module that applies `statements` to arrays of 8.

    They make %r of %x, %y and %z, whose types they call $r, $x, $y and $z, as $i1 is
    that of bits: scalars in `@scalar`, vectors in `@vector`.
    """
    names = "xyz"[: len(inputs)]
    types: dict[str, str] = dict(zip((*names, "r"), (*inputs, output), strict=True))
    arguments = ", ".join(f"%m{n}: memref<{LANES}x{t}>" for n, t in types.items())

    def body(load: str, store: str, shape: str) -> str:
        lines = [load.format(n=n, t=types[n]) for n in names]
        text = statements.replace("$i1", shape.format("i1"))
        for n, t in types.items():
            text = text.replace(f"${n}", shape.format(t))
        return "\n".join([*lines, text, store.format(t=types["r"])])

    scalar = body(
        "%{n} = memref.load %m{n}[%i] : memref<8x{t}>",
        "memref.store %r, %mr[%i] : memref<8x{t}>",
        "{}",
    )
    vector = body(
        "%{n} = vector.load %m{n}[%i] : memref<8x{t}>, vector<8x{t}>",
        "vector.store %r, %mr[%i] : memref<8x{t}>, vector<8x{t}>",
        "vector<8x{}>",
    )
    return f"""
    func.func @scalar({arguments}) {{
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      scf.for %i = %c0 to %c8 step %c1 {{
        {scalar}
      }}
      return
    }}
    func.func @vector({arguments}) {{
      %i = arith.constant 0 : index
      {vector}
      return
    }}"""


def check(
    statements: str, output: str, expected: Array, *inputs: tuple[str, Array]
) -> None:
    """Scalars and vectors both give `expected`, to the last bit, NaN being NaN."""
    code = Compiled(elementwise(statements, [t for t, _ in inputs], output), *FORMS)
    for name in FORMS:
        result = np.full(LANES, 99).astype(DTYPES[output])
        code(name, *(array for _, array in inputs), result)
        np.testing.assert_array_equal(result, expected, err_msg=name)
        zeros = (result == 0) & (expected == 0)
        assert (np.signbit(result) == np.signbit(expected))[zeros].all(), name


def floats(t: str = "f32") -> tuple[str, Array]:
    return t, np.array(FLOATS).astype(DTYPES[t])


def integers(t: str, *values: int) -> tuple[str, Array]:
    return t, np.array(values or INTEGERS).astype(DTYPES[t])


def wrapped(values: list[int], t: str) -> Array:
    """Integers modulo the width of `t`."""
    bits = 8 * np.dtype(DTYPES[t]).itemsize
    return np.array(
        [(v + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1) for v in values]
    ).astype(DTYPES[t])
