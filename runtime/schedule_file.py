"""Where the tuned schedules of a target stand, which running compiled code asks too."""

from __future__ import annotations

import re
from pathlib import Path

from brdialect.targets import Target
from runtime.cache_folder import cache_folder


def target_line(target: Target) -> str:
    """What of a target a schedule depends on, as one line."""
    exact = ", exact" if target.exact else ""
    return (
        f"{target.name}, {target.cpu}, {target.vector_registers} registers of "
        f"{8 * target.vector_bytes} bits, L1 {target.l1 >> 10} KiB, "
        f"L2 {target.l2 >> 10} KiB, threads {target.threads}{exact}"
    )


def schedule_file(target: Target) -> Path | None:
    """The file of a target; None where nothing can be kept."""
    folder = cache_folder()
    if folder is None:
        return None
    name = re.sub(r"[^A-Za-z0-9.-]+", "_", target_line(target))
    return folder / "schedules" / f"{name}.json"
