"""If, Loop and Scan of ONNX whose branches and numbers of trips are known when the
program runs: against onnx's own evaluator, and what cannot be compiled."""

import numpy as np
import onnx
import pytest
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator
from onnx_control import IF, WHILE, Case, array, cases, numbers

import brdialect
from brdialect.errors import BrError
from frontends.from_onnx import from_model


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", [c for c in cases() if c.by_reference], ids=named)
def test_against_the_evaluator(case: Case):
    found = ReferenceEvaluator(case.model).run(None, dict(case.inputs))
    want = [np.asarray(x) for x in found]
    module = from_model(case.model)
    assert case.holds in str(module)
    got = brdialect.compile(module, cache=False, threads=1)(*case.inputs.values())
    for ours, theirs in zip(got if len(want) > 1 else [got], want, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_rows_of_matrices():
    """Of the trips of a loop, which the evaluator joins to one matrix."""
    (case,) = [c for c in cases() if c.name == "rows"]
    h, w = case.inputs.values()
    rows: list[np.ndarray] = []
    for _ in range(13):
        h = np.tanh(h @ w)
        rows.append(-h)
    got = brdialect.compile(from_model(case.model), cache=False, threads=1)
    last, stacked = got(*case.inputs.values())
    np.testing.assert_allclose(last, h, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(stacked, np.stack(rows), rtol=1e-5, atol=1e-6)


def test_weights_of_a_body_are_packed_once():
    """What a loop multiplies by is given at load time, and is no work of a trip."""
    (case,) = [c for c in cases() if c.name == "counted"]
    compiled = brdialect.compile(
        from_model(case.model),
        cache=False,
        threads=1,
        constants={1: numbers(5, 5, seed=1)},
    )
    compiled(case.inputs["x"])
    text = compiled.ir("hoist-load-time")
    load, main = text.split("func.func @main(")
    assert "@main_load" in load
    loop = main[main.index("scf.for") :]
    assert loop.count("linalg.generic") == 1  # the sum of a row


GROWS = """main (float[4] x, int64 m) => (float[k] y) {
  yes = Constant<value = bool {1}>()
  y = Loop(m, yes, x) <body = body (int64 i, bool c, float[k] h)
      => (bool c2, float[l] h2) {
    c2 = Identity(c)
    h2 = Concat<axis = 0>(h, x)
  }>
}"""
CHOSEN_SHAPE = IF.replace("float[3,5] y", "float[k,l] y").replace(
    "(float[3,5] a) { a = Exp(x) }", "(float[5,3] a) { a = Transpose(x) }"
)
ROWS_OF_WHILE = """main (float[4] x) => (float[4] y, float[k, 4] all) {
  yes = Constant<value = bool {1}>()
  m = Constant<value_int = 9>()
  y, all = Loop(m, yes, x) <body = body (int64 i, bool c, float[4] h)
      => (bool c2, float[4] h2, float[4] row) {
    h2 = Add(h, h)
    row = Identity(h)
    s = ReduceMax<keepdims = 0>(h2)
    limit = Constant<value_float = 20.0>()
    c2 = Less(s, limit)
  }>
}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GROWS,
            "node 'y' (Loop): expected a state whose shapes and types are the same in "
            "each trip, got 4xfloat32 and then 8xfloat32 for value 0; more loops are "
            "supported if 'M' is given when the model is compiled",
        ),
        (
            CHOSEN_SHAPE,
            "node 'y' (If): expected branches with results of one shape and type, "
            "because the condition is computed, got 5x3xfloat32 and 3x5xfloat32; only "
            "the branch that runs is built if the condition is given when the model is "
            "compiled",
        ),
        (
            ROWS_OF_WHILE,
            "node 'y, all' (Loop): expected no results that keep a row of each trip, "
            "because the condition is computed and with it their size; only results of "
            "the last trip are supported then",
        ),
        (
            WHILE.replace("c2 = Less(s, limit)", "c2 = Identity(i)"),
            "node 'y, z' (Loop): expected one truth value, got int64; more loops are "
            "supported if 'M' is given when the model is compiled",
        ),
    ],
)
def test_what_cannot_be_a_loop(text: str, message: str):
    with pytest.raises(BrError) as caught:
        from_model(parsed(text))
    assert str(caught.value) == message


def parsed(text: str) -> ModelProto:
    """A model that need not be right."""
    return onnx.parser.parse_model('<ir_version: 8, opset_import: ["" : 17]>\n' + text)


def test_no_rows():
    """Of arrays without elements there is no memory."""
    text = """main (float[0,2] x, float[2,3] w, float[3] b) => (float[0,3] y) {
      h = Gemm(x, w, b)
      r = Relu(h)
      y = MatMul(r, v)
    }"""
    text = text.replace("float[3] b)", "float[3] b, float[3,3] v)")
    given = np.zeros((0, 2), np.float32), numbers(2, 3), numbers(3), numbers(3, 3)
    got = brdialect.compile(from_model(parsed(text)), cache=False)(*given)
    assert got.shape == (0, 3)


def test_what_is_given_decides():
    """A number of trips, or a condition, that is known lets shapes change."""
    x = numbers(4)
    grown = from_model(Case("", GROWS, {}, "").model, values={"m": array(2)})
    got = brdialect.compile(grown, cache=False)(x, array(2))
    np.testing.assert_array_equal(got, np.concatenate([x, x, x]))
    x = numbers(3, 5)
    chosen = from_model(Case("", CHOSEN_SHAPE, {}, "").model, values={"c": array(True)})
    got = brdialect.compile(chosen, cache=False)(x, array(True))
    np.testing.assert_array_equal(got, x.T)


def test_loops_inside_each_other_end():
    """Shapes change, so bodies are written out: a thousand times a thousand times."""
    body, result = "r = Concat<axis = 0>(h, x)", "r"
    for n in range(2):
        inside, result = result, f"r{n}"
        body = f"""{result} = Loop(m, yes, h) <body = b{n} (int64 i{n}, bool c{n},
            float[k] h{n}) => (bool d{n}, float[l] {inside}) {{
          d{n} = Identity(c{n})
          {body}
        }}>"""
    text = f"""main (float[1] x) => (float[k] {result}) {{
      yes = Constant<value = bool {{1}}>()
      m = Constant<value_int = 1000>()
      h = Identity(x)
      {body}
    }}"""
    with pytest.raises(BrError, match="expected a state whose shapes"):
        from_model(Case("", text, {}, "").model)
