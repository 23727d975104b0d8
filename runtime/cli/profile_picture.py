"""A bar for each node of a profile, in the order in which they run."""

from __future__ import annotations

from pathlib import Path

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.typing import ColorType

from runtime.cli.profile import REST, Profile, Row

_LEAST = 0.5  # percent of a call: shorter bars are drawn as one
_COLORS = colormaps["tab10"]


def draw(profile: Profile, path: Path, title: str) -> None:
    """Writes the picture as the path's suffix says (.png, .svg)."""
    shown = [r for r in profile.rows if profile.share(r.seconds) >= _LEAST]
    short = [r for r in profile.rows if profile.share(r.seconds) < _LEAST]
    labels = [_label(row) for row in shown]
    seconds = [row.seconds for row in shown]
    colors = colors_of(profile)
    filled = [colors[row.operators[0]] for row in shown]
    for label, some in (
        (f"({len(short)} nodes of less than {_LEAST} % each)", short),
        (REST, [Row("", [], [], profile.rest, 0)]),
    ):
        if some:
            labels.append(label)
            seconds.append(sum(row.seconds for row in some))
            filled.append("lightgray")
    figure = Figure(figsize=(9, 1.5 + 0.2 * len(labels)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(range(len(labels)), [s * 1e6 for s in seconds], color=filled)
    rates = ["" if r.gflops is None else f"{r.gflops:.0f} GFLOP/s" for r in shown]
    rates += [""] * (len(labels) - len(rates))
    notes = [
        f"{profile.share(s):.1f} %  {rate}"
        for s, rate in zip(seconds, rates, strict=True)
    ]
    axes.bar_label(bars, notes, fontsize=7, padding=2)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.margins(x=0.2)
    axes.set_xlabel("microseconds of a call")
    axes.set_title(f"{title}\n{profile.seconds * 1e3:.4g} ms a call", fontsize=9)
    used = dict.fromkeys(row.operators[0] for row in shown)
    patches = [Patch(color=colors[name], label=name) for name in used]
    if patches:
        axes.legend(handles=patches, fontsize=7)
    figure.savefig(path, dpi=150)


def _label(row: Row) -> str:
    """The name's end, which tells more than its beginning."""
    return row.name if len(row.name) <= 40 else "…" + row.name[-39:]


def colors_of(profile: Profile) -> dict[str, ColorType]:
    """A colour for each operator: those that take long have one of their own."""
    last = _COLORS.N - 1
    return {name: _COLORS(min(i, last)) for i, name in enumerate(profile.by_operator())}
