"""Readers of tables: pandas and other frames, and the rows of a file with the line that each stands on."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import shortened
from scalinglab._extras import needs
from scalinglab.data.columns import MEANING
from scalinglab.data.file_contents import name_of, text_of, unpacked
from scalinglab.data.origin import Origin
from scalinglab.data.tables_and_picks import Table


def table_of_frame(frame: Any) -> Table:
    """Table of a pandas, polars or Arrow frame, or of a mapping of names to columns."""
    if isinstance(frame, Mapping):
        lengths = {np.shape(values)[:1] for values in map(np.asarray, map(list_of, frame.values()))}
        if len(lengths) > 1 or () in lengths:
            raise ValueError("Runs.from_frame: frame is a mapping whose columns differ in length; mend it.")
        return Table(list(frame), [np.asarray(list_of(values)) for values in frame.values()], Origin())
    if not isinstance(frame, type) and hasattr(frame, "to_pandas") and hasattr(frame, "column_names"):
        frame = frame.to_pandas()  # Arrow
    if not (hasattr(frame, "columns") and hasattr(frame, "__getitem__")) or isinstance(frame, type):
        if isinstance(frame, type) or not hasattr(frame, "to_pandas"):
            raise ValueError(
                f"Runs.from_frame: frame is {shortened(frame)}; give a pandas table, or Runs(N, D, L) "
                "columns."
            )
        frame = frame.to_pandas()
    names = list(frame.columns)
    if not all(isinstance(name, Hashable) for name in names):
        raise ValueError(f"Runs.from_frame: frame is {shortened(frame)}; give a pandas table.")
    values = [
        frame[name] if names.count(name) == 1 else frame.iloc[:, place] for place, name in enumerate(names)
    ]
    pandas = hasattr(frame, "dropna")
    if not pandas:
        values = [np.asarray(column) for column in values]
    origin = _places(frame, names, values)
    return Table(names, values, origin, is_frame=pandas)


def list_of(values: Any) -> Any:
    """An iterator as a list, anything else as it is."""
    return list(values) if isinstance(values, Iterable) and not hasattr(values, "__len__") else values


def _places(frame: Any, names: list[Any], columns: list[Any]) -> Origin:
    """Rows of a table by its index: whole numbers are places, and texts are names of the runs."""
    index: Any = getattr(frame, "index", None)
    values = np.asarray(index) if hasattr(index, "dtype") else np.empty(0)
    if values.ndim != 1 or len(values) != len(frame) or np.array_equal(values, np.arange(len(values))):
        return Origin()
    if values.dtype.kind in "iu" and index.is_unique:
        return Origin(rows=values)
    name = str(getattr(index, "name", None) or "name")
    if values.dtype.kind in "OUT" and name not in names and name not in MEANING:
        names.append(name)
        columns.append(values)
    return Origin()


def table_of_file(path: Any) -> Table:
    """Table of a file: text with a header line, JSON Lines, or Parquet, packed or not.

    Columns of a text are separated by what the header separates them by: a comma, a semicolon, a tab, an
    upright line or blanks. Lines that are blank or begin with # are left out, and blanks around names. Where
    commas do not separate and stand between digits that no point does, they are decimal.
    """
    if isinstance(path, (bool, int, float, bytes, type(None))):
        raise ValueError(f"Runs.read_csv: path is {shortened(path)}; give a file or the path to one.")
    name = name_of(path)
    content = unpacked(path, name)
    if isinstance(content, bytes) and content[:6] in (b"ARROW1", b"PAR1" + content[4:6]):
        return _of_arrow(content, name)
    lines = text_of(content, name).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((line.lstrip() for line in lines if line.strip()), "")
    if first.startswith(("{", "[")):
        return _of_json(lines, name)
    return _of_text(lines, name)


def _of_arrow(content: bytes, name: str) -> Table:
    with needs("parquet"):
        import pyarrow
        import pyarrow.feather
        import pyarrow.parquet
    try:
        reader = pyarrow.parquet.read_table if content[:4] == b"PAR1" else pyarrow.feather.read_table
        table = table_of_frame(reader(pyarrow.BufferReader(content)))
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(
            f"Runs: {name} cannot be read as Parquet ({shortened(error)}); write it anew."
        ) from None
    return Table(table.names, table.values, Origin(file=name))


def _of_json(lines: list[str], name: str) -> Table:
    """JSON Lines, or one JSON list: an object for each run, inner objects by names with a slash.

    One object that holds lists holds columns: those lists whose length most of them have.
    """
    if (listed := _columns_of_json(lines)) is not None:
        return Table(list(listed), list(listed.values()), Origin(file=name))
    records: list[dict[str, Any]] = []
    places: list[int] = []
    where = 1
    try:
        if lines and next(line.lstrip() for line in lines if line.strip()).startswith("["):
            whole = json.loads("\n".join(lines))
            records, places = [_flat(one) for one in whole], []
        else:
            for where, line in enumerate(lines, 1):
                if line.strip() and not line.lstrip().startswith("#"):
                    records.append(_flat(json.loads(line)))
                    places.append(where)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        where = getattr(error, "lineno", 1) + where - 1
        raise ValueError(
            f"Runs: line {where} of {name} is no JSON object ({shortened(str(error))}); write one object, "
            '{"params": 1e8, ...}, for each run, each on a line.'
        ) from None
    names = list(dict.fromkeys(key for record in records for key in record))
    columns = [_narrow([record.get(key) for record in records]) for key in names]
    return Table(names, columns, Origin(lines=np.array(places, np.intp) if places else None, file=name))


def _columns_of_json(lines: list[str]) -> dict[str, NDArray[Any]] | None:
    """The lists of one object by name; None if the text is anything else."""
    try:
        whole = json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        return None
    lists = (
        {key: one for key, one in whole.items() if isinstance(one, list)} if isinstance(whole, dict) else {}
    )
    lengths = [len(one) for one in lists.values()]
    if not lengths:
        return None
    runs = max(set(lengths), key=lengths.count)
    return {key: _narrow(one) for key, one in lists.items() if len(one) == runs}


def _flat(record: Any, above: str = "") -> dict[str, Any]:
    if not isinstance(record, dict):
        raise TypeError(f"it is {shortened(record)}")
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{above}{key}/")
        else:
            flat[f"{above}{key}"] = str(value) if isinstance(value, list) else value
    return flat


def _narrow(entries: list[Any]) -> NDArray[Any]:
    """A column as numbers if it holds nothing else."""
    if all(entry is None or type(entry) in (int, float) for entry in entries):
        try:
            return np.array([np.nan if entry is None else entry for entry in entries], np.float64)
        except OverflowError:
            pass
    column = np.empty(len(entries), object)
    column[:] = entries
    return column


def _of_text(lines: list[str], name: str) -> Table:
    """A table whose first line that is no comment names its columns."""
    import pandas as pd

    split = any(line.count('"') % 2 for line in lines)  # a quoted text may go over several lines
    kept = [k for k, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        raise ValueError(f"Runs: {name} is empty; it needs a header line and one line a run.")
    if split:
        kept = list(range(kept[0], len(lines)))
    header = lines[kept[0]]
    text = "\n".join(lines[k] for k in kept)
    separator = max(",;\t|", key=header.count)
    if separator not in header and len(header.split()) > 1:
        separator = r"\s+"
    elif separator not in header:
        separator = ","
    commas = separator != "," and _decimal_commas(text, separator)
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=separator,
            skipinitialspace=True,
            low_memory=False,
            decimal="," if commas else ".",
        )
        if split:
            records = csv.reader(io.StringIO(text), delimiter=separator if len(separator) == 1 else " ")
            ends = [(0, True), *((records.line_num, bool(record)) for record in records)]
            kept = [kept[end] for (end, _), (_, full) in itertools.pairwise(ends) if full]
    except (pd.errors.ParserError, pd.errors.EmptyDataError, csv.Error, ValueError, OverflowError) as error:
        said = re.sub(r"(?<=line )\d+", lambda line: _line(kept, line[0]), str(error).strip())
        raise ValueError(
            f"Runs: {name} is not a CSV table: {shortened(said, 120)}; mend that line so that it has one "
            "entry for each name of the header."
        ) from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError(
            f"Runs: lines of {name} have more fields than its header has names (line {kept[0] + 1}); mend "
            "the header."
        )
    names = [str(column).strip() for column in frame.columns]
    twice = [one for one in names if f"{one}.1" in names]
    if twice:
        raise ValueError(
            f"Runs: the header of {name} (line {kept[0] + 1}) names {twice[0]!r} twice, or the column "
            f"'{twice[0]}.1' beside it; rename one."
        )
    values = [np.asarray(frame.iloc[:, place]) for place in range(len(names))]
    if commas:  # of columns with words among their numbers
        values = [_with_points(column) if column.dtype.kind == "O" else column for column in values]
    elif separator == ";":  # points stand in some columns, decimal commas in others
        values = [
            np.asarray(pd.Series(_with_points(column)).apply(_number), object)
            if column.dtype.kind == "O" and _all_decimal_commas(column)
            else column
            for column in values
        ]
    return Table(names, values, Origin(lines=np.array(kept[1 : len(frame) + 1], np.intp) + 1, file=name))


def _line(kept: list[int], said: str) -> str:
    """A line of the text that was parsed, as an editor counts it in the file."""
    place = int(said) - 1
    return str(kept[place] + 1) if place < len(kept) else said


def _decimal_commas(text: str, separator: str) -> bool:
    """Whether commas between digits are decimal: no point stands there, and not all group three digits.

    Semicolons separate where commas are decimal, so that there three digits after one decide nothing.
    """
    if re.search(r"\d\.\d", text) or not re.search(r"\d,\d", text):
        return False
    return separator == ";" or bool(re.search(r"(?<![\d,])\d+,(?!\d{3}(?:,\d{3})*(?!\d))\d+", text))


def _all_decimal_commas(column: NDArray[Any]) -> bool:
    """Whether the texts of a column have decimal commas and no points, and some cannot group three digits."""
    texts = [entry for entry in column if isinstance(entry, str) and re.search(r"\d", entry)]
    whole = all(re.fullmatch(r"\s*[+-]?\d+(,\d+)?\s*", entry) for entry in texts)
    return bool(texts) and whole and any(re.search(r",(?!\d{3}\s*$)\d+\s*$", entry) for entry in texts)


def _number(entry: Any) -> Any:
    """A text that is a number as one; anything else as it is."""
    try:
        return float(entry)
    except (TypeError, ValueError):
        return entry


def _with_points(column: NDArray[Any]) -> NDArray[Any]:
    """Entries such as 3,1 and 1,3B with a point."""
    return np.array(
        [
            re.sub(r"^(\s*[+-]?\d+),(\d+(?:e[+-]?\d+)?\s*[kmbgt]?\s*)$", r"\1.\2", entry, flags=re.IGNORECASE)
            if isinstance(entry, str)
            else entry
            for entry in column
        ],
        object,
    )
