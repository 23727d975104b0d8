"""The host description and the search for a thread team."""

from __future__ import annotations

from dataclasses import replace

import pytest

from brdialect.errors import BrError
from brdialect.target import TARGETS
from runtime import host, threads


def test_host_row_is_what_the_processor_reports():
    target = host.host_target(1)
    features = host.host_features()
    assert target.name == "host"
    assert target.vector_bytes in (16, 32, 64)
    assert 8 << 10 <= target.l1 <= target.l2
    # an absent feature is switched off by name, whatever the processor's name promises
    for feature, present in features.items():
        assert f"{'+' if present else '-'}{feature}" in target.features.split(",")


def test_default_team_is_all_processors():
    assert host.host_target().threads == host.cpus()


@pytest.mark.parametrize("number", [0, -1, 100_000])
def test_impossible_teams_are_refused(number: int):
    with pytest.raises(BrError, match=f"from 1 to {host.cpus()}.*got {number}"):
        host.host_target(number)


def test_foreign_targets_do_not_run_here():
    arch = host.host_target(1).triple.partition("-")[0]
    foreign = "aarch64" if arch == "x86_64" else "x86-64-v3"
    with pytest.raises(BrError, match=f"'{foreign}', which needs a processor of type"):
        host.check_runs_here(TARGETS[foreign])
    host.check_runs_here(host.host_target(1))


def test_a_missing_feature_is_named():
    absent = [f for f, present in host.host_features().items() if not present]
    if not absent:
        pytest.skip("this processor has every feature of its architecture")
    target = replace(host.host_target(1), features=f"+{absent[0]}")
    with pytest.raises(BrError, match=absent[0]):
        host.check_runs_here(target)


def test_unknown_target_lists_the_known():
    with pytest.raises(BrError, match=r"x86-64-v3, x86-64-v4, aarch64.*got 'vax'"):
        host.resolve_target("vax", None)


def test_openmp_runtimes_are_found_in_the_process_map():
    maps = """
7f00-7f01 r-xp 00000000 08:01 12 /opt/torch/lib/libgomp-a34b3233.so.1.0.0
7f01-7f02 r-xp 00000000 08:01 12 /opt/torch/lib/libgomp-a34b3233.so.1.0.0
7f02-7f03 r-xp 00000000 08:01 13 /opt/my path/libiomp5.so
7f03-7f04 r-xp 00000000 08:01 14 /usr/lib/libgomphotherium.so
7f04-7f05 rw-p 00000000 00:00 0
7f05-7f06 rw-p 00000000 00:00 0 [stack]
"""
    assert threads.loaded_libraries(maps) == [
        "/opt/torch/lib/libgomp-a34b3233.so.1.0.0",
        "/opt/my path/libiomp5.so",
    ]


def test_without_a_runtime_one_warning_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(threads, "_candidates", lambda: iter(["no-such-library.so"]))
    threads.openmp_symbols.cache_clear()
    try:
        with pytest.warns(RuntimeWarning, match="run on one thread; install"):
            assert threads.openmp_symbols() == {}
    finally:
        threads.openmp_symbols.cache_clear()
