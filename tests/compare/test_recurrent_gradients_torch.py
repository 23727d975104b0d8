"""Gradients of recurrent layers are those of PyTorch's modules."""

# torch comes without types that pyright could check
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import numpy as np
import pytest
from recurrent import BIASES, Layer
from recurrent_gradients import backward_program, given_gradients

from runtime.compiler import compile

pytestmark = pytest.mark.compare

GATES = {
    "lstm": {"gates": "ifco"},
    "gru": {"gates": "rzh", "linear_before_reset": True},
    "rnn": {},
}
NAMES = {
    "w": "weight_ih_l0",
    "r": "weight_hh_l0",
    "bias": "bias_ih_l0",
    "recurrent_bias": "bias_hh_l0",
}


def torch_gradients(layer: Layer, arguments: list[np.ndarray]) -> list[np.ndarray]:
    """What autograd makes of the module that the layer is."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    given = dict(zip(layer.operands, arguments, strict=True))
    both = layer.directions == 2
    model = getattr(torch.nn, layer.kind.upper())(
        layer.inputs,
        layer.hidden,
        bidirectional=both,
        batch_first=bool(layer.options.get("batch_first")),
        dtype=torch.float64,
    )
    ends = ("", "_reverse")[: layer.directions]
    learnt = dict(model.named_parameters())
    with torch.no_grad():
        for ours, theirs in NAMES.items():
            for d, end in enumerate(ends):
                learnt[theirs + end].copy_(torch.tensor(given[ours][d]))
    free = {
        n: torch.tensor(given[n], requires_grad=True)
        for n in ("x", "h0", "c0")
        if n in given
    }
    states = tuple(free[n] for n in ("h0", "c0") if n in free)
    first = states if len(states) > 1 else states[0] if states else None
    if "lengths" in given:
        lengths = torch.tensor(given["lengths"]).long()
        packed = pack_padded_sequence(
            free["x"], lengths, model.batch_first, enforce_sorted=False
        )
        y, last = model(packed, first)
        y, _ = pad_packed_sequence(y, model.batch_first, total_length=layer.steps)
    else:
        y, last = model(free["x"], first)
    results = [y, *(last if isinstance(last, tuple) else [last])]
    gradients = [torch.tensor(g) for g in given_gradients(layer)]
    torch.autograd.backward(results, gradients)
    found = []
    for name in layer.operands:
        if name in NAMES:
            found.append(np.stack([learnt[NAMES[name] + e].grad for e in ends]))
        elif name in free:
            found.append(free[name].grad.numpy())
    return found


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize(
    ("steps", "lengths", "options"),
    [
        (1, None, {}),
        (2, None, {"batch_first": True}),
        (37, None, {}),
        (5, None, {"direction": "bidirectional", "batch_first": True}),
        (5, [2, 5, 1], {}),
        (5, [5, 3, 1], {"direction": "bidirectional"}),
    ],
)
@pytest.mark.parametrize("has", [(), ("initial",)])
def test_torch(kind: str, steps: int, lengths: list[int] | None, options: dict, has):
    clauses = (*BIASES, *has, *(["lengths"] if lengths else []))
    options = {**GATES[kind], **options}
    layer = Layer(kind, steps, has=clauses, options=options, element="f64")
    arguments = layer.arguments()
    if lengths is not None:
        arguments[-1] = np.array(lengths, np.int32)
    want = torch_gradients(layer, arguments)
    compiled = compile(backward_program(layer), threads=2)
    got = compiled(*arguments, *given_gradients(layer))
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=1e-10, atol=1e-12)
