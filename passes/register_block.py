"""How many rows and vectors of C one micro-kernel keeps in registers."""

from __future__ import annotations

from brdialect.target import Target

ACCUMULATORS = 8
"""Independent FMAs that hide the latency of one: 4 cycles, two a cycle."""


def default_register_block(
    m: int | None, n: int | None, lanes: int, target: Target
) -> tuple[int, int]:
    """Rows x vectors for an m x n block (None: known at run time only).

    Registers hold rows * vectors accumulators, the vectors of B and one broadcast of A:
    6 x 2 of 16 registers, 6 x 4 of 32 (7 x 4 spills: 28 + 4 + 1). Rows are spread
    evenly over the tiles; a block of few rows takes more vectors instead, so that there
    are enough accumulators to hide the latency of the FMA.
    """
    registers = target.vector_registers
    vectors = 4 if registers >= 32 else 2
    if n is not None:
        vectors = max(1, min(vectors, -(-n // lanes)))
    most = (registers - vectors - 1) // vectors
    if vectors == 4:
        most = min(most, 6)
    rows = most if m is None else max(1, -(-m // max(1, -(-m // most))))
    while rows * vectors < ACCUMULATORS and (n is None or vectors * lanes < n):
        # one row uses each vector of B once: straight from memory
        of_b = vectors + 1 if rows > 1 else 0
        if rows * (vectors + 1) + of_b + 1 > registers:
            break
        vectors += 1
    return rows, vectors
