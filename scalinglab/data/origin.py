"""Where runs come from: their places in a table, the lines of its file, and what was done to them since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Columns of text that name a run, the first of them first, in any case.
NAMING = ("name", "run_name", "run name", "run", "run_id", "id", "exp_name", "experiment", "label", "model")


@dataclass(frozen=True, eq=False)
class Origin:
    """Places of runs in the table they were read from.

    Use it through :meth:`Runs.label`: readers and :meth:`Runs.take` fill it in. Nothing as long as the
    runs is kept until some are left out, so ten million runs cost nothing.

    Attributes
    ----------
    rows : ndarray of int, shape (n,), optional
        Row of the table that holds each run; absent when they are its rows in order.
    lines : int or ndarray of int, optional
        Line of the file, counted from 1 as an editor does, that holds row 0 of the table; or the line of
        every row where some lines hold no run. Absent when there was no file.
    notes : tuple of str
        What was done to the runs before they were fitted, a sentence each.
    file : str
        What messages call the file.
    """

    rows: NDArray[Any] | None = None
    lines: int | NDArray[Any] | None = None
    notes: tuple[str, ...] = ()
    file: str = "the file"

    def taken(self, which: NDArray[Any], count: int) -> Origin:
        """Origin of those of ``count`` runs that a mask or a list of rows picks."""
        if which.dtype == bool and which.all():
            return self
        rows = np.flatnonzero(which) if which.dtype == bool else np.where(which < 0, which + count, which)
        rows = rows.astype(np.int32 if count < 2**31 else np.int64)
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def noted(self, sentence: str) -> Origin:
        """The same places, with one more note."""
        return replace(self, notes=(*self.notes, sentence))

    def label(self, row: int, name: str = "") -> str:
        """How a message names a run: its row, its place in the table or file, its name."""
        at = int(row if self.rows is None else self.rows[row])
        place = "" if at == row else f"row {at} of the table"
        if self.lines is not None:
            line = self.lines + at if isinstance(self.lines, int) else int(self.lines[at])
            place = f"line {line} of {self.file}"
        short = name if len(name) <= 40 else name[:37] + "..."
        said = ", ".join(filter(None, [place, repr(short) if name else ""]))
        return f"row {row} ({said})" if said else f"row {row}"


def in_a_row(labels: list[str], more: int = 0) -> str:
    """Labels as one phrase: rows 3, 7 (line 9 of the file) and 5 more."""
    said = [label.removeprefix("row ") for label in labels] + ([f"{more} more"] if more else [])
    text = " and ".join(filter(None, [", ".join(said[:-1]), said[-1]]))
    return ("row " if len(said) == 1 else "rows ") + text
