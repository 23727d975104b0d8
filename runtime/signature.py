"""An entry function as its callers see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brdialect.arrays import Array
from brdialect.mistake import BrError
from runtime.arguments import (
    Parameter,
    check_array,
    check_arrays,
    check_count,
    check_limit,
)

if TYPE_CHECKING:
    from runtime.device_arrays import DeviceArray

Shapes = tuple[tuple[int | None, ...], ...]
"""Of the arrays of a call. A size of None is open: code for it takes any."""


@dataclass(frozen=True)
class Signature:
    """The name of an entry function, and all of its arguments."""

    entry: str
    arguments: tuple[Parameter, ...]
    constants: frozenset[int] = frozenset()
    """The arguments that are given once, when the program is loaded."""

    open_sizes: frozenset[tuple[int, int]] = frozenset()
    """(argument, dimension): sizes that one piece of code can leave open, if they are
    one number in a call: the sequence length."""

    @property
    def free(self) -> list[int]:
        """The arguments that a call gives."""
        return [i for i in range(len(self.arguments)) if i not in self.constants]

    @property
    def parameters(self) -> list[Parameter]:
        """What a call expects, in order."""
        return [self.arguments[i] for i in self.free]

    def checked_on_device(self, arrays: Sequence[object]) -> list[Array | DeviceArray]:
        """Like `checked`; arrays may lie on a GPU already."""
        from runtime.device_arrays import check_device_array, is_on_device

        if not any(map(is_on_device, arrays)):
            return [*self.checked(arrays)]
        check_count(self.parameters, arrays)
        every = zip(self.free, self.parameters, arrays, strict=True)
        return [
            (check_device_array if is_on_device(x) else check_array)(
                parameter, x, f"argument {i}"
            )
            for i, parameter, x in every
        ]

    def checked(self, arrays: Sequence[object]) -> list[Array]:
        """The arrays of a call, contiguous and of the right types and sizes."""
        names = [f"argument {i}" for i in self.free]
        found = check_arrays(self.parameters, arrays, names)
        given = dict(zip(self.free, found, strict=True))
        self._check_limits(given, "argument")
        return found

    def _check_limits(self, given: Mapping[int, Array], what: str) -> None:
        """Those of the arrays among themselves."""
        for index, lengths in given.items():
            limit = self.arguments[index].limit
            most = None if limit is None else limit.most
            if isinstance(most, tuple):
                argument, dimension = most
                most = given[argument].shape[dimension] if argument in given else None
            if limit is not None and most is not None:
                check_limit(limit, most, lengths, f"{what} {index}")

    def static_shapes(self) -> Shapes | None:
        """What the code is made for, if it does not depend on the arrays of a call."""
        for i in self.free:
            for d, size in enumerate(self.arguments[i].shape):
                if size is None and (i, d) not in self.open_sizes:
                    return None
        return tuple(p.shape for p in self.parameters)

    def opened(self, shapes: Shapes) -> Shapes:
        """What the code for arrays of these shapes is made for: the sequence length
        left open. Sequences of several lengths have code of their own."""
        if not self.open_sizes:
            return shapes
        free = self.free
        places = {(free.index(i), d) for i, d in self.open_sizes if i in free}
        if len({shapes[n][d] for n, d in places}) != 1:
            return shapes
        return tuple(
            tuple(None if (n, d) in places else size for d, size in enumerate(shape))
            for n, shape in enumerate(shapes)
        )

    def bound_shapes(self, shapes: Sequence[tuple[int, ...]]) -> Shapes:
        """The shapes given for a call, if they fit."""
        parameters = self.parameters
        if len(shapes) != len(parameters):
            raise BrError(
                f"expected shapes of {len(parameters)} arguments, got {len(shapes)}"
            )
        for i, shape, parameter in zip(self.free, shapes, parameters, strict=True):
            pairs = zip(parameter.shape, shape, strict=False)
            if len(shape) != len(parameter.shape) or any(
                want not in (None, got) for want, got in pairs
            ):
                raise BrError(
                    f"argument {i}: expected {parameter}, got sizes {list(shape)}"
                )
        return tuple(shapes)

    def checked_constants(
        self, constants: Mapping[int, object], what: str = "constant"
    ) -> dict[int, Array]:
        """The arrays given for some arguments, in the arguments' order; `what` they are
        called in messages."""
        arrays: dict[int, Array] = {}
        for index, value in sorted(constants.items()):
            if index not in range(len(self.arguments)):
                raise BrError(
                    f"expected {what}s for arguments 0 to {len(self.arguments) - 1}, "
                    f"got one for argument {index}"
                )
            name = f"{what} {index}"
            arrays[index] = check_array(self.arguments[index], value, name)
        self._check_limits(arrays, what)
        return arrays
