"""Compiled code on disk: found again when nothing changed, and only then; never in the
way of a compile."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brdialect.source import parse_module
from runtime import code_cache, kept_code, source_digest
from runtime.code_cache import CodeCache, key_of
from runtime.compiler import Compiled, compile
from runtime.host import cpus, host_target
from runtime.program import Program
from runtime.schedule_file import schedule_file

WEIGHTS = np.random.default_rng(3).standard_normal((8, 40), np.float32)
DENSE = str(WEIGHTS.tolist())
PRODUCT = """
  %zero = arith.constant 0.0 : f32
  %i = arith.constant 0 : index
  %n = tensor.dim %a, %i : tensor<{m}x8xf32>
  %e = {empty} : tensor<{m}x40xf32>
  %f = linalg.fill ins(%zero : f32) outs(%e : tensor<{m}x40xf32>) -> tensor<{m}x40xf32>
  %c = linalg.matmul ins(%a, %b : tensor<{m}x8xf32>, tensor<8x40xf32>)
                     outs(%f : tensor<{m}x40xf32>) -> tensor<{m}x40xf32>
  return %c : tensor<{m}x40xf32>
}}
"""
ARGUMENT = "func.func @{name}(%a: tensor<{m}x8xf32>, %b: tensor<8x40xf32>)"
CONSTANT = "func.func @{name}(%a: tensor<{m}x8xf32>)"


def program(
    m: object = 6, name: str = "main", inside: bool = True, dense: str = DENSE
) -> str:
    """`a @ b`, with b in the program or as an argument."""
    empty = "tensor.empty(%n)" if m == "?" else "tensor.empty()"
    head = (CONSTANT if inside else ARGUMENT).format(name=name, m=m)
    b = f"  %b = arith.constant dense<{dense}> : tensor<8x40xf32>" if inside else ""
    body = PRODUCT.format(m=m, empty=empty)
    return f"{head} -> tensor<{m}x40xf32> {{\n{b}{body}"


TEXT = program()
A = np.random.default_rng(4).standard_normal((6, 8), np.float32)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, into which nobody has warned."""
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path / "cache"))
    code_cache.warn.cache_clear()
    code_cache._opened.cache_clear()  # pyright: ignore[reportPrivateUsage]
    return tmp_path / "cache" / "code"


@pytest.fixture
def compiles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by the shapes of each program that is lowered to code."""
    made: list[Any] = []
    real = Program.object_code

    def count(self: Program, shapes: Any) -> Any:
        made.append(shapes)
        return real(self, shapes)

    monkeypatch.setattr(Program, "object_code", count)
    return made


def entries(folder: Path) -> list[Path]:
    """Largest first: the code stands before the signature."""
    return sorted(folder.glob("*.entry"), key=lambda path: -path.stat().st_size)


def run(source: Any = TEXT, *arrays: object, **options: Any) -> Any:
    options = {"threads": 1} | options
    return compile(source, **options)(*(arrays or (A,)))


def test_a_second_compile_loads_what_the_first_stored(compiles: list[Any]):
    first, second = run(), run()
    assert len(compiles) == 1
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, A @ WEIGHTS, rtol=1e-5, atol=1e-5)


def test_every_part_of_the_key_counts(
    compiles: list[Any], monkeypatch: pytest.MonkeyPatch
):
    other = program(dense="0.5")
    two = program() + program(name="second")
    steps: list[Callable[[], Any]] = [
        lambda: run(),
        lambda: run(other),
        lambda: run(two, entry="main"),
        lambda: run(two, entry="second"),
        lambda: run(target="x86-64-v3"),
        lambda: run(program(inside=False), A, WEIGHTS),
        lambda: run(program(inside=False), A, constants={1: WEIGHTS}),
    ]
    if cpus() > 1:
        steps.append(lambda: run(threads=2))
    for count, step in enumerate(steps, 1):
        first = step()
        assert len(compiles) == count
        np.testing.assert_array_equal(step(), first)
        assert len(compiles) == count
    monkeypatch.setattr(kept_code, "compiler_digest", lambda: "another version")
    run()
    assert len(compiles) == len(steps) + 1


def test_tuned_schedules_count(compiles: list[Any]):
    path = schedule_file(host_target(1))
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.warns(RuntimeWarning, match="tuned schedules are left out"):
        run()
    run(tuned=False)
    run(tuned=False)
    assert len(compiles) == 2  # without tuned schedules as where there are none


def test_each_shape_has_its_code(compiles: list[Any]):
    for _ in range(2):
        f = compile(program("?"), threads=1)
        for rows in (3, 5, 3):
            a = np.ones((rows, 8), np.float32)
            np.testing.assert_allclose(f(a), a @ WEIGHTS, rtol=1e-5, atol=1e-5)
    assert compiles == [((3, 8),), ((5, 8),)]


def test_given_constants_may_change(compiles: list[Any]):
    """Their code is kept, they themselves are packed anew."""
    for factor in (1, 2, 3):
        b = WEIGHTS * np.float32(factor)
        got = run(program(inside=False), A, constants={1: b})
        np.testing.assert_allclose(got, A @ b, rtol=1e-5, atol=1e-5)
    assert len(compiles) == 1


def test_given_constants_beside_those_of_the_program(compiles: list[Any]):
    text = """
    func.func @main(%a: tensor<6x8xf32>, %b: tensor<8x8xf32>) -> tensor<6x40xf32> {
      %zero = arith.constant 0.0 : f32
      %w = arith.constant dense<DENSE> : tensor<8x40xf32>
      %e = tensor.empty() : tensor<8x40xf32>
      %f = linalg.fill ins(%zero : f32) outs(%e : tensor<8x40xf32>) -> tensor<8x40xf32>
      %p = linalg.matmul ins(%b, %w : tensor<8x8xf32>, tensor<8x40xf32>)
                         outs(%f : tensor<8x40xf32>) -> tensor<8x40xf32>
      %g = tensor.empty() : tensor<6x40xf32>
      %h = linalg.fill ins(%zero : f32) outs(%g : tensor<6x40xf32>) -> tensor<6x40xf32>
      %c = linalg.matmul ins(%a, %p : tensor<6x8xf32>, tensor<8x40xf32>)
                         outs(%h : tensor<6x40xf32>) -> tensor<6x40xf32>
      return %c : tensor<6x40xf32>
    }""".replace("DENSE", DENSE)
    for seed in (1, 2):
        b = np.random.default_rng(seed).standard_normal((8, 8), np.float32)
        got = run(text, A, constants={1: b})
        np.testing.assert_allclose(got, A @ (b @ WEIGHTS), rtol=1e-4, atol=1e-4)
    assert len(compiles) == 1


def test_what_is_asked_of_a_loaded_program(compiles: list[Any]):
    f, g = compile(TEXT, threads=1), compile(TEXT, threads=1)
    assert len(compiles) == 1
    assert list(map(str, g.parameters)) == ["6x8xfloat32"]
    for text in (Compiled.ir, Compiled.llvm_ir, Compiled.assembly):
        assert text(f) == text(g)
    assert g.ir("bufferize") == f.ir("bufferize")


def test_a_file_that_changes(
    compiles: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Same name, size and time of change: its content is looked at all the same."""
    path = tmp_path / "m.mlir"
    path.write_text(program(dense="0.5"))
    before = path.stat()
    first = run(path)
    path.write_text(program(dense="1.5"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    np.testing.assert_allclose(run(path), 3 * first, rtol=1e-5)
    assert len(compiles) == 2


def test_an_old_file_is_not_read_again(
    compiles: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    reads: list[Any] = []
    real = hashlib.file_digest

    def count(*arguments: Any) -> Any:
        reads.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", count)
    path = tmp_path / "m.mlir"
    path.write_text(TEXT)
    first = run(path)
    np.testing.assert_array_equal(run(path), first)
    assert len(reads) == 2  # it may change within a step of the clock
    monkeypatch.setattr(source_digest, "_SETTLED", -1.0)
    for _ in range(3):
        np.testing.assert_array_equal(run(path), first)
    assert len(reads) == 3
    assert len(compiles) == 1


def test_what_changes_while_it_is_compiled_is_not_kept(
    compiles: list[Any], tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "m.mlir"
    path.write_text(TEXT)
    real = Program.object_code

    def write(self: Program, shapes: Any) -> Any:
        path.write_text(TEXT + "\n")
        return real(self, shapes)

    monkeypatch.setattr(Program, "object_code", write)
    run(path)
    assert len(entries(folder)) == 1  # its signature


def damage_head(data: bytearray) -> None:
    data[:4] = b"none"


def damage_code(data: bytearray) -> None:
    at = data.index(b"\x7fELF") + 100
    data[at] ^= 1


def damage_description(data: bytearray) -> None:
    data[60] ^= 1


def lose_the_end(data: bytearray) -> None:
    del data[-40:]


def lose_everything(data: bytearray) -> None:
    data.clear()


def lose_a_page(data: bytearray) -> None:
    """What a disk that was switched off too early holds."""
    start = len(data) // 4096 * 4096 - 4096
    data[start : start + 4096] = bytes(4096)


def replace_by_text(data: bytearray) -> None:
    data[:] = b"something else, which a user put here\n" * 10


@pytest.mark.parametrize(
    "damage",
    [
        damage_head,
        damage_code,
        damage_description,
        lose_the_end,
        lose_everything,
        lose_a_page,
        replace_by_text,
    ],
)
def test_damaged_entries_are_made_anew(
    compiles: list[Any], folder: Path, damage: Callable[[bytearray], None]
):
    text = program().replace("x40x", "x4000x")
    b = np.random.default_rng(5).standard_normal((8, 4000), np.float32)
    text = text.replace(f"dense<{DENSE}>", f'dense<"0x{b.tobytes().hex()}">')
    first = run(text)
    path = entries(folder)[0]
    data = bytearray(path.read_bytes())
    assert len(data) > 100_000
    damage(data)
    path.write_bytes(data)
    with pytest.warns(RuntimeWarning, match=r"entry") as warned:
        np.testing.assert_array_equal(run(text), first)
    assert len(warned) == 1
    assert len(compiles) == 2
    np.testing.assert_array_equal(run(text), first)
    assert len(compiles) == 2


def test_no_folder_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("BR_CACHE_DIR", str(tmp_path / "file" / "cache"))
    code_cache.warn.cache_clear()
    with pytest.warns(RuntimeWarning, match="no cache folder can be made") as warned:
        np.testing.assert_array_equal(run(), run())
    assert len(warned) == 1


def test_nothing_can_be_written(
    compiles: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(code_cache.tempfile, "mkstemp", refuse)
    with pytest.warns(RuntimeWarning, match="not kept.*Permission denied") as warned:
        np.testing.assert_array_equal(run(), run())
    assert len(warned) == 1
    assert len(compiles) == 2


def test_a_full_disk_leaves_nothing_behind(
    compiles: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_cache, "_checksum", refuse)
    with pytest.warns(RuntimeWarning, match="No space left"):
        run()
    assert list(folder.iterdir()) == []


def test_the_folder_is_the_users_alone(
    compiles: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    run()
    assert folder.stat().st_mode & 0o777 == 0o700
    opened = code_cache._opened  # pyright: ignore[reportPrivateUsage]
    opened.cache_clear()
    folder.chmod(0o777)
    with pytest.warns(RuntimeWarning, match="yours and writable by you alone"):
        run()
    folder.chmod(0o700)
    opened.cache_clear()
    code_cache.warn.cache_clear()
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.warns(RuntimeWarning, match="yours and writable by you alone"):
        run()
    assert len(compiles) == 3


def test_the_least_recently_used_goes_first(tmp_path: Path):
    cache = CodeCache(tmp_path, 10_000)
    data = np.zeros(3000, np.uint8)
    for number in range(3):
        cache.put(key_of(number), {}, b"", [data])
        os.utime(tmp_path / f"{key_of(number)}.entry", (number, number))
    assert cache.get(key_of(0)) is not None  # used now
    (tmp_path / "new-1.part").touch()
    os.utime(tmp_path / "new-1.part", (0, 0))  # whoever wrote this has died
    (tmp_path / "new-2.part").touch()
    cache.put(key_of(3), {}, b"", [data])
    there = [n for n in range(4) if (tmp_path / f"{key_of(n)}.entry").exists()]
    assert there == [0, 2, 3]
    assert [path.name for path in tmp_path.glob("*.part")] == ["new-2.part"]
    cache.put(key_of(4), {}, b"", [np.zeros(20_000, np.uint8)])  # never fits
    assert len(list(tmp_path.glob("*.entry"))) == 3


def test_the_limit_is_the_users(
    compiles: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("BR_CACHE_MIB", "0")
    run()
    assert entries(folder) == []
    monkeypatch.setenv("BR_CACHE_MIB", "a lot")
    with pytest.warns(RuntimeWarning, match="BR_CACHE_MIB to be a number, got 'a lot'"):
        run()
    assert entries(folder) != []


def test_nothing_is_kept_where_nothing_is_wanted(
    compiles: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch
):
    run(cache=False)
    assert not folder.exists()
    monkeypatch.setenv("BR_CACHE_DIR", "")
    run()
    assert not folder.exists()
    run(parse_module(TEXT))
    assert len(compiles) == 3


def test_who_asks_for_the_llvm_ir_sees_it(
    compiles: list[Any], monkeypatch: pytest.MonkeyPatch
):
    run()
    monkeypatch.setenv("BR_DEBUG", "3")
    run()
    assert len(compiles) == 2
