"""Every mistake in a file or an input ends in one message and exit code 1.

No traceback, no crash, no output file: each test calls a command line as a process and
looks at what it leaves behind.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from bad_files import ADD, BAD_FILES, RESOURCE
from command_lines import Done, call

OUTPUTS = {
    "br-opt": ("-p", "lower-to-cpu", "-t", "asm", "-o", "made.s"),
    "br-run": ("--output=made.npz",),
    "br-compile": ("-o", "made.o"),
}


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def refused(folder: Path, tool: str, *arguments: object) -> str:
    """The message of a call that must fail and leave everything as it was."""
    before = contents(folder)
    done = call(tool, *arguments, folder=folder)
    assert done.code == 1, done
    assert done.errors.startswith("error: ") and "Traceback" not in done.errors, done
    assert "internal fault" not in done.errors, done
    assert done.output == "", done
    assert contents(folder) == before
    return done.errors


def succeeded(folder: Path, tool: str, *arguments: object) -> Done:
    """A call that must succeed."""
    done = call(tool, *arguments, folder=folder)
    assert (done.code, done.errors) == (0, ""), done
    return done


@pytest.fixture
def add(tmp_path: Path) -> Path:
    """A folder with `add.mlir`, which is good."""
    (tmp_path / "add.mlir").write_text(ADD)
    return tmp_path


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("tool", OUTPUTS)
def test_bad_files(tmp_path: Path, tool: str, name: str):
    text, message = BAD_FILES[name]
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "bad.mlir").write_bytes(data)
    told = refused(tmp_path, tool, "bad.mlir", *OUTPUTS[tool])
    assert "bad.mlir" in told and message.format("bad.mlir") in told


@pytest.mark.parametrize("tool", OUTPUTS)
def test_files_that_are_none(tmp_path: Path, tool: str):
    told = refused(tmp_path, tool, "none.mlir", *OUTPUTS[tool])
    assert "none.mlir: cannot" in told and "No such file" in told
    told = refused(tmp_path, tool, tmp_path, *OUTPUTS[tool])
    assert f"{tmp_path}: cannot" in told and "Is a directory" in told


@pytest.mark.parametrize("tool", ["br-run", "br-compile"])
@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("", "expected a resource 'w' in the section"),
        ('w: "0x040000000000803F"', "expected 16 bytes for a constant of"),
        ('w: "0x04000000zzzzzzzz"', "expected hexadecimal digits in the resource 'w'"),
    ],
)
def test_weights_in_the_file(tmp_path: Path, tool: str, section: str, message: str):
    section = f"{{-# dialect_resources: {{ builtin: {{ {section} }} }} #-}}\n"
    (tmp_path / "bad.mlir").write_text(RESOURCE + section)
    told = refused(tmp_path, tool, "bad.mlir", *OUTPUTS[tool])
    assert "bad.mlir" in told and message in told


def array_files(folder: Path) -> None:
    """Files that are no arrays of four floats, one for each way to be wrong."""
    np.save(folder / "good.npy", np.ones(4, np.float32))
    good = (folder / "good.npy").read_bytes()
    np.savez(folder / "archive.npz", a=np.ones(4, np.float32))
    (folder / "cut.npy").write_bytes(good[:-6])
    (folder / "cut_header.npy").write_bytes(good[:20])
    (folder / "cut.npz").write_bytes((folder / "archive.npz").read_bytes()[:50])
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("1 2 3 4")
    # the spaces that fill the header up make room for the longer number
    huge = good.replace(b"(4,), }" + b" " * 13, b"(99999999999999,), }")
    (folder / "huge.npy").write_bytes(huge)
    objects = np.array([None, 1, 2, 3], object)
    np.save(folder / "objects.npy", objects, allow_pickle=True)
    for name, array in {
        "double": np.ones(4),
        "complex": np.ones(4, np.complex64),
        "swapped": np.ones(4, ">f4"),
        "words": np.array(["a"] * 4),
        "record": np.zeros(4, [("a", "f4")]),
        "square": np.ones((2, 2), np.float32),
        "short": np.ones(3, np.float32),
    }.items():
        np.save(folder / f"{name}.npy", array)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("none.npy", "none.npy: No such file"),
        ("none.npz", "none.npz: No such file"),
        (".", ".: Is a directory"),
        ("archive.npz", "archive.npz: expected one array (.npy), got an archive"),
        ("cut.npz", "cut.npz: expected an array of numbers"),
        ("cut.npy", "cut.npy: expected an array of numbers"),
        ("cut_header.npy", "cut_header.npy: expected an array of numbers"),
        ("empty.npy", "empty.npy: expected an array of numbers"),
        ("text.npy", "text.npy: expected an array of numbers"),
        ("objects.npy", "objects.npy: expected an array of numbers"),
        ("huge.npy", "huge.npy: expected an array of numbers"),
        ("double.npy", "argument 0: expected 4xfloat32, got 4xfloat64"),
        ("complex.npy", "argument 0: expected 4xfloat32, got 4xcomplex64"),
        ("swapped.npy", "argument 0: expected 4xfloat32, got 4x>f4"),
        ("words.npy", "argument 0: expected 4xfloat32, got 4x<U1"),
        ("record.npy", "argument 0: expected 4xfloat32, got"),
        ("square.npy", "argument 0: expected 4xfloat32, got 2x2xfloat32"),
        ("short.npy", "argument 0: expected 4xfloat32, got 3xfloat32"),
    ],
)
def test_array_files(add: Path, file: str, message: str):
    array_files(add)
    told = refused(add, "br-run", "add.mlir", f"--input=@{file}", "--output=made.npz")
    assert "add.mlir: " in told and message in told


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "expected a SPEC such as"),
        ("4xf33", "expected a SPEC such as"),
        ("-4xf32", "expected a SPEC such as"),
        ("?xf32", "expected a SPEC such as"),
        ("4xf32=1,2", "expected 1 or 4 values"),
        ("4xf32=1,2,x,4", "could not convert string to float: 'x'"),
        ("0xf32", "argument 0: expected 4xfloat32, got 0xfloat32"),
        ("99999999999999999999xf32", "of memory for a random argument"),
        ("1000000x1000000xf32=0", "of memory for"),
    ],
)
def test_specs(add: Path, spec: str, message: str):
    told = refused(add, "br-run", "add.mlir", f"--input={spec}", "--output=made.npz")
    assert message in told


def test_number_of_inputs(add: Path):
    told = refused(add, "br-run", "add.mlir", "--input=4xf32", "--input=4xf32")
    assert "add.mlir: expected 1 arguments (4xfloat32), got 2" in told


@pytest.mark.parametrize(
    ("tool", "option"),
    [
        *(("br-run", f"--threads={n}") for n in (0, -1, 99999)),
        *(("br-compile", f"--threads={n}") for n in (0, -1)),
        ("br-compile", "--target=vax"),
        ("br-run", "--target=vax"),
        ("br-run", "--target=aarch64" if os.uname().machine != "aarch64" else "--t"),
    ],
)
def test_threads_and_targets(add: Path, tool: str, option: str):
    assert "expected" in refused(add, tool, "add.mlir", option, *OUTPUTS[tool])


def test_sizes_beyond_memory(tmp_path: Path):
    path = tmp_path / "big.mlir"
    path.write_text(ADD.replace("<4x", "<1000000x1000000x"))
    told = refused(tmp_path, "br-run", "big.mlir", "--output=made.npz")
    assert "big.mlir: expected 3725.3 GiB of memory for a random argument" in told
    # The workspace alone; the argument and the result are small.
    path.write_text(
        """\
func.func @main(%a: tensor<1000000xf32>) -> tensor<1x1xf32> {
  %e = tensor.empty() : tensor<1000000x1000000xf32>
  %b = linalg.broadcast ins(%a : tensor<1000000xf32>)
                        outs(%e : tensor<1000000x1000000xf32>) dimensions = [0]
  %s = tensor.extract_slice %b[5, 5] [1, 1] [1, 1]
       : tensor<1000000x1000000xf32> to tensor<1x1xf32>
  return %s : tensor<1x1xf32>
}
"""
    )
    told = refused(tmp_path, "br-run", "big.mlir", "--output=made.npz")
    assert "big.mlir: expected 3725.3 GiB of memory for the workspace" in told
    told = refused(tmp_path, "br-compile", "big.mlir", "-o", "made.o")
    assert "expected weights and workspace of at most 2 GiB" in told


def test_no_elements(tmp_path: Path):
    (tmp_path / "none.mlir").write_text(ADD.replace("<4x", "<0x3x"))
    done = succeeded(tmp_path, "br-run", "none.mlir", "--verify")
    assert "ok: largest error 0" in done.output


def test_nan_and_infinity(add: Path):
    spec = "--input=4xf32=nan,inf,-inf,1"
    want = "--expected-output=4xf32=nan,inf,-inf,2"
    succeeded(add, "br-run", "add.mlir", spec, want, "--verify")


def test_a_crash_of_the_program_is_a_message(tmp_path: Path):
    (tmp_path / "beyond.mlir").write_text(
        """\
func.func @main(%a: memref<4xf32>, %i: index) {
  %x = memref.load %a[%i] : memref<4xf32>
  %0 = arith.constant 0 : index
  memref.store %x, %a[%0] : memref<4xf32>
  return
}
"""
    )
    given = ("--input=4xf32", "--input=index=999999999999", "--output=made.npz")
    told = refused(tmp_path, "br-run", "beyond.mlir", *given)
    assert "beyond.mlir: the compiled program reads or writes beyond its arrays" in told


def test_a_function_that_nobody_has(tmp_path: Path):
    (tmp_path / "call.mlir").write_text(
        """\
func.func private @nobody_has_this(f32) -> f32
func.func @main(%a: f32) -> f32 {
  %y = func.call @nobody_has_this(%a) : (f32) -> f32
  return %y : f32
}
"""
    )
    told = refused(tmp_path, "br-run", "call.mlir", "--output=made.npz")
    assert "call.mlir:1:1: 'func.func': expected a body" in told


WRITES = {
    "br-opt": ("-o", "{}.mlir"),
    "br-run": ("--output={}.npz",),
    "br-compile": ("-o", "{}.o"),
}


@pytest.mark.parametrize("tool", WRITES)
def test_outputs_that_cannot_be(add: Path, tool: str):
    def output(name: str) -> list[str]:
        return [part.format(name) for part in WRITES[tool]]

    suffix = output("")[-1].removeprefix("--output=")
    assert "cannot be written: No such" in refused(
        add, tool, "add.mlir", *output("none/made")
    )
    (add / f"folder{suffix}").mkdir()
    told = refused(add, tool, "add.mlir", *output("folder"))
    assert f"folder{suffix}: expected a file to write, got a folder" in told
    full = add / f"full{suffix}"
    full.symlink_to("/dev/full")
    done = call(tool, "add.mlir", *output("full"), folder=add)
    assert done.code == 1 and "full" in done.errors, done
    assert "cannot be written: No space left on device" in done.errors
    assert full.is_symlink() and Path("/dev/full").is_char_device()


def test_devices_and_links_stay(add: Path):
    succeeded(add, "br-opt", "add.mlir", "-o", "/dev/null")
    assert Path("/dev/null").is_char_device()
    (add / "link.mlir").symlink_to("made.mlir")
    succeeded(add, "br-opt", "add.mlir", "-o", "link.mlir")
    assert (add / "link.mlir").is_symlink() and "linalg.add" in (
        add / "made.mlir"
    ).read_text()
