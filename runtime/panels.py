"""Arrays that lie in panels, as code wants the state that it keeps.

In memory such an array is [blocks, others..., size] (`Panels`); its shape here stays
what it is without, since that many elements it has.
"""

from __future__ import annotations

from brdialect.arrays import Array
from brdialect.interface import Panels


def _order(panels: Panels) -> list[int]:
    """The dimensions in memory, with `cut` in two, blocks before elements."""
    others = [d if d < panels.cut else d + 1 for d in panels.others]
    return [panels.cut, *others, panels.cut + 1]


def _split(shape: tuple[int, ...], panels: Panels) -> list[int]:
    """The shape with the dimension that is cut in two."""
    cut, size = panels.cut, panels.size
    return [*shape[:cut], shape[cut] // size, size, *shape[cut + 1 :]]


def fill_panels(target: Array, source: Array, panels: Panels | None) -> None:
    """Writes a row-major array into the memory of one in panels."""
    if panels is None:
        target[...] = source
        return
    place = source.reshape(_split(source.shape, panels)).transpose(_order(panels))
    target.reshape(place.shape)[...] = place


def out_of_panels(source: Array, panels: Panels | None) -> Array:
    """A row-major copy of an array that lies in panels."""
    if panels is None:
        return source.copy()
    order = _order(panels)
    split = _split(source.shape, panels)
    lying = source.reshape([split[d] for d in order])
    back = [order.index(d) for d in range(len(order))]
    return lying.transpose(back).reshape(source.shape)
