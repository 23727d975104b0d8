"""Tuned schedules, which stand on a module until choose-schedule takes them:

    module attributes {br.tuned = {
      "f32: C[a,b] = A[a,c] * B[c,b], a=256 b=128 c=512" = "B16 A | m=a n=b k=c | .."}}

The key is the line that op_signature.py gives a contraction, the value the text of a
schedule: as text, because it comes from a file that anyone may have changed. Such a
file is JSON, one entry a contraction:

    {"format": "brdialect schedules 1", "target": "znver3, 256-bit vectors, ..",
     "schedules": {
      "f32: C[a,b] = ..": {"schedule": "B16 A | ..", "ms": 1.5, "default ms": 1.8}}}
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, StringAttr

from brdialect.errors import BrError, where
from brdialect.ops import ContractOp
from brdialect.schedule import Schedule, parse_schedule
from brdialect.target import Target
from passes.normalise.normalise_contractions import contraction_of
from passes.schedule.check_schedule import fault_of
from passes.schedule.check_tile import elements_of, fault_on_gpu
from passes.schedule.op_signature import signature

TUNED = "br.tuned"

FORMAT = "brdialect schedules 1"
"""The first entry of a file of schedules; another number is another layout."""

Tuned = Mapping[str, str]
"""The schedule, as text, of each signature."""


def parse_entries(
    text: str, name: str, target: str | None = None
) -> dict[str, dict[str, Any]]:
    """The entries of a file of schedules, of this target if one is given; BrError says
    why it is none. An entry without a schedule is left out with a warning."""
    try:
        data: Any = json.loads(text)
    except ValueError as e:
        raise BrError(f"{name}: expected a file of schedules (JSON): {e}") from e
    found = cast(dict[str, Any], data) if isinstance(data, dict) else {}
    if found.get("format") != FORMAT:
        raise BrError(
            f'{name}: expected a file of schedules with "format": "{FORMAT}", got '
            f"{str(found.get('format'))[:60]!r}"
        )
    if target is not None and found.get("target") != target:
        raise BrError(
            f"{name}: expected the schedules of {target}, got those of "
            f"{found.get('target')}"
        )
    if not isinstance(found.get("schedules"), dict):
        raise BrError(f'{name}: expected "schedules": {{...}}')
    entries: dict[str, dict[str, Any]] = {}
    for key, entry in cast(dict[str, Any], found["schedules"]).items():
        if isinstance(entry, dict) and isinstance(entry.get("schedule"), str):
            entries[key] = cast(dict[str, Any], entry)
        else:
            warnings.warn(
                f'{name}: the entry of "{key}" has no schedule and is left out',
                RuntimeWarning,
                stacklevel=2,
            )
    return entries


def read_tuned(name: str) -> Tuned:
    """The schedules of a file."""
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise BrError(f"{name}: cannot be read: {e}") from e
    return schedules_of(parse_entries(text, name))


def schedules_of(entries: Mapping[str, Mapping[str, Any]]) -> Tuned:
    """The schedules alone."""
    return {key: str(entry["schedule"]) for key, entry in entries.items()}


def set_tuned(module: ModuleOp, tuned: Tuned) -> None:
    """Attaches the schedules to the module."""
    if tuned:
        texts = {key: StringAttr(text) for key, text in tuned.items()}
        module.attributes[TUNED] = DictionaryAttr(texts)


def take_tuned(module: ModuleOp) -> Tuned:
    """The schedules that stand on the module, and removes them."""
    found = tuned_of(module)
    module.attributes.pop(TUNED, None)
    return found


def tuned_of(module: ModuleOp) -> Tuned:
    """The schedules that stand on the module."""
    attribute = module.attributes.get(TUNED)
    if attribute is None:
        return {}
    if not isinstance(attribute, DictionaryAttr):
        raise BrError(f"expected {TUNED} to be a dictionary, got {attribute}")
    return {
        key: value.data
        for key, value in attribute.data.items()
        if isinstance(value, StringAttr)
    }


def tuned_schedule(op: ContractOp, tuned: Tuned, target: Target) -> Schedule | None:
    """The tuned schedule of a contraction. One that does not fit it, say because the
    file was edited or comes from another version, is left out with a warning."""
    key = signature(op) if tuned else None
    if key is None or key not in tuned:
        return None
    table = contraction_of((op.a, op.b, op.c), op.maps)
    assert table is not None
    try:
        schedule = parse_schedule(tuned[key])
        if target.is_gpu:
            fault = fault_on_gpu(elements_of(op), table, schedule, target)
        else:
            fault = fault_of(table, schedule)
    except BrError as e:
        schedule, fault = None, str(e)
    if fault is None:
        return schedule
    warnings.warn(
        f'{where(op)}: the tuned schedule "{tuned[key]}" is left out: {fault}',
        RuntimeWarning,
        stacklevel=2,
    )
    return None
