"""Readers of tables: which column of a table holds which letter, and which lines of a file hold a run."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    taken: set[Any] = set()
    for letter, name in names.items():
        if not isinstance(name, Hashable):
            raise ValueError(f"Runs.from_frame: columns names {shortened(name)} for {letter}; give a name.")
        near = [column for column in present if isinstance(column, str) and column.strip() == name]
        name = near[0] if present.count(name) == 0 and len(near) == 1 else name
        if (found := present.count(name)) > 1:
            raise ValueError(f"Runs: {found} columns of the frame are called {name!r}; rename all but one.")
        if found:
            picked[letter] = frame[name]
            taken.add(name)
        elif letter != "C" or "C" in (columns or {}):
            raise ValueError(
                f"Runs: no column {name!r} for {letter} ({MEANING[letter]}); the table has "
                f"{', '.join(map(str, present)) or 'no columns'}. "
                f'Name yours: columns={{"{letter}": ...}}.'
            )
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


def frame_of_file(path: Any) -> tuple[Any, NDArray[np.intp]]:
    """Table of a text file with a header line, and the line of each of its rows, from 1.

    Columns are separated by what the header separates them by: a comma, a semicolon, a tab or blanks. Lines
    that are blank or begin with # are left out, and blanks around names. In a table with semicolons and no
    point between digits, commas between them are decimal.
    """
    with needs("tables"):
        import pandas as pd

    if isinstance(path, (bool, int, float, bytes, type(None))):
        raise ValueError(f"Runs.read_csv: path is {shortened(path)}; give a file or the path to one.")
    try:
        lines = _lines(path)
        split = any(line.count('"') % 2 for line in lines)  # a quoted text may go over several lines
        kept = [k for k, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
        if not kept:
            raise pd.errors.EmptyDataError
        if split:
            kept = list(range(kept[0], len(lines)))
        text = "\n".join(lines[k] for k in kept)
        separator = max(",;\t", key=lines[kept[0]].count)
        if separator not in lines[kept[0]] and len(lines[kept[0]].split()) > 1:
            separator = r"\s+"
        decimal = separator == ";" and re.search(r"\d,\d", text) and not re.search(r"\d\.\d", text)
        frame = pd.read_csv(
            io.StringIO(text), sep=separator, skipinitialspace=True, decimal="," if decimal else "."
        )
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
    frame.columns = [str(name).strip() for name in frame.columns]
    twice = [name for name in frame.columns if f"{name}.1" in frame.columns]
    if twice:
        raise ValueError(
            f"Runs: the header of {shortened(path)} names {twice[0]!r} twice, or the column "
            f"'{twice[0]}.1' beside it; rename one."
        )
    if split:
        records = csv.reader(io.StringIO(text), delimiter=separator if len(separator) == 1 else " ")
        ends = [(0, True), *((records.line_num, bool(record)) for record in records)]
        kept = [kept[end] for (end, _), (_, full) in itertools.pairwise(ends) if full]
    return frame, np.array(kept[1 : len(frame) + 1], np.intp) + 1


def _lines(path: Any) -> list[str]:
    """Lines of whatever pandas opens: a path, an address, a packed file, an open file."""
    import pandas as pd

    table = pd.read_csv(
        path,
        sep="\x01",
        header=None,
        names=["line"],
        quoting=csv.QUOTE_NONE,
        skip_blank_lines=False,
        dtype=object,
        keep_default_na=False,
        na_filter=False,
    )
    return ["" if line is None else str(line) for line in table["line"]]
