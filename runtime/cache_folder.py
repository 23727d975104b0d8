"""Where what is kept from one run to the next lies: compiled code, tuned schedules."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path | None:
    """The folder, made if it was not there; None where it cannot be, or is not wanted.

    `BR_CACHE_DIR` names it, an empty one says that nothing is to be kept. Without the
    variable it is where the system keeps such things (Linux: `~/.cache/brdialect`).
    """
    chosen = os.environ.get("BR_CACHE_DIR")
    if chosen == "":
        return None
    try:
        path = Path(chosen or platformdirs.user_cache_dir("brdialect", False))
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the latter: no home
        return None
    return path
