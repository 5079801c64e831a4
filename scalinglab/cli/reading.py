"""The table that a command names, as runs."""

from __future__ import annotations

from pathlib import Path

from scalinglab.data.columns import MEANING
from scalinglab.data.runs import Runs


def read_table(table: Path, columns: tuple[str, ...], drop_incomplete: bool) -> Runs:
    """Read the table of a command line; ValueError says what is wrong, by the file's own lines and names."""
    chosen: dict[str, str] = {}
    for pair in columns:
        letter, equals, name = pair.partition("=")
        if not equals or letter not in MEANING or not name:
            raise ValueError(
                f"--column is {pair!r}; write a letter, N, D, L or C, and the name of a column: --column "
                "N=params."
            )
        if letter in chosen:
            raise ValueError(f"--column names {letter} twice, {chosen[letter]} and {name}; give it once.")
        chosen[letter] = name
    if not table.exists():
        raise ValueError(f"there is no file {table}; check the path.")
    if table.is_dir():
        raise ValueError(f"{table} is a folder; name the file in it.")
    return Runs.read_csv(table, chosen or None)
