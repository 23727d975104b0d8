"""The core cases of the standard's suite, each compiled and run.

`make conformance` runs all cases. The list of what fails is exact: a case on it that
passes is a failed test, too.
"""

import pytest
from suite import Case, expected_failures, node_cases

CORE = [case for case in node_cases() if case.is_core]
EXPECTED = expected_failures()


@pytest.mark.parametrize("case", CORE, ids=lambda case: case.name)
def test_core(case: Case):
    outcome = case.outcome()
    if case.name in EXPECTED:
        assert outcome, "passes: take it off expected_failures.txt"
    else:
        assert not outcome


def test_the_core_is_what_others_count():
    assert len(CORE) == 484


def test_the_list_names_cases():
    assert len(EXPECTED) > 0
    assert {c.name for c in CORE if c.name in EXPECTED} < EXPECTED
