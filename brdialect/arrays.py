"""The type of an array, as annotations name it."""

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
"""A numpy array of any shape and element type."""
