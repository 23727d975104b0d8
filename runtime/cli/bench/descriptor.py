"""Convolutions in benchdnn's spelling, such as `mb1ic64ih56oc64oh56kh3ph1`.

| letters | meaning | where it is left out |
|---|---|---|
| `mb` `g` | images, groups | 2, 1 |
| `ic` `oc` | channels in and out | needed |
| `ih` `iw` | image | `iw` is `ih`; `iw` alone: one row |
| `kh` `kw` | window | like the image's |
| `sh` `sw` | stride | `sw` is `sh`; 1 |
| `dh` `dw` | dilation, 0 for a dense window | `dw` is `dh`; 0 |
| `ph` `pw` | padding on each side | `pw` is `ph`; what gives `oh`; 0 |
| `oh` `ow` | result | computed |

Underscores may stand between them, and `n` with a name at the end.
"""

from __future__ import annotations

import re

from brdialect.mistake import BrError
from runtime.cli.bench.workloads import Convolution

_KEYS = ("mb", "g", "ic", "oc", *(f"{q}{d}" for q in "ikosdp" for d in "hw"))
_NEEDED = ("ic", "oc")


def parse_descriptor(text: str) -> Convolution:
    """The convolution that `text` says."""
    body, name = _split_name(text)
    values = _values(body, text)
    if missing := [key for key in _NEEDED if key not in values]:
        raise BrError(f"expected {' and '.join(missing)} in the convolution '{text}'")
    axes = ["h", "w"] if any(f"{q}h" in values for q in "iko") else ["w"]
    # one axis given alone: the other is the same, or (width alone) one row of one tap
    both = {d: _axis(values, d, axes, text) for d in ("h", "w")}
    (ih, kh, sh, dh, ph), (iw, kw, sw, dw, pw) = both["h"], both["w"]
    groups = values.get("g", 1)
    if values["ic"] % groups or values["oc"] % groups:
        raise BrError(
            f"expected channels that {groups} groups divide in the convolution "
            f"'{text}', got ic{values['ic']} and oc{values['oc']}"
        )
    return Convolution(
        label=name or text,
        mb=values.get("mb", 2),
        ic=values["ic"],
        ih=ih,
        iw=iw,
        oc=values["oc"],
        kh=kh,
        kw=kw,
        sh=sh,
        sw=sw,
        ph=ph,
        pw=pw,
        dh=dh + 1,
        dw=dw + 1,
        g=groups,
    )


def _split_name(text: str) -> tuple[str, str]:
    """The sizes, and the name at the end."""
    match = re.fullmatch(r"((?:[a-z]{1,2}\d+_?)+?)(?:n(.+))?", text)
    if match is None:
        return text, ""
    return match[1], (match[2] or "").strip('"')


def _values(body: str, text: str) -> dict[str, int]:
    values: dict[str, int] = {}
    at = 0
    for match in re.finditer(r"([a-z]+)(\d{1,9})_?", body):
        key, value = match[1], int(match[2])
        if match.start() != at or key not in _KEYS or key in values:
            break
        if not value and key[0] not in "dp":
            raise BrError(f"expected {key} of 1 or more in the convolution '{text}'")
        values[key] = value
        at = match.end()
    if at != len(body) or not body:
        raise BrError(
            f"expected a convolution such as mb1ic64ih56oc64oh56kh3ph1 of the sizes "
            f"{', '.join(_KEYS)}, each at most once, got '{text}' (stopped at "
            f"'{body[at:]}')"
        )
    return values


def _axis(
    values: dict[str, int], axis: str, given: list[str], text: str
) -> tuple[int, int, int, int, int]:
    """Image, window, stride, dilation and padding along one axis."""
    if axis not in given:
        return 1, 1, 1, 0, 0

    def value(quantity: str) -> int | None:
        own = values.get(f"{quantity}{axis}")
        return values.get(f"{quantity}{given[0]}") if own is None else own

    image, window = value("i"), value("k")
    if image is None or window is None:
        raise BrError(f"expected i{axis} and k{axis} in the convolution '{text}'")
    stride, dilation = value("s") or 1, value("d") or 0
    extent = (window - 1) * (dilation + 1) + 1
    out, padding = value("o"), value("p")
    if padding is None:
        missing = 0 if out is None else (out - 1) * stride + extent - image
        padding = max(0, (missing + 1) // 2)
    reached = (image + 2 * padding - extent) // stride + 1
    if reached < 1 or out not in (None, reached):
        raise BrError(
            f"expected o{axis} of 1 or more that i{axis}{image}, k{axis}{window}, "
            f"s{axis}{stride}, d{axis}{dilation} and p{axis}{padding} on both sides "
            f"give ({reached}) in the convolution '{text}'"
            + ("" if out is None else f", got o{axis}{out}")
        )
    return image, window, stride, dilation, padding
