"""Rows of a table that hold no run: empty, diverged, or not begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import shortened
from scalinglab.data.tables_and_picks import Pick, Table

#: Rows that a message lists.
LISTED = 5


@dataclass(frozen=True)
class Incomplete:
    """Rows without a number, and what stands there instead."""

    rows: NDArray[np.bool_]
    reasons: dict[str, NDArray[np.bool_]]
    picks: dict[str, Pick]

    def listed(self, table: Table) -> str:
        """The first rows, each with its own column and what stands there."""
        places = np.flatnonzero(self.rows)
        said = []
        for row in places[:LISTED]:
            letter = next(letter for letter, rows in self.reasons.items() if rows[row])
            entry = np.asarray(self.picks[letter].values[row : row + 1], object)[0]
            empty = entry is None or entry is np.ma.masked or str(entry).strip() in ("", "<NA>", "nan", "NaN")
            what = "empty or NaN" if empty else shortened(entry)
            said.append(f"{table.where(int(row))}: {self.picks[letter].name!r} is {what}")
        more = f"; and {len(places) - LISTED} more" if len(places) > LISTED else ""
        return "; ".join(said) + more

    def question(self, table: Table) -> str:
        """What to do about them."""
        names = list(dict.fromkeys(self.picks[letter].name for letter in self.reasons))
        quoted = ", ".join(f'"{name}"' for name in names)
        plain = all(self.picks[letter].place is not None for letter in self.reasons)
        cure = f" (pandas: df.dropna(subset=[{quoted}]))" if table.is_frame and plain else ""
        return (
            f"Runs: {int(self.rows.sum())} of {len(self.rows)} rows of {table.called} are incomplete "
            f"({self.listed(table)}); drop these runs with drop_incomplete=True, on the command line "
            f"--drop-incomplete, or fill them in{cure}."
        )

    def note(self, table: Table) -> str:
        """What was left out."""
        return f"left out {int(self.rows.sum())} incomplete of {len(self.rows)} rows ({self.listed(table)})"


def incomplete_rows(table: Table, picks: dict[str, Pick]) -> Incomplete:
    """Rows that lack one of the letters: empty, NaN, infinite, a word, or nothing counted yet."""
    reasons = {}
    rows = np.zeros(len(table.values[0]) if table.values else 0, bool)
    for letter, pick in picks.items():
        lacking = _lacking(letter, pick.values)
        if lacking.shape == rows.shape and lacking.any():
            reasons[letter] = lacking
            rows |= lacking
    return Incomplete(rows, reasons, picks)


def _lacking(letter: str, values: Any) -> NDArray[np.bool_]:
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu" and not np.ma.isMaskedArray(values):
        numbers = np.asarray(values)
        lacking: NDArray[np.bool_] = ~np.isfinite(numbers)
        return lacking if letter == "L" else lacking | (numbers == 0)
    return np.array([absent(letter, entry) for entry in entries_of(values)], bool)


def absent(letter: str, entry: Any) -> bool:
    """Whether an entry stands for a number that is not there."""
    if entry is None or entry is np.ma.masked or str(entry) in ("<NA>", "NaT"):
        return True
    if isinstance(entry, str):
        text = entry.strip()
        if not any(sign.isdigit() for sign in text):
            return text.lower() in ABSENT
        return letter != "L" and text in ("0", "0.0")
    try:
        number = float(entry)
    except Exception:  # a foreign object may raise anything
        return False
    return not np.isfinite(number) or (
        letter != "L" and number == 0 and not isinstance(entry, (bool, np.bool_))
    )


#: Words for a number that is not there.
ABSENT = {
    *(
        "",
        "-",
        "--",
        "?",
        ".",
        "nan",
        "-nan",
        "+nan",
        "na",
        "n/a",
        "#n/a",
        "null",
        "none",
        "nil",
        "inf",
        "-inf",
    ),
    *(
        "+inf",
        "infinity",
        "-infinity",
        "diverged",
        "divergence",
        "crashed",
        "failed",
        "killed",
        "running",
        "oom",
    ),
    *("unfinished", "pending", "missing", "stopped", "aborted", "canceled", "cancelled", "timeout", "error"),
}


def entries_of(values: Any) -> Iterator[Any]:
    """The entries of a column as objects; None where they are masked."""
    return iter(np.ma.filled(values, None) if np.ma.isMaskedArray(values) else np.asarray(values, object))
