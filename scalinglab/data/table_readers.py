"""Readers of tables: which column of a table holds which letter, and which lines of a file hold a run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from scalinglab._arrays import of_kind, shortened
from scalinglab._extras import needs
from scalinglab.data.columns import MEANING
from scalinglab.data.origin import Origin


def columns_of_frame(
    frame: Any, columns: Mapping[str, str] | None
) -> tuple[dict[str, Any], dict[str, Any], Origin]:
    """Columns of a table by letter, its other columns by name, and where its rows stand."""
    if not (hasattr(frame, "columns") and hasattr(frame, "__getitem__")) or isinstance(frame, type):
        raise ValueError(
            f"Runs.from_frame: frame is {shortened(frame)}; give a pandas table, or Runs(N, D, L) columns."
        )
    of_kind("Runs.from_frame: columns", columns, (Mapping, type(None)), 'give {"N": "params"} or the like')
    names = {"N": "N", "D": "D", "L": "L", "C": "C", **(columns or {})}
    unknown = set(names) - set(MEANING)
    if unknown:
        raise ValueError(
            f"Runs: columns maps {', '.join(sorted(map(str, unknown)))}; the letters are N, D, L and C."
        )
    present = list(frame.columns)
    picked: dict[str, Any] = {}
    for letter, name in names.items():
        if not isinstance(name, Hashable):
            raise ValueError(f"Runs.from_frame: columns names {shortened(name)} for {letter}; give a name.")
        if (found := present.count(name)) > 1:
            raise ValueError(f"Runs: {found} columns of the frame are called {name!r}; rename all but one.")
        if found:
            picked[letter] = frame[name]
        elif letter != "C" or "C" in (columns or {}):
            raise ValueError(
                f"Runs: no column {name!r} for {letter} ({MEANING[letter]}); the table has "
                f"{', '.join(map(str, present)) or 'no columns'}. "
                f'Name yours: columns={{"{letter}": ...}}.'
            )
    taken = {names[letter] for letter in picked}
    extra: dict[str, Any] = {}
    for place, name in enumerate(present):
        if name not in taken:
            key = f"{name} of the table" if name in MEANING else str(name)
            while key in extra:
                key += " (2)"
            extra[key] = frame[name] if present.count(name) == 1 else frame.iloc[:, place]
    return picked, extra, _places(frame, extra)


def _places(frame: Any, extra: dict[str, Any]) -> Origin:
    """Rows of a table by its index: whole numbers are places, and texts are names of the runs."""
    index: Any = getattr(frame, "index", None)
    values = np.asarray(index) if hasattr(index, "dtype") else np.empty(0)
    if values.ndim != 1 or len(values) != len(frame) or np.array_equal(values, np.arange(len(values))):
        return Origin()
    if values.dtype.kind in "iu" and index.is_unique:
        return Origin(rows=values)
    name = str(getattr(index, "name", None) or "name")
    if values.dtype.kind in "OUT" and name not in extra and name not in MEANING:
        extra[name] = values
    return Origin()


def frame_of_file(path: Any) -> tuple[Any, int]:
    """Table of a CSV file with a header line, and the line of its first row."""
    with needs("tables"):
        import pandas as pd

    if isinstance(path, (bool, int, float, bytes, type(None))):
        raise ValueError(f"Runs.read_csv: path is {shortened(path)}; give a file or the path to one.")
    try:
        frame = pd.read_csv(path)
    except pd.errors.EmptyDataError:
        raise ValueError(f"Runs: {path} is empty; it needs a header line and one line a run.") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"Runs: {path} is not a CSV table: {error}") from None
    except (OSError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"Runs.read_csv: path is {shortened(path)}, which cannot be read ({shortened(error)})."
        ) from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError(
            f"Runs: the file at path {shortened(path)} has lines with more fields than its "
            "header has names; mend the header."
        )
    twice = [name for name in frame.columns if f"{name}.1" in frame.columns]
    if twice:
        raise ValueError(
            f"Runs: the header of {shortened(path)} names {twice[0]!r} twice, or the column "
            f"'{twice[0]}.1' beside it; rename one."
        )
    return frame, 2
