"""Makes and runs functions around one linalg.generic on memrefs, for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from native import native
from numpy.typing import NDArray

Array = NDArray[Any]
ELEMENTS = {
    "f32": np.float32,
    "f64": np.float64,
    "f16": np.float16,
    "i64": np.int64,
    "i32": np.int32,
    "i8": np.int8,
    "i1": np.bool_,
}
WIDTHS = [16, 32, 64]
"""Vector registers of NEON, AVX2 and AVX-512; the host's code generator splits those it
does not have."""


def generic(
    operands: str, maps: str, iterators: str, body: str, inputs: int, extra: str = ""
) -> str:
    """`func.func @f` around one linalg.generic.

    `operands` are the types, inputs first; `maps` are `(d0, d1) -> (d1), ...`;
    `iterators` is a letter a loop, p or r. The body's arguments are %a0, %a1, ...
    """
    types = [t.strip() for t in operands.split(";")]
    elements = [
        t[t.index("<") + 1 :].split(",")[0].split("x")[-1].rstrip(">") for t in types
    ]
    names = [f"%x{i}" for i in range(len(types))]
    kinds = {"p": '"parallel"', "r": '"reduction"'}
    arguments = ", ".join(f"{n}: {t}" for n, t in zip(names, types, strict=True))

    def group(part: slice) -> str:
        return f"({', '.join(names[part])} : {', '.join(types[part])})"

    ins = f"ins{group(slice(inputs))}" if inputs else ""
    affine = ", ".join(f"affine_map<{m.strip()}>" for m in maps.split(";"))
    block = ", ".join(f"%a{i}: {t}" for i, t in enumerate(elements))
    return f"""
    func.func @f({arguments}) {{
      {extra}
      linalg.generic {{indexing_maps = [{affine}],
                       iterator_types = [{", ".join(kinds[c] for c in iterators)}]}}
      {ins} outs{group(slice(inputs, None))} {{
      ^bb0({block}):
        {body}
      }}
      return
    }}"""


def filled(shape: tuple[int, ...], element: str = "f32", seed: int = 0) -> Array:
    """Numbers that are exact in every type, with ties."""
    rng = np.random.default_rng(seed)
    low, high = (0, 2) if element == "i1" else (-9, 10)
    return rng.integers(low, high, shape).astype(ELEMENTS[element])


def run(
    text: str, *arrays: Array, threads: int = 1, vector_bytes: int | None = None
) -> tuple[Array, ...]:
    """Copies of the arrays after the call."""
    copies = tuple(a.copy() for a in arrays)
    native(text, threads=threads, vector_bytes=vector_bytes)(*copies)
    return copies


ADD = "%r = arith.addf %a0, %a1 : f32\n linalg.yield %r : f32"
