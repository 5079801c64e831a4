"""A column of a table of runs: checked, copied, read-only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, shortened

#: What each letter holds.
MEANING = {"N": "parameters", "D": "tokens", "L": "loss", "C": "compute"}


def column(letter: str, values: ArrayLike) -> FloatArray:
    """Return a checked read-only float64 copy of one column."""
    if isinstance(values, str | bytes | bytearray | memoryview) or _dimensions(values) != 1:
        raise ValueError(
            f"Runs: {letter} must be a one-dimensional list of numbers, one for each run; "
            f"got {shortened(values)}."
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        row = int(np.argmax(np.ma.getmaskarray(values)))
        raise ValueError(f"Runs: {MEANING[letter]} of row {row} is masked; drop the run or fill it in.")
    if np.asarray(values, object if _dimensions(values) < 1 else None).dtype.kind in "mM":
        raise ValueError(f"Runs: {letter} ({MEANING[letter]}) holds dates; give numbers.")
    if np.iscomplexobj(values):
        raise ValueError(f"Runs: {letter} ({MEANING[letter]}) holds complex numbers; give real ones.")
    try:
        column = np.array(values, dtype=np.float64)
        known = _kind(values) in "fiu" or not any(map(_bad, np.asarray(values, object)))
    except Exception:  # a foreign object may raise anything when it is turned into an array
        known = False
    if not known:
        rows = enumerate(np.asarray(values, object))
        row, entry = next(((row, entry) for row, entry in rows if _bad(entry)), (0, values))
        raise ValueError(
            f"Runs: {letter} ({MEANING[letter]}) of row {row} is {shortened(entry)}, not a number; "
            "correct it, or convert the column (pandas: pd.to_numeric)."
        )
    finite = np.isfinite(column)
    if not finite.all():
        row = int(np.argmin(finite))
        own = getattr(values, "name", None) or letter  # the table's own name of the column
        raise ValueError(
            f"Runs: {MEANING[letter]} of row {row} is {column[row]}; drop the run or fill in its "
            f'{MEANING[letter]} (pandas: df.dropna(subset=["{own}"])).'
        )
    if letter == "L" and not 1e-100 < column.min(initial=1) <= column.max(initial=1) < 1e100:
        size = np.abs(column)
        odd = (size != 0) & ((size <= 1e-100) | (size >= 1e100))
        if odd.any():
            row = int(np.argmax(odd))
            raise ValueError(f"Runs: loss of row {row} is {column[row]:g}; check its unit.")
    if letter != "L" and not column.min(initial=1) > 0:
        row = int(np.argmin(column > 0))
        raise ValueError(
            f"Runs: {MEANING[letter]} of row {row} is {column[row]:g}; {letter} must be positive. "
            "Correct or drop the run."
        )
    column.setflags(write=False)
    return column


def _dimensions(values: Any) -> int:
    """Return the number of dimensions; -1 for nested lists of different lengths."""
    try:
        return np.ndim(values)
    except ValueError:
        return -1


def _kind(values: Any) -> str:
    """Return numpy's letter for what a column holds."""
    return str(getattr(getattr(values, "dtype", None), "kind", "O"))


def _bad(entry: Any) -> bool:
    """Whether an entry is no number; Python's 1_0 and truth values are none."""
    try:
        float(entry)
    except Exception:  # a foreign object may raise anything
        return True
    return isinstance(entry, (bool, np.bool_)) or (isinstance(entry, str) and "_" in entry)
