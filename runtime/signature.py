"""An entry function as its callers see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from brdialect.arrays import Array
from brdialect.mistake import BrError
from runtime.arguments import Parameter, check_array, check_arrays

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Signature:
    """The name of an entry function, and all of its arguments."""

    entry: str
    arguments: tuple[Parameter, ...]
    constants: frozenset[int] = frozenset()
    """The arguments that are given once, when the program is loaded."""

    @property
    def free(self) -> list[int]:
        """The arguments that a call gives."""
        return [i for i in range(len(self.arguments)) if i not in self.constants]

    @property
    def parameters(self) -> list[Parameter]:
        """What a call expects, in order."""
        return [self.arguments[i] for i in self.free]

    def checked(self, arrays: Sequence[object]) -> list[Array]:
        """The arrays of a call, contiguous and of the right types and sizes."""
        names = [f"argument {i}" for i in self.free]
        return check_arrays(self.parameters, arrays, names)

    def static_shapes(self) -> Shapes | None:
        """The shapes that a call gives, if none of them waits for an array."""
        shapes = [p.shape for p in self.parameters]
        if any(size is None for shape in shapes for size in shape):
            return None
        return tuple(tuple(s for s in shape if s is not None) for shape in shapes)

    def checked_constants(self, constants: Mapping[int, object]) -> dict[int, Array]:
        """The arrays given for some arguments, in the arguments' order."""
        arrays: dict[int, Array] = {}
        for index, value in sorted(constants.items()):
            if index not in range(len(self.arguments)):
                raise BrError(
                    f"expected constants for arguments 0 to {len(self.arguments) - 1}, "
                    f"got one for argument {index}"
                )
            what = f"constant {index}"
            arrays[index] = check_array(self.arguments[index], value, what)
        return arrays
