"""Checks of numbers and arrays from outside: positive, finite, one number, a row, a range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def positive(name: str, values: ArrayLike) -> FloatArray:
    """Return values as float64, or raise ValueError unless all are positive and finite."""
    array = _floats(name, values)
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"{name} is {values!r}; it must be positive and finite.")
    return array


def finite(name: str, values: ArrayLike) -> FloatArray:
    """Return values as float64, or raise ValueError unless all are finite."""
    array = _floats(name, values)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is {values!r}; it must be finite.")
    return array


def number(name: str, value: Any) -> float:
    """Return one finite number as a float, or raise ValueError."""
    array = np.asarray(value, object)
    if array.ndim == 0 and isinstance(array[()], (int, float, np.integer, np.floating)):
        single = float(array[()]) if abs(array[()]) < np.inf else np.nan
        if np.isfinite(single):
            return single
    raise ValueError(f"{name} is {value!r}; give one finite number.")


def plain(values: Any) -> Any:
    """Return a 0-d result as a float, any other as it is."""
    return float(values) if np.ndim(values) == 0 else values


def _floats(name: str, values: ArrayLike) -> FloatArray:
    """Return values as float64, or raise ValueError if they are no numbers."""
    try:
        return np.asarray(values, float)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} is {values!r}; give a number or an array of numbers.") from error


def blocks(runs: int, size: int = 1 << 13) -> list[slice]:
    """Slices that cover all runs, each small enough to stay in cache."""
    return [slice(start, min(start + size, runs)) for start in range(0, runs, size)]


def positive_number(name: str, value: Any) -> float:
    """Return one positive number as a float, or raise ValueError."""
    array = positive(name, value)
    if array.ndim:
        raise ValueError(f"{name} is {value!r}; give one number.")
    return float(array)


def positive_row(name: str, values: ArrayLike) -> FloatArray:
    """Return a row of one or more positive numbers, or raise ValueError."""
    array = np.atleast_1d(positive(name, values))
    if array.ndim != 1 or not array.size:
        raise ValueError(f"{name} has shape {array.shape}; give one number or a row of them.")
    return array


def positive_range(name: str, ends: Any) -> tuple[float, float]:
    """Return the ends of a range, both positive and low < high, or raise ValueError."""
    pair = positive_row(name, ends)
    if pair.shape != (2,) or not pair[1] > pair[0]:
        raise ValueError(f"{name}: the range {ends!r} is empty or no range; give low < high.")
    return float(pair[0]), float(pair[1])


def matched(**arrays: FloatArray) -> tuple[FloatArray, ...]:
    """Broadcast arrays against each other, or raise ValueError with their shapes."""
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes do not match: {shapes}; give numbers or arrays that broadcast.") from error
