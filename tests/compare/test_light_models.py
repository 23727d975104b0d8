"""The nine networks of the ONNX suite, with weights that tell channels apart, against
onnxruntime."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import brdialect

pytestmark = pytest.mark.compare

SUITE = Path(__file__).parent.parent / "conformance"


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The suite's networks."""
    monkeypatch.syspath_prepend(str(SUITE))
    return import_module("light")


NAMES = (
    *("bvlc_alexnet", "densenet121", "inception_v1", "inception_v2", "resnet50"),
    *("shufflenet", "squeezenet", "vgg19", "zfnet512"),
)


@pytest.mark.parametrize("name", NAMES)
def test_light_model(name: str, light: Any):
    onnxruntime = pytest.importorskip("onnxruntime")
    from frontends.from_onnx import from_model

    (path,) = [p for p in light.light_models() if p.stem == f"light_{name}"]
    case = light.light_case(path)
    model = light.with_random_weights(case.model)
    ((given, _),) = case.data
    x = np.random.default_rng(0).standard_normal(given[0].shape, np.float32)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (want,) = session.run(None, {session.get_inputs()[0].name: x})
    got = brdialect.compile(from_model(model), cache=False)(x)
    assert np.abs(got - want).max() <= 1e-3 * np.abs(want).max()


def test_every_network_is_named(light: Any):
    assert sorted(p.stem for p in light.light_models()) == [
        f"light_{name}" for name in NAMES
    ]
    assert str(SUITE) in sys.path
