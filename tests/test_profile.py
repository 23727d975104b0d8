"""`br-run --profile`: which node of a model, or line of a file, takes how long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import onnx
import pytest
from command_lines import call
from numpy.testing import assert_array_equal
from onnx import TensorProto, helper, numpy_helper
from xdsl.context import Context

from brdialect.interface import Nest
from brdialect.mistake import BrError
from brdialect.reference import find_entry
from brdialect.source import parse_module
from passes.gradients.differentiate import BACKWARD, DifferentiatePass
from passes.shared.build import shape_of
from runtime.cli.profile import Profile, Row, rows_of, tick_seconds
from runtime.cli.run import parse_options
from runtime.compiler import Compiled
from runtime.executable import Executable
from runtime.host import resolve_target
from runtime.model import Model, Request

Array = np.ndarray[Any, np.dtype[Any]]

SHAPE = (2, 3, 17, 19)
FLOPS = {
    "first": 2 * (2 * 5 * 9 * 10) * (3 * 3 * 3),
    "second": 2 * (2 * 7 * 9 * 10) * 5,
}
"""Two for each element of the result and of the window."""


def weight(name: str, *shape: int) -> onnx.TensorProto:
    random = np.random.default_rng(len(shape) + shape[0])
    return numpy_helper.from_array(random.standard_normal(shape).astype("f4"), name)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """conv -> bias, ReLU; conv -> softmax."""
    nodes = [
        helper.make_node(
            "Conv", ["x", "w"], ["a"], "first", strides=[2, 2], pads=[1, 1, 1, 1]
        ),
        helper.make_node("Relu", ["a"], ["b"], name="positive"),
        helper.make_node("Conv", ["b", "v"], ["c"], name="second"),
        helper.make_node("Softmax", ["c"], ["y"], axis=1, name="chances"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weight("w", 5, 3, 3, 3), weight("v", 7, 5, 1, 1)],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    proto.ir_version = 8
    onnx.save(proto, tmp_path / "network.onnx")
    return tmp_path / "network.onnx"


def executable(source: Path | str, *inputs: Array, profile: bool) -> Executable:
    """The code for arrays of these shapes."""
    target = resolve_target("host", 1)
    request = Request(source, None, target, cache=False, profile=profile)
    return Compiled(Model(request)).executable(tuple(x.shape for x in inputs))


def test_nests_name_nodes_and_count_their_products(network: Path):
    x = np.random.default_rng(0).standard_normal(SHAPE).astype("f4")
    profiled = executable(network, x, profile=True)
    assert all(nest.nodes for nest in profiled.nests)
    rows = {
        row.name: row
        for row in rows_of(profiled.nests, np.ones(99)[: len(profiled.nests)])
    }
    assert list(rows)[:2] == ["first", "second"] and "chances" in rows
    assert {name: row.flops for name, row in rows.items() if row.flops} == FLOPS
    assert rows["first"].operators == ["Conv", "Relu"]
    assert rows["first"].others == ["positive"]

    plain = executable(network, x, profile=False)
    assert plain.nests == () and plain.clock() == []
    assert_array_equal(profiled([x])[0], plain([x])[0])


def test_the_clock_runs_on(network: Path):
    x = np.zeros(SHAPE, "f4")
    profiled = executable(network, x, profile=True)
    (clock,) = clocks = profiled.clock()
    run = profiled.bind([x], profiled.results([x]), profiled.workspace([x]), clocks)
    run()
    first = clock.copy()
    assert (np.diff(first) > 0).all()
    run()
    assert clock[0] > first[-1]


def as_json(*arguments: object, folder: Path) -> Any:
    done = call("br-run", *arguments, "--json", "--threads=1", folder=folder)
    assert done.code == 0, done.errors
    return json.loads(done.output)


def test_all_time_is_told(network: Path):
    found = as_json(network, "--profile", "--verify=onnx", folder=network.parent)
    assert found["ok"] and found["onnx"]
    profile = found["profile"]
    nodes = profile["nodes"]
    assert [n["name"] for n in nodes][:2] == ["first", "second"]
    told = sum(n["seconds"] for n in nodes) + profile["seconds_between_nodes"]
    assert told == pytest.approx(profile["seconds"])
    assert sum(n["percent"] for n in nodes) <= 100
    for n in nodes[:2]:
        assert n["gflops"] == pytest.approx(n["flops"] / n["seconds"] / 1e9)


def test_a_table_and_a_picture(network: Path):
    done = call("br-run", network, "--profile=p.svg", folder=network.parent)
    assert done.code == 0, done.errors
    lines = done.output.splitlines()
    assert "a call, the mean of the faster half of" in lines[1]
    assert lines[2].split() == ["share", "us", "GFLOP/s", "node", "operators"]
    shares = [float(line.split()[0]) for line in lines[3 : lines.index("") - 1]]
    assert shares == sorted(shares, reverse=True)
    assert any("first" in line and "Conv + Relu" in line for line in lines)
    assert any("(between the nodes)" in line for line in lines)
    assert ElementTree.parse(network.parent / "p.svg").getroot().tag.endswith("svg")


def test_the_second_time_it_comes_from_the_cache(network: Path, tmp_path: Path):
    variables = {"BR_CACHE_DIR": str(tmp_path / "cache")}
    options = ("--profile", "--json", "--threads=1")
    first, second = (
        call("br-run", network, *options, folder=tmp_path, variables=variables)
        for _ in range(2)
    )
    told, again = (
        [(n["name"], n["operators"], n["flops"]) for n in found["profile"]["nodes"]]
        for found in (json.loads(first.output), json.loads(second.output))
    )
    assert told == again
    plain = call("br-run", network, "--json", folder=tmp_path, variables=variables)
    assert "profile" not in json.loads(plain.output)


LSTM = """
func.func @main(%x: tensor<?x2x8xf32>, %w: tensor<1x64x8xf32>,
                %r: tensor<1x64x16xf32>) -> tensor<?x2x16xf32> {
  %y, %h, %c = br.lstm ins(%x, %w, %r : tensor<?x2x8xf32>, tensor<1x64x8xf32>,
    tensor<1x64x16xf32>) -> (tensor<?x2x16xf32>, tensor<1x2x16xf32>, tensor<1x2x16xf32>)
  return %y : tensor<?x2x16xf32>
}
"""


def test_lines_of_a_file_and_steps_of_a_sequence(tmp_path: Path):
    path = tmp_path / "lstm.mlir"
    path.write_text(LSTM)
    shapes = ("--input=5x2x8xf32", "--input=1x64x8xf32", "--input=1x64x16xf32")
    found = as_json(path, *shapes, "--profile", "--verify", folder=tmp_path)
    (row,) = [n for n in found["profile"]["nodes"] if n["flops"]]
    assert row["name"] == f"{path}:4:3" and row["operators"] == ["br.lstm"]
    # the first state is 0
    assert row["flops"] == 2 * 2 * 64 * (5 * 8 + 4 * 16)


def test_products_back_in_time_are_counted():
    # 16 inputs and units, which fill vectors: padding is computed, too, and counts
    module = parse_module(LSTM.replace("?", "5").replace("x8xf32", "x16xf32"))
    DifferentiatePass("main").apply(Context(), module)
    function = find_entry(module, f"main{BACKWARD}")
    shapes = tuple(shape_of(a) for a in function.body.block.args)
    target = resolve_target("host", 1)
    request = Request(module, f"main{BACKWARD}", target, cache=False, profile=True)
    nests = Model(request).executable(shapes).nests
    # two for each product of the forward pass, which has none with the first state
    forward = 2 * 2 * 64 * (5 * 16 + 4 * 16)
    assert sum(nest.flops for nest in nests) == 2 * forward


def test_what_several_nests_do_for_a_node_is_one_row():
    conv, relu, add = ("c", "Conv"), ("r", "Relu"), ("a", "Add")
    nests = [
        Nest([conv], 0),
        Nest([], 7),
        Nest([conv, relu, add], 10),
        Nest([add], 0),
        Nest([conv, relu], 30),
    ]
    rows = rows_of(nests, np.array([1.0, 2.0, 4.0, 8.0, 16.0]))
    assert rows == [
        Row("c", ["Conv", "Relu", "Add"], ["r", "a"], 21.0, 40),
        Row("a", ["Add"], [], 8.0, 0),
    ]
    profile = Profile(1, 31.0, rows)
    assert profile.rest == 2.0 and profile.by_operator() == {"Conv": 21.0, "Add": 8.0}


def test_ticks_are_counted_between_the_ends_of_calls():
    walls = np.array([(0.0, 1.0), (1.5, 2.0), (2.0, 3.0)])
    readings = np.array([[0, 100], [110, 200], [210, 300]])
    assert tick_seconds(walls, readings) == 2.0 / 200


def test_a_picture_of_another_kind_is_refused():
    with pytest.raises(BrError, match=r"\*\.png or \*\.svg, got net\.txt"):
        parse_options(["net.onnx", "--profile=net.txt"])
