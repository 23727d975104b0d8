"""LSTM, GRU and RNN on GPUs: their launches run in numpy, against the reference."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from gpu import SM_80, SM_90, assemble, called, lowered, needs_ptxas, ptx_of
from recurrent import ALL_OF, BIASES, Layer
from recurrent_gradients import (
    backward_program,
    differentiated,
    given_gradients,
    reference_gradients,
)

import passes.recurrent.recurrent_panels
import passes.schedule.default_tile
from brdialect.errors import BrError
from brdialect.launch_plan import Launch, Repeat, Scalar, flattened, plan_from_json
from brdialect.recurrent import Option
from brdialect.reference import run
from brdialect.source import parse_module
from brdialect.target import target_named
from brdialect.warpgroup_ops import WarpgroupMmaOp
from passes.gradients.differentiate import BACKWARD
from runtime.program import load_program

LIMIT = {"tf32": 3e-3, "exact": 2e-6, "f64": 1e-14}
"""Times the largest number of a result, after a few steps."""

EVERY = [
    Layer(kind, 3, has=has, options={**options, "direction": "bidirectional", **more})
    for kind, (has, options) in ALL_OF.items()
    for more in ({}, {"batch_first": True})
]
"""All options together, with and without sequences that lie together."""

OTHERS = [
    Layer("lstm", 1),
    Layer("lstm", 9, options={"direction": "reverse"}),
    Layer("lstm", 3, 8, 16, 32),
    Layer("lstm", 5, 1, 4, 33),
    Layer("lstm", 2, 1, 1, 1),
    Layer("lstm", 5, batch=0),
    Layer("lstm", has=("bias", "peepholes"), cell=True),
    # a candidate in front, in the middle and at the end
    *(
        Layer("gru", 3, has=BIASES, options={"gates": order})
        for order in ("hrz", "zhr", "zrh")
    ),
    Layer("gru", 5, has=(*BIASES, "lengths"), options={"direction": "reverse"}),
    Layer("rnn", 3, options={"activations": ["elu(0.7)"]}),
]


def check(layer: Layer, kind: str, target: str = SM_80) -> int:
    """The results against the reference in float64; the number of launches."""
    layer = replace(layer, element="f64" if kind == "f64" else "f32")
    module = lowered(layer.program(), target, exact=kind == "exact")
    got, seen = called(module, layer.arguments())
    want = run(parse_module(layer.program()), "main", layer.arguments())
    for name, g, w in zip(layer.results, got, want, strict=True):
        atol = LIMIT[kind] * max(1.0, np.abs(w).max(initial=0))
        np.testing.assert_allclose(g, w, rtol=0, atol=atol, err_msg=name)
    assert not any(seen.conflicts.values())
    return seen.launches


@pytest.mark.parametrize("layer", EVERY, ids=str)
def test_all_options_together(layer: Layer):
    check(layer, "exact")


@pytest.mark.parametrize(
    ("layer", "kind"),
    [(x, ("tf32", "exact", "f64")[i % 3]) for i, x in enumerate(OTHERS)],
    ids=str,
)
def test_options_alone(layer: Layer, kind: str):
    check(layer, kind)


@pytest.mark.parametrize(
    ("steps", "direction", "batch_first"),
    [(8, "forward", False), (11, "forward", True), (11, "reverse", False)],
)
def test_chunks_of_time(
    steps: int, direction: str, batch_first: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(passes.recurrent.recurrent_panels, "GATES_BYTES", 1)
    options: dict[str, Option] = {"direction": direction}
    options |= {"batch_first": True} if batch_first else {}
    layer = Layer("rnn", steps, options=options)
    chunks = -(-steps // 4)
    assert check(layer, "tf32") == 5 + chunks + steps


@pytest.mark.parametrize(
    ("layer", "parts"),
    [
        (Layer("lstm", 4, has=("lengths",)), 5),
        (Layer("gru", 3, options={"linear_before_reset": True}), 4),
        (Layer("gru", 2), 3),
    ],
    ids=str,
)
def test_what_gradients_need_is_saved(layer: Layer, parts: int):
    names, types = (
        ", ".join(f(name) for name in layer.results)
        for f in ("%{}".format, layer.type_of)
    )
    sizes = f"1x{layer.steps}x{layer.batch}x{parts * layer.hidden}"
    saved = f"{types}, tensor<{sizes}xf32>"
    text = layer.program().replace(f"({types})", f"({saved})")
    text = text.replace(f"{names} = br", f"{names}, %saved = br")
    text = text.replace(
        f"return {names} : {types}", f"return {names}, %saved : {saved}"
    )
    got, _ = called(lowered(text, exact=True), layer.arguments())
    want = run(parse_module(text), "main", layer.arguments())
    assert len(got) == len(layer.results) + 1
    for g, w in zip(got, want, strict=True):
        np.testing.assert_allclose(g, w, rtol=0, atol=2e-6 * max(1.0, np.abs(w).max()))


def test_the_cell_behind_wgmma(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(passes.schedule.default_tile, "TILES", ())
    layer = Layer("lstm", 3, 5, 6, 7, has=("initial", "lengths"))
    module = lowered(layer.program(), SM_90)
    count = sum(isinstance(op, WarpgroupMmaOp) for op in module.walk())
    assert count == 2  # of all steps' inputs, and in a step
    check(layer, "tf32", SM_90)


BACK = [
    *EVERY,
    *(x for x in OTHERS if not x.cell and x.batch and x.batch * x.hidden < 100),
    Layer("lstm", 2, 7, 9, 36, has=("peepholes", "lengths")),
]
"""Layers to differentiate."""


@pytest.mark.parametrize(
    ("layer", "kind"),
    [(x, ("exact", "tf32", "f64")[i % 3]) for i, x in enumerate(BACK)],
    ids=str,
)
def test_gradients(layer: Layer, kind: str):
    """Layer and gradients in one program, against the reference of both."""
    layer = replace(layer, element="f64" if kind == "f64" else "f32")
    module = lowered(backward_program(layer), exact=kind == "exact")
    given = [*layer.arguments(), *given_gradients(layer)]
    found, seen = called(module, given, "main" + BACKWARD)
    want = reference_gradients(layer)
    for i, g, w in zip(differentiated(layer), found, want, strict=True):
        atol = 2 * LIMIT[kind] * max(1.0, np.abs(w).max(initial=0))
        name = f"gradient of {layer.operands[i]}"
        np.testing.assert_allclose(g, w, rtol=0, atol=atol, err_msg=name)
    assert not any(seen.conflicts.values())


def plan_of(layer: Layer):
    """How a layer is launched."""
    program = load_program(layer.program(), None, target_named(SM_80))
    shapes = program.signature.static_shapes()
    assert shapes is not None
    plan = program.lowered(shapes).plan
    assert plan is not None
    return plan


def test_the_plan_repeats_the_launches_of_a_step():
    short, long = (
        plan_of(Layer("lstm", n, has=("lengths",), options={"direction": "reverse"}))
        for n in (5, 5000)
    )
    assert len(short.kernels) == len(long.kernels)
    assert len(short.run) == len(long.run)
    assert plan_from_json(json.loads(json.dumps(long.to_json()))) == long
    (loop,) = (x for x in long.run if isinstance(x, Repeat))
    assert loop.times == 5000
    (step,) = loop.body
    assert isinstance(step, Launch)
    numbers = "4999-1 * t0 : int64, 4999-1 * t0 : int64, 0+1 * t0 : int64"
    assert str(step).endswith(numbers)
    assert f"for t0 below 5000:\n//     {step}" in str(long)
    numbers = [
        (launch.arguments[-2], turns)
        for launch, turns in flattened(short.run)
        if launch.kernel.endswith("_step")
    ]
    places = [x.at(turns) for x, turns in numbers if isinstance(x, Scalar)]
    assert places == [4, 3, 2, 1, 0]


@needs_ptxas
@pytest.mark.parametrize(("target", "arch"), [(SM_80, "sm_80"), (SM_90, "sm_90a")])
def test_the_kernels_assemble(target: str, arch: str):
    large = Layer("lstm", 5, 168, 1024, 1024, has=("lengths", "peepholes"))
    for layer, last in ((large, "_step"), (EVERY[2], "_cell")):
        module = lowered(layer.program(), target)
        ptx = ptx_of(module, target)
        assert ("wgmma" in ptx) == (arch == "sm_90a" and layer is large)
        usage, _ = assemble(ptx, arch)
        assert any(name.endswith(last) for name in usage)
        for name, used in usage.items():
            assert (used.spills, used.stack) == (0, 0), name


@needs_ptxas
@pytest.mark.parametrize(("target", "arch"), [(SM_80, "sm_80"), (SM_90, "sm_90a")])
def test_the_kernels_of_gradients_assemble(target: str, arch: str):
    large = Layer("lstm", 5, 168, 512, 1024, has=("lengths", "peepholes"))
    for layer in (large, EVERY[2]):
        module = lowered(backward_program(layer), target)
        usage, _ = assemble(ptx_of(module, target), arch)
        names = [name for name in usage if "_backward_" in name]
        assert {"begin", "cell", "end", "sums"} <= {x.split("_")[-1] for x in names}
        for name, used in usage.items():
            assert (used.spills, used.stack) == (0, 0), name


def test_weights_are_read_as_they_are():
    """R and x need no panels: no copies of them beside those of the layer itself."""
    layer = Layer("lstm", 4, 3, 5, 7)
    program = load_program(backward_program(layer), None, target_named(SM_80))
    shapes = program.signature.static_shapes()
    assert shapes is not None
    plan = program.device_code(shapes).plan
    assert len([x for x in plan.run if isinstance(x, Repeat)]) == 2
    last = [str(x) for x, _ in flattened(plan.run) if "_product_" in x.kernel][-1]
    assert last.split(", ")[1] == "argument 2"


def test_a_length_that_is_open():
    text = Layer("rnn").program(open_sizes=True)
    for sizes, letter in (("?x?x", "N"), ("?x3x", "T")):
        with pytest.raises(BrError, match=f"expected {letter} known"):
            lowered(text.replace("?x?x", sizes).replace("1x?x", "1x3x"))
