"""A column of a table of runs: checked, copied, read-only."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab._arrays import FloatArray, shortened

#: What each letter holds.
MEANING = {"N": "parameters", "D": "tokens", "L": "loss", "C": "compute"}


#: How people write counts: 25,165,824 or 12M or 1.3 B.
WRITTEN = re.compile(
    r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?=\s*[kmbgt]))\s*([kmbgt]?)", re.IGNORECASE
)
SIZES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}


def column(letter: str, values: ArrayLike, label: Callable[[int], str] = "row {}".format) -> FloatArray:
    """Return a checked read-only float64 copy of one column; ``label`` says how a message names a row."""
    if isinstance(values, str | bytes | bytearray | memoryview) or _dimensions(values) != 1:
        raise ValueError(
            f"Runs: {letter} must be a one-dimensional list of numbers, one for each run; "
            f"got {shortened(values)}."
        )
    if isinstance(values, np.ma.MaskedArray) and np.ma.getmaskarray(values).any():
        row = int(np.argmax(np.ma.getmaskarray(values)))
        raise ValueError(f"Runs: {MEANING[letter]} of {label(row)} is masked; drop the run or fill it in.")
    if np.asarray(values, object if _dimensions(values) < 1 else None).dtype.kind in "mM":
        raise ValueError(f"Runs: {letter} ({MEANING[letter]}) holds dates; give numbers.")
    if np.iscomplexobj(values):
        raise ValueError(f"Runs: {letter} ({MEANING[letter]}) holds complex numbers; give real ones.")
    try:
        column = np.array(values, dtype=np.float64)
        known = _kind(values) in "fiu" or not any(map(_bad, np.asarray(values, object)))
    except Exception:  # a foreign object may raise anything when it is turned into an array
        column, known = np.empty(0), False
    if not known and letter != "L":
        column, known = _written_out(values)
    if not known:
        rows = enumerate(np.asarray(values, object))
        wrong = _bad if letter == "L" else lambda entry: _count(entry) is None
        row, entry = next(((row, entry) for row, entry in rows if wrong(entry)), (0, values))
        own = getattr(values, "name", None)
        cure = f' (pandas: df[pd.to_numeric(df["{own}"], errors="coerce").notna()])' if own else ""
        raise ValueError(
            f"Runs: {letter} ({MEANING[letter]}) of {label(row)} is {shortened(entry)}, not a number; "
            f"correct it or drop the run{cure}."
        )
    finite = np.isfinite(column)
    if not finite.all():
        row = int(np.argmin(finite))
        own = getattr(values, "name", None) or letter  # the table's own name of the column
        raise ValueError(
            f"Runs: {MEANING[letter]} of {label(row)} is {column[row]}; drop the run or fill in its "
            f'{MEANING[letter]} (pandas: df.dropna(subset=["{own}"])).'
        )
    if letter == "L" and not 1e-100 < column.min(initial=1) <= column.max(initial=1) < 1e100:
        size = np.abs(column)
        odd = (size != 0) & ((size <= 1e-100) | (size >= 1e100))
        if odd.any():
            row = int(np.argmax(odd))
            raise ValueError(f"Runs: loss of {label(row)} is {column[row]:g}; check its unit.")
    if letter != "L" and not column.min(initial=1) > 0:
        row = int(np.argmin(column > 0))
        raise ValueError(
            f"Runs: {MEANING[letter]} of {label(row)} is {column[row]:g}; {letter} must be positive. "
            "Correct or drop the run."
        )
    column.setflags(write=False)
    return column


def extra_column(name: str, values: ArrayLike, count: int) -> NDArray[Any]:
    """Return a read-only copy of a column that no fit needs: float64, nan where unknown, or else text."""
    if isinstance(values, str | bytes | bytearray | memoryview) or _dimensions(values) != 1:
        raise ValueError(
            f"Runs: the column {name!r} of extra is {shortened(values)}; give a one-dimensional list, one "
            "entry for each run."
        )
    entries = np.ma.filled(np.ma.asarray(values, object), None) if np.ma.isMaskedArray(values) else values
    try:
        array = np.asarray(entries)
        if array.dtype.kind not in "biufUMm":
            array = np.asarray(entries, object)
        if array.dtype.kind == "O":
            array = _numbers_or_texts(array)
        elif array.dtype.kind in "Mm":
            array = array.astype(str)
        kept = np.array(array, None if array.dtype.kind == "U" else np.float64)
    except Exception:  # a foreign object may raise anything when it is turned into an array
        raise ValueError(
            f"Runs: the column {name!r} of extra holds {shortened(values)}; give numbers or texts."
        ) from None
    if len(kept) != count:
        raise ValueError(
            f"Runs: the column {name!r} of extra has {len(kept)} entries for {count} runs; give one for "
            "every run."
        )
    kept.setflags(write=False)
    return kept


def entries(checked: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only copy of some entries of a checked column."""
    picked = np.asarray(checked[rows])
    picked.setflags(write=False)
    return picked


def _numbers_or_texts(entries: NDArray[Any]) -> NDArray[Any]:
    """Objects as numbers if all are numbers or missing, else as texts, empty where missing."""
    missing = np.array([entry is None or entry != entry or str(entry) == "<NA>" for entry in entries], bool)
    if not any(isinstance(entry, str) for entry in entries[~missing]):
        try:
            return np.where(missing, np.nan, entries).astype(np.float64)
        except (TypeError, ValueError):
            pass
    return np.array(["" if gone else str(entry) for entry, gone in zip(entries, missing, strict=True)], str)


def _written_out(values: Any) -> tuple[FloatArray, bool]:
    """Counts written for people, 12M or 25,165,824, as numbers; and whether all entries are."""
    counts = [_count(entry) for entry in np.asarray(values, object)]
    known = None not in counts
    return np.array(counts if known else [], np.float64), known


def _count(entry: Any) -> float | None:
    """A count of parameters, tokens or FLOPs as a number; None if it is none."""
    if isinstance(entry, str) and (found := WRITTEN.fullmatch(entry.strip())):
        return float(found[1].replace(",", "")) * SIZES[found[2].lower()]
    return None if _bad(entry) else float(entry)


def is_count(entry: Any) -> bool:
    """Whether an entry is a number, or a count written out: 12M, 25,165,824."""
    return _count(entry) is not None


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
