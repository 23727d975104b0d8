"""br-bench: the workloads it is asked for, its peers and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_lines import call
from hypothesis import given
from hypothesis import strategies as st

from brdialect.arrays import Array
from brdialect.mistake import BrError
from runtime.cli.bench.descriptor import parse_descriptor
from runtime.cli.bench.gradients import in_pass
from runtime.cli.bench.peers.table import (
    OWN,
    PEERS,
    chosen_peers,
    function_of,
    is_installed,
)
from runtime.cli.bench.race import differences
from runtime.cli.bench.suites import SUITES, parse_layers, rows_of
from runtime.cli.bench.worker import thread_settings
from runtime.cli.bench.workloads import Cell, Convolution, Gemm, Recurrent

TINY = "mb1ic16ih6oc16kh3ph1"
WORK = Gemm(4, 8, 2)

# Descriptors


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    few, sizes = st.integers(1, 3), st.integers(7, 20)
    groups = draw(few)
    return Convolution(
        label="drawn",
        mb=draw(few),
        ic=groups * draw(few),
        ih=draw(sizes),
        iw=draw(sizes),
        oc=groups * draw(few),
        kh=draw(few),
        kw=draw(few),
        sh=draw(few),
        sw=draw(few),
        ph=draw(st.integers(0, 2)),
        pw=draw(st.integers(0, 2)),
        dh=draw(few),
        dw=draw(few),
        g=groups,
    )


def spelled(c: Convolution, separator: str = "") -> str:
    """All of it, the result's size too."""
    names = ("mb", "g", "ic", "ih", "iw", "oc", "oh", "ow", "kh", "kw", "sh", "sw")
    values = {name: getattr(c, name) for name in (*names, "ph", "pw")}
    values |= {"dh": c.dh - 1, "dw": c.dw - 1}
    words = [f"{name}{value}" for name, value in values.items()]
    return separator.join(words) + "ndrawn"


@given(convolutions(), st.sampled_from(["", "_"]))
def test_a_descriptor_says_it_all(c: Convolution, separator: str):
    assert parse_descriptor(spelled(c, separator)) == c


@given(convolutions())
def test_the_padding_follows_from_the_result(c: Convolution):
    """Where it is not given: a padding that reaches the same size."""
    text = spelled(c)
    for name in ("ph", "pw"):
        text = text.replace(f"{name}{getattr(c, name)}", "")
    found = parse_descriptor(text)
    assert found.result == c.result and found.ph <= c.ph and found.pw <= c.pw


def test_what_a_descriptor_leaves_out():
    c = parse_descriptor("ic3ih224oc64oh112kh7sh2ph3")
    assert (c.mb, c.g, c.iw, c.kw, c.sw, c.pw, c.dh) == (2, 1, 224, 7, 2, 3, 1)
    assert c.result == (2, 64, 112, 112) and c.name == "ic3ih224oc64oh112kh7sh2ph3"
    row = parse_descriptor("mb1ic8iw10oc8kw3")
    assert row.shapes() == {"x": (1, 8, 1, 10), "w": (8, 8, 1, 3)}


@pytest.mark.parametrize(
    "text, message",
    [
        ("mb1", "expected ic and oc"),
        ("ic4ih4oc4", "expected ih and kh"),
        ("ic4ih4oc4oh9kh3", r"give \(\d+\) in the convolution"),
        ("ic4ih3oc4kh5", "expected oh of 1 or more"),
        ("ic0ih3oc1kh1", "expected ic of 1 or more"),
        ("ic4ih3oc4kh3g3", "expected channels that 3 groups divide"),
        ("ic4id3oc4kd3", "stopped at 'id3oc4kd3'"),
        ("ic4ic4ih3oc4kh3", "each at most once"),
        ("ic4ih3oc4kh3?", r"stopped at '\?'"),
        ("7", "stopped at '7'"),
    ],
)
def test_wrong_descriptors(text: str, message: str):
    with pytest.raises(BrError, match=message):
        parse_descriptor(text)


# Suites


def test_layers():
    assert parse_layers("1-3,8, 20", 20) == [1, 2, 3, 8, 20]
    assert parse_layers("2,1,2", 2) == [2, 1]
    for text in ("0", "21", "3-1", "1-", "", "a", "1,,2", "-1"):
        with pytest.raises(BrError, match=r"--layers: expected .* from 1 to 20"):
            parse_layers(text, 20)


def test_the_suites():
    counts = {"resnet50": 20, "fc": 8, "gemm": 12, "depthwise": 9, "model": 1}
    counts |= {"lstm": 7, "gru": 7, "mlp": 3}
    assert counts.keys() == SUITES.keys()
    for name, count in counts.items():
        rows = rows_of(name, None, None)
        assert len({row.name for row in rows}) == len(rows) == count
    layers = rows_of("resnet50", 2, None)
    assert {row.result[0] for row in layers} == {2}
    # how often each is in the network, whose convolutions take 3.86 GMAC an image
    times = [1, 4, 1, 3, 2, 1, 1, 4, 4, 3, 1, 1, 6, 6, 5, 1, 1, 3, 3, 2]
    total = sum(n * row.flops for n, row in zip(times, layers, strict=True)) / 4
    assert total == pytest.approx(3.86e9, rel=0.01)
    assert rows_of(TINY, 5, None)[0].result == (5, 16, 6, 6)


def test_recurrent_layers():
    """One for each width, over many sequences and over one."""
    rows = rows_of("lstm", None, None)
    assert [row.name for row in rows[:2] + rows[-1:]] == [
        "lstm n168 c256 k256 t50",
        "lstm n168 c512 k512 t10",
        "lstm n1 c1024 k1024 t50",
    ]
    gru, lstm = rows_of("gru", 3, "2")[0], rows_of("lstm", 3, "2")[0]
    assert gru.result == lstm.result == (10, 3, 512)
    assert lstm.flops == 2 * 10 * 3 * (2048 * 512 + 2048 * 512)
    assert 4 * gru.flops == 3 * lstm.flops


def test_gates_in_another_order():
    workload = Recurrent("lstm", n=1, c=1, k=2, t=1)
    assert workload.gates == "iofc"
    bias = np.array([["i0", "i1", "o0", "o1", "f0", "f1", "c0", "c1"]])
    found = workload.reordered(bias, "ifco")
    assert found.tolist() == [["i0", "i1", "f0", "f1", "c0", "c1", "o0", "o1"]]
    weight = np.arange(8.0).reshape(1, 8, 1)
    assert (workload.reordered(found, "ifco", back=True) == bias).all()
    assert workload.reordered(weight, "cofi")[0, :, 0].tolist() == [
        6,
        7,
        2,
        3,
        4,
        5,
        0,
        1,
    ]


def test_passes():
    """Each layer by its input and by its weights; networks as a whole."""
    forward = rows_of("resnet50", None, "4")
    assert in_pass("fwd", forward) == forward
    (data,), (weights,) = (in_pass(p, forward) for p in ("bwd-data", "bwd-weights"))
    assert data.shapes().keys() == {"w", "dy"} and data.weights == ["w"]
    assert data.results == {"dx": (1, 64, 56, 56)}
    assert weights.shapes().keys() == {"x", "dy"} and weights.weights == []
    assert weights.results == {"dw": (64, 64, 3, 3)}
    assert data.flops == weights.flops == forward[0].flops
    steps = in_pass("train", rows_of("model", None, None, "train"))
    assert [step.name for step in steps] == ["resnet50 n2", "resnet50 n8"]
    assert len(in_pass("train", rows_of("model", 3, None, "train"))) == 1


def test_passes_of_recurrent_layers():
    """One walk gives all gradients, so there is one row for all of them; a step of
    training takes a stack of layers."""
    forward = rows_of("gru", 5, "1")
    (both,) = in_pass("bwd", forward)
    assert in_pass("bwd-data", forward) == in_pass("bwd-weights", forward) == [both]
    assert both.results.keys() == {"dx", "dw", "dr", "db", "drb"}
    assert both.results["dr"] == (1, 768, 256) and both.flops == 2 * forward[0].flops
    assert both.weights == ["w", "r", "b", "rb"]
    steps = in_pass("train", rows_of("gru", None, None, "train"))
    names = [f"gru4 n168 c{c} t{t}" for c, t in ((256, 50), (512, 10), (1024, 10))]
    assert [step.name for step in steps] == names
    (step,) = in_pass("train", rows_of("lstm", 3, "2", "train"))
    assert step.flops == 3 * 4 * (2 * 10 * 3 * 2048 * 1024)
    assert step.shapes()["momentum w3"] == (1, 2048, 512)
    assert step.shapes()["wanted"] == (10, 3, 512)


def test_gradients_of_a_deep_network_may_differ_in_few_elements():
    (step,) = in_pass("train", rows_of("mlp", None, "1"))
    own = [np.ones(shape, np.float32) for shape in step.results.values()]
    theirs = [array.copy() for array in own]
    moment = list(step.results).index("momentum w1")
    theirs[moment][0, 0] = 2.0
    assert not differences(step, {OWN: own, "torch": theirs})
    theirs[moment] *= 1.1
    found = differences(step, {OWN: own, "torch": theirs})
    assert "its result momentum w1 differs" in found["torch"].reason
    theirs[moment] = own[moment]
    theirs[1][0, 0] = 2.0
    assert (
        "its result w0"
        in differences(step, {OWN: own, "torch": theirs})["torch"].reason
    )


def test_peers_that_are_not_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        "runtime.cli.bench.peers.table.is_installed", lambda name: name == "torch"
    )
    there, missing = chosen_peers("onednn,torch,torch")
    assert there == ["torch"]
    assert missing[0].startswith("onednn is not installed and left out (pip install")
    assert chosen_peers(None)[0] == ["torch"] and chosen_peers("") == ([], [])
    with pytest.raises(BrError, match=r"--peers: expected names out of .*, got 'tvm'"):
        chosen_peers("torch,tvm")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("name", sorted(PEERS.keys() - {"torch-compile"}))
def test_peers_have_the_same_recurrent_layers(name: str, cell: Cell):
    """Of four gates in another order all but a few would be wrong."""
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    workload = Recurrent(cell, n=2, c=9, k=16, t=3)
    results: list[Array] = []
    for contestant in (OWN, name):
        prepared = function_of(contestant)(workload, workload.inputs(), 1)
        prepared.run()
        results += prepared.outputs()
    np.testing.assert_allclose(*results, rtol=0, atol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("name", ["onednn", "torch"])
def test_peers_have_the_same_recurrent_gradients(name: str, cell: Cell):
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    (workload,) = in_pass("bwd", [Recurrent(cell, n=2, c=9, k=16, t=3)])
    results: list[list[Array]] = []
    for contestant in (OWN, name):
        prepared = function_of(contestant)(workload, workload.inputs(), 1)
        prepared.run()
        prepared.run()  # nothing is added up from call to call
        results.append(prepared.outputs())
    assert not differences(workload, {OWN: results[0], name: results[1]})
    assert len(results[0]) == len(results[1]) == 5


@pytest.mark.parametrize("pass_", ["bwd-data", "bwd-weights"])
@pytest.mark.parametrize("work", ["mb2ic16ih7oc24kh3sh2ph1g2", "fc"])
def test_onednn_has_the_same_gradients(work: str, pass_: str):
    if not is_installed("onednn"):
        pytest.skip("onednn is not installed")
    (workload,) = in_pass(pass_, rows_of(work, 3, "1"))
    results: list[Array] = []
    for contestant in (OWN, "onednn"):
        prepared = function_of(contestant)(workload, workload.inputs(), 1)
        prepared.run()
        results += prepared.outputs()
    np.testing.assert_allclose(*results, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", PEERS)
def test_thread_counts_are_fixed(name: str):
    settings = thread_settings(name, 2, [4, 5])
    assert settings["OMP_NUM_THREADS"] == "2"
    # a pool that is no OpenMP team would inherit one processor
    bound = name not in ("onnxruntime", "openvino")
    assert settings.get("OMP_PLACES") == ("{4},{5}" if bound else None)


# The command line


def test_a_recurrent_suite(tmp_path: Path):
    options = ("--minibatch=1", "--layers=1", "--samples=1", "--seconds=0.001")
    options += ("--threads=1", "--peers=", "--json=out.json", "--plot=out.png")
    done = call("br-bench", "gru", *options, folder=tmp_path)
    assert done.code == 0, done.errors
    assert "gru n1 c256 k256 t50" in done.output
    (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert row["flops"] == 2 * 50 * 512 * 768 and row["inputs"]["r"] == [1, 768, 256]
    assert (tmp_path / "out.png").stat().st_size > 1000


@pytest.mark.parametrize("pass_", ["bwd", "train"])
def test_passes_of_a_recurrent_suite(pass_: str, tmp_path: Path):
    options = ("--minibatch=1", "--layers=1", "--samples=1", "--seconds=0.001")
    options += ("--threads=1", "--peers=", "--json=out.json", f"--pass={pass_}")
    done = call("br-bench", "lstm", *options, folder=tmp_path)
    assert done.code == 0, done.errors
    (row,) = json.loads((tmp_path / "out.json").read_text())["rows"]
    forward = 2 * 50 * 512 * 1024
    assert row["flops"] == {"bwd": 2, "train": 4 * 3}[pass_] * forward


def test_the_command(tmp_path: Path):
    done = call(
        "br-bench",
        *(TINY, "--threads=1", "--samples=2", "--seconds=0.001", "--peers="),
        *("--json=out.json", "--plot=out.png"),
        folder=tmp_path,
    )
    assert done.code == 0, done.errors
    assert TINY in done.output and "geometric mean" in done.output
    assert "measured in this run" in done.output
    data = json.loads((tmp_path / "out.json").read_text())
    (row,) = data["rows"]
    assert row["contestants"][OWN]["gflops"] > 0 and data["threads"] == 1
    assert (tmp_path / "out.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["tensors"], "expected a suite out of resnet50, fc, gemm"),
        (["mb1ic3"], "expected oc in the convolution"),
        (["lstm", "--layers=8"], "--layers: expected numbers and ranges from 1 to 7"),
        (["resnet50", "--pass=up"], "--pass: expected one of fwd, bwd-data, bwd-w"),
        (["mlp", "--pass=bwd-data"], "expected a convolution, a fully connected or a"),
        (["resnet50", "--pass=train"], "expected a network for --pass=train"),
        (["resnet50", "--layers=0-3"], "--layers: expected numbers and ranges"),
        (["resnet50", "--peers=tvm"], "--peers: expected names out of torch"),
        (["resnet50", "--threads=0"], "expected a number of threads from 1"),
        (["resnet50", "--threads=-2"], "expected a number of threads from 1"),
        (["resnet50", "--threads=99999"], "expected a number of threads from 1"),
        (["resnet50", "--threads=two"], "invalid int value"),
        (["resnet50", "--minibatch=0"], "--minibatch: expected 1 or more"),
        (["gemm", "--minibatch=2"], "--minibatch: gemm has none"),
        (["resnet50", "--samples=0"], "--samples: expected 1 or more"),
        (["resnet50", "--seconds=nan"], "--seconds: expected more than 0 and"),
        (["resnet50", "--plot=x.pdf"], "expected a file named *.png or *.svg"),
        (["resnet50", "--json=no/such.json"], "no/such.json: cannot be written"),
        ([], "the following arguments are required: SUITE"),
    ],
    ids=" ".join,
)
def test_mistakes(arguments: list[str], message: str, tmp_path: Path):
    done = call("br-bench", *arguments, folder=tmp_path)
    assert done.code == 1 and message in done.errors
    assert "Traceback" not in done.errors and "internal fault" not in done.errors
    assert not list(tmp_path.iterdir())
