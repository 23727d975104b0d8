"""What the tests of 3x3 windows share."""

from __future__ import annotations

import pytest

from passes.fuse import window_blocks, window_choice


def small_blocks(patch: pytest.MonkeyPatch) -> None:
    """Lets a few tiles be a block: the small cases of a test have several then."""
    patch.setattr(window_blocks, "L2_FILLS", 0)
    patch.setattr(window_blocks, "LEAST_ROWS", 5)
    patch.setattr(window_blocks, "MOST_WASTE", 1.0)
    patch.setattr(window_choice, "LEAST_BLOCK", 0)
    patch.setattr(window_choice, "SUMS_IN_L2", 1000)
