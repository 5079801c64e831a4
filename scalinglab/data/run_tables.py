"""One reader for the tables people have."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from scalinglab.data.runs import Runs


def read_runs(
    table: str | PathLike[str] | Any,
    columns: Mapping[str, str | None] | None = None,
    *,
    units: Mapping[str, str | float] | None = None,
    drop_incomplete: bool = False,
) -> Runs:
    r"""Runs of a table of any kind: a file, an open file, or a frame.

    Files are text tables (comma, semicolon, tab or blanks; decimal commas; comment lines), JSON Lines or
    Parquet, packed or not, as wandb, MLflow or a spreadsheet export them; frames are those of pandas, polars
    and Arrow, or a mapping. Counts may be written out, ``12M``. What was understood is told in ``notes`` of
    the answer; what can be understood in two ways is asked.

    Parameters
    ----------
    table : str, path, open file or frame
        The table.
    columns : mapping, optional
        Which column holds which letter, for instance ``{"N": "params", "L": "eval/loss"}``; products are
        allowed, ``{"D": "step * 2e6"}``, and ``{"C": None}`` leaves C out. Other letters are looked up under
        their own name, then by the usual names (params, tokens, val_loss, total_gflops ...).
        C may be absent; where N or D is, it is C/6D or C/6N.
    units : mapping, optional
        What a column is counted in, where its name does not say it, ``{"N": "M", "D": "B", "C": "PF-days"}``,
        or a factor. For L, ``"nats"``, ``"bits/token"`` or ``"bits/byte"`` is noted; its numbers stay.
    drop_incomplete : bool
        Leave out rows without a number (empty, NaN, diverged) or without a step; the notes list them.

    Returns
    -------
    Runs
        All other columns are kept in ``extra``.

    Raises
    ------
    ValueError
        If a column is missing, two may be meant, or an entry is refused. The message names the file, the line
        as an editor counts it, the table's own column, and what to do.

    See Also
    --------
    Runs : Columns you already have.
    Runs.group : Nominal budgets, where compute was counted.
    best_of_repeats : One run for each size and number of tokens.

    Examples
    --------
    >>> import io
    >>> text = "params;tokens (B);val_loss\n12M;0,24;5,1\n25M;0,5;4,2\n50M;1;diverged\n"
    >>> runs = read_runs(io.StringIO(text), drop_incomplete=True)
    >>> runs.D.tolist(), len(runs.notes)
    ([240000000.0, 500000000.0], 2)
    >>> print(runs.notes[1])
    read N from 'params', D from 'tokens (B)' in billions, L from 'val_loss'
    """
    if hasattr(table, "read") or isinstance(table, (str, PathLike, bool, int, float, bytes, type(None))):
        return Runs.read_csv(table, columns, units=units, drop_incomplete=drop_incomplete)
    return Runs.from_frame(table, columns, units=units, drop_incomplete=drop_incomplete)
