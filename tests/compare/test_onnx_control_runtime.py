"""If, Loop and Scan of ONNX against onnxruntime."""

import numpy as np
import pytest
from onnx_control import Case, cases

import brdialect

pytestmark = pytest.mark.compare


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_against_onnxruntime(case: Case):
    onnxruntime = pytest.importorskip("onnxruntime")
    from frontends.from_onnx import from_model

    session = onnxruntime.InferenceSession(
        case.model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    want = session.run(None, dict(case.inputs))
    compiled = brdialect.compile(from_model(case.model), cache=False, threads=2)
    got = compiled(*case.inputs.values())
    for ours, theirs in zip(got if len(want) > 1 else [got], want, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
