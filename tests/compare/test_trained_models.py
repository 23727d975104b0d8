"""Trained networks compute what ONNX Runtime computes, on inputs they were made for."""

# onnxruntime comes without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from trained_models import (
    Array,
    denoiser,
    denoiser_inputs,
    speech,
    text_direction,
    voice_detector,
    voice_detector_inputs,
)

import brdialect
from runtime.cli.compare import compare

pytestmark = pytest.mark.compare


def outputs(path: Path, *calls: Mapping[str, Array]) -> list[Sequence[Array]]:
    """The results of each call, which ONNX Runtime agrees with."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    compiled = brdialect.compile(path, threads=2)
    every: list[Sequence[Array]] = []
    for inputs in calls:
        returned = compiled(*inputs.values())
        got = returned if isinstance(returned, tuple) else (returned,)
        for ours, theirs in zip(got, session.run(None, dict(inputs)), strict=True):
            comparison = compare(ours, theirs, rtol=1e-4, atol=0)
            assert comparison.ok, str(comparison)
        every.append(got)
    return every


def test_text_that_stands_on_its_head(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The example's pictures, and what it says of them."""
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path))  # compiled once for both
    example = Path(__file__).parents[2] / "examples/text_direction.py"
    parts = runpy.run_path(str(example))
    upright = [parts["line_of_text"](text) for text in parts["TEXTS"]]
    calls = [{"x": x} for x in (*upright, *map(parts["turned"], upright))]
    answers = [int(y.argmax()) for (y,) in outputs(text_direction(), *calls)]
    assert answers == [0, 0, 1, 1]
    run = [sys.executable, example, text_direction(), parts["TEXTS"][0]]
    told = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "as drawn: upright" in told and "turned: upside down" in told


def test_denoiser():
    ((gains,),) = outputs(denoiser(), denoiser_inputs(speech()))
    # more of the sound is kept where someone speaks than in the pause behind it
    assert gains[0, 25:35].mean() > 2 * gains[0, -10:].mean()


def test_where_someone_speaks():
    ((chances, *_),) = outputs(voice_detector(), voice_detector_inputs(speech()))
    speaks = np.flatnonzero(chances > 0.5)
    assert chances[:6].max() < 0.1 and chances[-4:].max() < 0.1
    assert 6 in speaks and 12 in speaks
