"""The reference of the recurrent ops against a loop over single numbers."""

import numpy as np
import pytest
from recurrent import ACTIVATIONS, Layer, by_hand, layers

from brdialect.activations import ACTIVATIONS as KNOWN
from brdialect.activations import parse_activation
from brdialect.reference import ExecutionError, run
from brdialect.source import parse_module


@pytest.mark.parametrize("layer", layers(), ids=str)
def test_every_option(layer: Layer):
    arguments = layer.arguments()
    got = run(parse_module(layer.program()), "main", arguments)
    want = by_hand(layer, arguments)
    assert [x.shape for x in got] == [tuple(layer.shape(r)) for r in layer.results]
    for name, g, w in zip(layer.results, got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-12, atol=1e-13, err_msg=name)


def test_every_activation_is_tried():
    assert [parse_activation(text).name for text in ACTIVATIONS] == list(KNOWN)


def test_in_the_element_type_given():
    layer = Layer("lstm", 5, has=("bias", "initial"))
    module, arguments = parse_module(layer.program()), layer.arguments()
    single = run(module, "main", arguments, precise=False)
    assert {x.dtype for x in single} == {np.dtype(np.float32)}
    for s, d in zip(single, run(module, "main", arguments), strict=True):
        np.testing.assert_allclose(s, d, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("wrong", [-1, 6])
def test_lengths_out_of_range(wrong: int):
    layer = Layer("gru", 5, has=("lengths",))
    *arguments, lengths = layer.arguments()
    lengths[2] = wrong
    with pytest.raises(ExecutionError, match=f"within 0..5, got .*{wrong}"):
        run(parse_module(layer.program()), "main", [*arguments, lengths])
