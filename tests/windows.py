"""What the tests of 3x3 windows share."""

from __future__ import annotations

import pytest

from passes.fuse import window_blocks, window_choice
from runtime.host import host_target


def small_blocks(patch: pytest.MonkeyPatch) -> None:
    """Lets a few tiles be a block: the small cases of a test have several then."""
    patch.setattr(window_blocks, "L2_FILLS", 0)
    patch.setattr(window_blocks, "LEAST_ROWS", 5)
    patch.setattr(window_blocks, "MOST_WASTE", 1.0)
    patch.setattr(window_choice, "LEAST_BLOCK", 0)
    patch.setattr(window_choice, "SUMS_IN_L2", 1000)


def small_columns(patch: pytest.MonkeyPatch) -> None:
    """Lets a few columns be a block, and no tiles."""
    patch.setattr(window_blocks, "L2_FILLS", 512e3 / host_target().l2)
    patch.setattr(window_blocks, "LEAST_ROWS", 10_000)
    patch.setattr(window_blocks, "COLUMN_VECTORS", (1,))
