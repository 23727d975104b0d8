"""Programs for GPUs from file to result, on a driver that runs them in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fake_driver import FakeDriver, fake
from gpu import SM_80, error

import brdialect

__all__ = ["fake"]
EXAMPLES = Path(__file__).parent.parent / "examples"


def test_a_network_reads_digits(fake: FakeDriver):
    with np.load(EXAMPLES / "digits_test.npz") as data:
        images = data["images"][:3]
    path = EXAMPLES / "digits_cnn.mlir"
    f = brdialect.compile(path, target=SM_80, cache=False)
    got = f(images)
    want = brdialect.compile(path, cache=False)(images)
    assert isinstance(got, np.ndarray) and isinstance(want, np.ndarray)
    assert error(got, want) < 1e-3
    assert not any(fake.seen.conflicts.values())
    assert ".target sm_80" in f.assembly()
    assert "br.mma" in f.ir("convert-br-to-mma")
