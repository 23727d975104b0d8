"""Every row of the table of named operations, and what their verifiers refuse."""

import re

import pytest
from xdsl.dialects.linalg.ops import GenericOp

from brdialect.errors import BrError
from brdialect.linalg.formula import Formula
from brdialect.linalg.table import ELEMENTWISE, ROWS, Row
from brdialect.source import context, parse_module, verify
from passes.normalise.generalise_linalg import GeneraliseLinalgPass

STRIDE, DILATION = 2, 3


def shapes(row: Row) -> list[list[int]]:
    """Shapes of the operands that fit, from one distinct size for each loop."""
    sizes = {loop: 2 + i for i, loop in enumerate(row.formula.loops)}
    stride, dilation = (STRIDE, DILATION) if row.strided else (1, 1)

    def extent(word: str) -> int:
        if "*" not in word:
            return sizes[word]
        out, tap = re.findall(r"(\w+)\*", word)
        return (sizes[out] - 1) * stride + (sizes[tap] - 1) * dilation + 1

    return [[extent(word) for word in words] for words in row.formula.operands]


def program(row: Row, element: str = "f32", result: str = "f32") -> str:
    """A function that applies the operation to memrefs."""
    types = [
        f"memref<{''.join(f'{n}x' for n in shape)}{kind}>"
        for shape, kind in zip(shapes(row), (element, element, result), strict=True)
    ]
    window = ""
    if row.strided:
        vector = f"tensor<{row.formula.windows}xi64>"
        window = (
            f" {{strides = dense<{STRIDE}> : {vector}, "
            f"dilations = dense<{DILATION}> : {vector}}}"
        )
    return f"""
      func.func @f(%a: {types[0]}, %b: {types[1]}, %c: {types[2]}) {{
        linalg.{row.name}{window} ins(%a, %b : {types[0]}, {types[1]})
          outs(%c : {types[2]})
        func.return
      }}"""


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
@pytest.mark.parametrize("elements", [("f32", "f32"), ("i8", "i32")])
def test_every_row_parses_prints_and_generalises(
    row: Row, elements: tuple[str, str]
) -> None:
    if row.body.endswith("_unsigned") and elements[0] == "f32":
        pytest.skip("unsigned pooling is one of integers")
    module = parse_module(program(row, *elements))
    assert str(parse_module(str(module))) == str(module)
    GeneraliseLinalgPass().apply(context(), module)
    verify(module)
    generics = [op for op in module.walk() if isinstance(op, GenericOp)]
    assert len(generics) == 1
    strides = [STRIDE if row.strided else 1] * row.formula.windows
    dilations = [DILATION if row.strided else 1] * row.formula.windows
    maps = [m.data for m in generics[0].indexing_maps]
    assert maps == row.formula.maps(strides, dilations)
    assert not any(op.name == f"linalg.{row.name}" for op in module.walk())


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n != "div_unsigned"])
def test_elementwise_generalises(name: str) -> None:
    inputs = 2 if name in ("div", "powf") else 1
    type = "tensor<3x4xf32>"
    module = parse_module(f"""
      func.func @f(%a: {type}) -> {type} {{
        %0 = linalg.{name} ins({", ".join(["%a"] * inputs)} :
            {", ".join([type] * inputs)}) outs(%a : {type}) -> {type}
        func.return %0 : {type}
      }}""")
    GeneraliseLinalgPass().apply(context(), module)
    verify(module)
    assert [op.name for op in module.walk()].count("linalg.generic") == 1


def test_a_formula_orders_loops_as_upstream() -> None:
    formula = Formula("n h*s0+r*d0 w*s1+s*d1 c, r s c f -> n h w f")
    assert formula.loops == ("n", "h", "w", "f", "r", "s", "c")
    assert formula.windows == 2
    image, weights, result = formula.maps([2, 1], [1, 3])
    # n, h, w, f, r, s, c = 1, 2, 3, 4, 5, 6, 7
    point = (1, 2, 3, 4, 5, 6, 7)
    assert image.eval(point, ()) == (1, 2 * 2 + 5, 3 + 6 * 3, 7)
    assert weights.eval(point, ()) == (5, 6, 7, 4)
    assert result.eval(point, ()) == (1, 2, 3, 4)


def test_locations_are_carried_over() -> None:
    module = parse_module(program(ROWS["matvec"]), "net.mlir")
    before = [op.location for op in module.walk() if op.name == "linalg.matvec"]
    GeneraliseLinalgPass().apply(context(), module)
    after = [op.location for op in module.walk() if op.name == "linalg.generic"]
    assert before == after and "net.mlir" in str(before[0])


@pytest.mark.parametrize(
    ("op", "arguments", "message"),
    [
        (
            "linalg.dot ins(%a, %b : tensor<4xf32>, tensor<5xf32>) "
            "outs(%c : tensor<f32>) -> tensor<f32>",
            "%a: tensor<4xf32>, %b: tensor<5xf32>, %c: tensor<f32>",
            r"dimension 0 of operand #1 \(k\) to be 4 like .* operand #0, got 5",
        ),
        (
            "linalg.matvec ins(%a, %a : tensor<4xf32>, tensor<4xf32>) "
            "outs(%a : tensor<4xf32>) -> tensor<4xf32>",
            "%a: tensor<4xf32>",
            r"operand #0 of rank 2 \(m n\), got tensor<4xf32>",
        ),
        (
            "linalg.conv_1d_nwc_wcf {strides = dense<0> : tensor<1xi64>} "
            "ins(%a, %a : tensor<4x4x4xf32>, tensor<4x4x4xf32>) "
            "outs(%a : tensor<4x4x4xf32>) -> tensor<4x4x4xf32>",
            "%a: tensor<4x4x4xf32>",
            r"expected 1 of 1 or more for strides, got \[0\]",
        ),
        (
            "linalg.tanh ins(%a : tensor<4xi32>) outs(%a : tensor<4xi32>) "
            "-> tensor<4xi32>",
            "%a: tensor<4xi32>",
            "'tanh' is defined on floats, got i32",
        ),
        (
            "linalg.div ins(%a : tensor<4xf32>) outs(%a : tensor<4xf32>) "
            "-> tensor<4xf32>",
            "%a: tensor<4xf32>",
            "expected 2 inputs and 1 output, got 2 operands",
        ),
        (
            "linalg.reduce { arith.addf } ins(%a : tensor<4xf32>) "
            "outs(%a : tensor<4xf32>) dimensions = [3]",
            "%a: tensor<4xf32>",
            r"expected distinct dimensions in 0..0, got \[3\]",
        ),
        (
            "linalg.softmax dimension(2) ins(%a : tensor<4xf32>) "
            "outs(%a : tensor<4xf32>) -> tensor<4xf32>",
            "%a: tensor<4xf32>",
            "expected a dimension in 0..0, got 2",
        ),
        (
            "linalg.elementwise kind=#linalg.elementwise_kind<frob> "
            "ins(%a : tensor<4xf32>) outs(%a : tensor<4xf32>) -> tensor<4xf32>",
            "%a: tensor<4xf32>",
            "expected one of .*tanh.*, got 'frob'",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    op: str, arguments: str, message: str
) -> None:
    with pytest.raises(BrError, match=message) as caught:
        text = f"func.func @f({arguments}) {{\n  {op}\n  func.return\n}}"
        parse_module(text, "x.mlir")
    assert str(caught.value).startswith("x.mlir:2:")
    assert "\n" not in str(caught.value)
