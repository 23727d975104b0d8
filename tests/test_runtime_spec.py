"""SPEC, the text form of an array on the command lines, and the checks of arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brdialect.errors import BrError
from runtime.arguments import Array, Parameter, aligned_empty, check_arrays
from runtime.cli.spec import parse_spec


def parse(text: str) -> Array:
    return parse_spec(text, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("4xf32=1,2,3,4", np.array([1, 2, 3, 4], np.float32)),
        ("4xf32=1 2 3 4", np.array([1, 2, 3, 4], np.float32)),
        ("2x2xi32=[[1,2],[3,4]]", np.array([[1, 2], [3, 4]], np.int32)),
        ("2x2xi32=[1 2][3 4]", np.array([[1, 2], [3, 4]], np.int32)),
        ("3x2xf32=0.5", np.full((3, 2), 0.5, np.float32)),
        ("2xf64=-inf,NaN", np.array([-np.inf, np.nan])),
        ("f32=2", np.array(2, np.float32)),
        ("i64=-3", np.array(-3, np.int64)),
        ("ui8=0xff", np.array(255, np.uint8)),
        ("2xi1=true,0", np.array([True, False])),
        ("2xindex=1,2", np.array([1, 2], np.int64)),
        ("index=7", np.array(7, np.int64)),
        ("0x3xf32=1", np.zeros((0, 3), np.float32)),
        ("2xf16=1e3", np.array([1000, 1000], np.float16)),
    ],
)
def test_values(text: str, want: Array):
    got = parse(text)
    assert got.dtype == want.dtype
    assert_array_equal(got, want, strict=True)


def test_random_values_are_seeded_and_small():
    first = parse("1x3x8x8xf32")
    assert_array_equal(first, parse("1x3x8x8xf32"))
    assert first.shape == (1, 3, 8, 8) and 0 < np.abs(first).max() < 10
    integers = parse("100xi8")
    assert integers.min() >= 0 and integers.max() == 7
    assert set(parse("100xi1").tolist()) == {True, False}


def test_files(tmp_path: Path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", values)
    (tmp_path / "x.bin").write_bytes(values.tobytes())
    for text in ("@{}/x.npy", "2x3xf32=@{}/x.npy", "2x3xf32=@{}/x.bin"):
        assert_array_equal(parse(text.format(tmp_path)), values, strict=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a SPEC such as"),
        ("4xf33", r"expected a SPEC .* got '4xf33'"),
        ("-4xf32", "expected a SPEC"),
        ("?x4xf32", "expected a SPEC"),
        ("4xx4xf32", "expected a SPEC"),
        ("4xf32=1,2,3", "expected 1 or 4 values in '4xf32=1,2,3', got 3"),
        ("4xf32=", "expected 1 or 4 values .* got 0"),
        ("2xi8=1,300", "expected values of type int8 .*300"),
        ("2xi8=1.5", "expected values of type int8"),
        ("f32=one", "expected values of type float32 .*one"),
        ("i1=2", "'2' is not 0, 1, true or false"),
        ("99999999999x99999999999xf32=1", "GiB of memory for"),
        ("99999999999x99999999999xf32", "GiB of memory for"),
        ("@none.npy", "none.npy: No such file"),
        ("2xf32=@none.bin", "none.bin: No such file"),
    ],
)
def test_bad_spec(text: str, message: str):
    with pytest.raises(BrError, match=message):
        parse(text)


def test_bad_files(tmp_path: Path):
    np.save(tmp_path / "x.npy", np.zeros((2, 3)))
    with pytest.raises(BrError, match="expected 3x2xfloat64, got 2x3xfloat64"):
        parse(f"3x2xf64=@{tmp_path}/x.npy")
    with pytest.raises(BrError, match="expected 2x3xfloat32, got 2x3xfloat64"):
        parse(f"2x3xf32=@{tmp_path}/x.npy")
    (tmp_path / "bad.npy").write_bytes(b"not an array")
    with pytest.raises(BrError, match=r"bad.npy: expected an array of numbers"):
        parse(f"@{tmp_path}/bad.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-8])
    with pytest.raises(BrError, match=r"cut.npy: expected an array of numbers"):
        parse(f"@{tmp_path}/cut.npy")
    np.savez(tmp_path / "many.npy", np.zeros(2))
    (tmp_path / "many.npy.npz").rename(tmp_path / "many.npy")
    with pytest.raises(BrError, match="got an archive of several"):
        parse(f"@{tmp_path}/many.npy")
    (tmp_path / "x.bin").write_bytes(b"123")
    with pytest.raises(BrError, match="expected 8 bytes of raw values, got 3"):
        parse(f"2xf32=@{tmp_path}/x.bin")


F32 = np.dtype(np.float32)


def check(parameters: list[Parameter], *values: object) -> list[Array]:
    names = [f"argument {i}" for i in range(len(parameters))]
    return check_arrays(parameters, values, names)


def test_arguments_are_made_contiguous():
    view = np.arange(24, dtype=F32).reshape(4, 6)[::2, ::-3]
    (array,) = check([Parameter((2, None), F32)], view)
    assert array.flags.c_contiguous
    assert_array_equal(array, view)
    (scalar,) = check([Parameter((), F32, scalar=True)], 2.5)
    assert scalar.shape == () and scalar.dtype == F32


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], r"expected 1 arguments \(2x\?xfloat32\), got 0"),
        (
            [np.zeros((3, 2), F32)],
            r"argument 0: expected 2x\?xfloat32, got 3x2x",
        ),
        ([np.zeros((2,), F32)], r"got 2xfloat32"),
        ([np.zeros((2, 2))], r"got 2x2xfloat64"),
        ([np.zeros((2, 2), ">f4")], r"expected 2x\?xfloat32, got 2x2x>f4"),
        (["text"], "got <U4"),
        ([object()], "got object"),
    ],
)
def test_bad_arguments(values: list[object], message: str):
    with pytest.raises(BrError, match=message):
        check([Parameter((2, None), F32)], *values)


def test_buffers_are_aligned_or_refused():
    for size in (1, 7, 4097):
        assert aligned_empty((size,), F32).ctypes.data % 64 == 0
    with pytest.raises(BrError, match=r"GiB of memory for results, but .*; use"):
        aligned_empty((1 << 40, 1 << 10), F32, "results")
