"""Checks of numbers and arrays from outside: positive, finite, one number, a row, a range."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

#: Decorates formulas whose overflow is refused in words afterwards, so that numpy need not warn of it.
overflow_is_refused = np.errstate(over="ignore", divide="ignore", invalid="ignore")


def positive(name: str, values: Any) -> FloatArray:
    """Return values as float64, or raise ValueError unless all are positive and finite."""
    if type(values) in (float, int) and 0 < values <= 1e308:
        return np.asarray(float(values))
    array = floats(name, values)
    if not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"{name} is {shortened(values)}; it must be positive and finite.")
    return array


def positives(**values: Any) -> list[FloatArray]:
    """Return arguments as float64, positive, finite and of shapes that broadcast, or raise ValueError."""
    arrays = [positive(name, value) for name, value in values.items()]
    if len({array.shape for array in arrays}) > 1:
        matched(**dict(zip(values, arrays, strict=True)))
    return arrays


def exponent(name: str, values: Any) -> FloatArray:
    """Return exponents as float64, or raise ValueError unless all are positive and none above 1e100."""
    array = positive(name, values)
    if not (array <= 1e100).all():
        raise ValueError(f"{name} is {shortened(values)}; give exponents below 1e100.")
    return array


def finite(name: str, values: Any) -> FloatArray:
    """Return values as float64, or raise ValueError unless all are finite."""
    array = floats(name, values)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is {shortened(values)}; it must be finite.")
    return array


def floats(name: str, values: Any) -> FloatArray:
    """Return values as float64, or raise ValueError if they are no numbers; text and bool are none."""
    if type(values) is float:
        return np.asarray(values)
    array = values if type(values) is np.ndarray else _array(values)
    if array is not None:
        if array.dtype == np.float64:
            return array
        try:
            if array.dtype.kind in "fiu" or (array.dtype.kind == "O" and all(map(_is_real, array.flat))):
                with np.errstate(over="ignore"):
                    return np.asarray(array, float)
        except (ValueError, OverflowError):
            pass
    raise ValueError(f"{name} is {shortened(values)}; give a number or an array of numbers.")


def _array(values: Any) -> NDArray[Any] | None:
    """An array of what may be numbers; None if it cannot be or hides entries."""
    if isinstance(values, (str, bytes, bytearray, memoryview)) or (
        isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)
    ):
        return None
    try:
        return np.asarray(values)
    except Exception:  # a foreign object may raise anything when it is turned into an array
        return None


def number(name: str, value: Any) -> float:
    """Return one finite number as a float, or raise ValueError."""
    if type(value) in (float, int) and -1e308 <= value <= 1e308:
        return float(value)
    try:
        single = floats(name, value)
    except ValueError:
        single = np.empty(0)
    if single.ndim or not np.isfinite(single):
        raise ValueError(f"{name} is {shortened(value)}; give one finite number.")
    return float(single)


def whole(name: str, value: Any, low: int, high: int = 10**6) -> int:
    """One whole number from low to high."""
    try:
        single = number(name, value)
    except ValueError:
        single = np.nan
    if not low <= single <= high or single % 1:
        raise ValueError(f"{name} is {shortened(value)}; give a whole number from {low} to {high}.")
    return int(single)


def share(name: str, value: Any) -> float:
    """One number between 0 and 1, neither included."""
    single = number(name, value)
    if not 0 < single < 1:
        raise ValueError(
            f"{name} is {shortened(value)}; give a probability between 0 and 1, for instance 0.9."
        )
    return single


def not_negative(name: str, value: Any) -> float:
    """One number, zero or more."""
    single = number(name, value)
    if single < 0:
        raise ValueError(f"{name} is {shortened(value)}; it must not be negative.")
    return single


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} is {shortened(value)}; give True or False.")
    return bool(value)


def one_of(name: str, value: Any, choices: Collection[str]) -> None:
    """Raise ValueError unless a text is one of these."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {shortened(value)}; there are {', '.join(choices)}.")


def of_kind(name: str, value: Any, kinds: type | tuple[type, ...], remedy: str) -> None:
    """Raise ValueError, with what to pass instead, unless a value is of one of these kinds."""
    if not isinstance(value, kinds):
        raise ValueError(f"{name} is {shortened(value)}; {remedy}.")


def function(name: str, value: Any, of: str) -> None:
    """Raise ValueError unless a value can be called."""
    if not callable(value):
        raise ValueError(f"{name} is {shortened(value)}; give a function of {of}.")


def generator(name: str, rng: Any) -> np.random.Generator:
    """Return a source of chance, or raise ValueError."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"{name} is {shortened(rng)}; give numpy.random.default_rng(seed).")
    return rng


def held(what: str, values: Any, least: float = -np.inf) -> Any:
    """Return an answer, or raise ValueError where it overflowed, or is not above the least it can be."""
    inside = least < values < np.inf if isinstance(values, float) else (values > least) & (values < np.inf)
    if not (inside if isinstance(inside, bool) else np.all(inside)):
        raise ValueError(f"{what} is beyond what a float can hold; take less extreme numbers.")
    return values


def places(name: str, which: Any) -> NDArray[Any]:
    """Return a mask or a list of places as a row, or raise ValueError."""
    rows = _array(which)
    if rows is None or rows.ndim != 1 or (rows.size and rows.dtype.kind not in "biu"):
        raise ValueError(
            f"{name} is {shortened(which)}; give a mask, or a list of row numbers such as [0, 2]."
        )
    return rows if rows.size else rows.astype(int)


def picked(name: str, which: Any, count: int) -> NDArray[Any]:
    """Return a mask of so many entries or a list of places below that number, or raise ValueError."""
    rows = places(name, which)
    fits = rows.shape == (count,) if rows.dtype == bool else (np.abs(rows + 0.5) < count).all()
    if not fits:
        raise ValueError(f"{name} is {shortened(which)}; give a mask of {count}, or places below {count}.")
    return rows


def rows_of(who: str, **columns: Any) -> tuple[FloatArray, ...]:
    """Return columns of numbers as rows of one length, or raise ValueError; nan is allowed."""
    rows = tuple(np.atleast_1d(floats(f"{who}: {name}", values)) for name, values in columns.items())
    if len({row.shape for row in rows}) > 1:
        rows = matched(**dict(zip(columns, rows, strict=True)))
    if rows[0].ndim != 1:
        raise ValueError(f"{who}: {', '.join(columns)} have shape {rows[0].shape}; give one row of each.")
    return rows


def shortened(value: Any, length: int = 60) -> str:
    """What a message shows of a value."""
    try:
        text = " ".join((_SHORT.repr(value) if isinstance(value, _PLAIN) else repr(value)).split())
    except Exception:  # an object need not be able to show itself
        text = f"a {type(value).__name__}"
    return text if len(text) <= length else text[: length - 3] + "..."


_PLAIN = (int, str, bytes, list, tuple, dict, set)
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def _is_real(entry: Any) -> bool:
    """Whether an entry of an array of objects is a real number."""
    return isinstance(entry, (Real, Decimal)) and not isinstance(entry, bool)


def plain(values: Any) -> Any:
    """Return a 0-d result as a float, any other as it is."""
    return float(values) if np.ndim(values) == 0 else values


def blocks(runs: int, size: int = 1 << 13) -> list[slice]:
    """Slices that cover all runs, each small enough to stay in cache."""
    return [slice(start, min(start + size, runs)) for start in range(0, runs, size)]


def positive_number(name: str, value: Any) -> float:
    """Return one positive number as a float, or raise ValueError."""
    if type(value) in (float, int) and 0 < value <= 1e308:
        return float(value)
    try:
        single = floats(name, value)
    except ValueError:
        single = np.empty(0)
    if single.ndim:
        raise ValueError(f"{name} is {shortened(value)}; give one number, positive and finite.")
    if not (np.isfinite(single) and single > 0):
        raise ValueError(f"{name} is {shortened(value)}; it must be positive and finite.")
    return float(single)


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
        raise ValueError(f"{name}: the range {shortened(ends)} is empty or no range; give low < high.")
    return float(pair[0]), float(pair[1])


def matched(**arrays: FloatArray) -> tuple[FloatArray, ...]:
    """Broadcast arrays against each other, or raise ValueError with their shapes."""
    try:
        return tuple(np.broadcast_arrays(*arrays.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"shapes do not match: {shapes}; give numbers or arrays that broadcast.") from error
