"""The table that a command names, as runs."""

from __future__ import annotations

from pathlib import Path

from scalinglab.data.columns import MEANING
from scalinglab.data.repeats import best_of_repeats, mean_of_repeats
from scalinglab.data.run_tables import read_runs
from scalinglab.data.runs import Runs


def read_table(
    table: Path,
    columns: tuple[str, ...],
    drop_incomplete: bool,
    units: tuple[str, ...] = (),
    loss_unit: str | None = None,
) -> Runs:
    """Read the table of a command line; ValueError says what is wrong, by the file's own lines and names."""
    chosen: dict[str, str | None] = dict(_pairs("--column", columns, "the name of a column", "N=params"))
    chosen = {letter: name or None for letter, name in chosen.items()}
    counted = _pairs("--unit", units, "a unit", "C=EFLOP")
    if loss_unit is not None:
        counted["L"] = loss_unit
    if not table.exists():
        raise ValueError(f"there is no file {table}; check the path.")
    if table.is_dir():
        raise ValueError(f"{table} is a folder; name the file in it.")
    return read_runs(table, chosen or None, units=counted or None, drop_incomplete=drop_incomplete)


def _pairs(option: str, given: tuple[str, ...], what: str, instance: str) -> dict[str, str]:
    """What an option says of each letter; C= leaves C out."""
    said: dict[str, str] = {}
    for pair in given:
        letter, equals, name = pair.partition("=")
        if not equals or letter not in MEANING or not (name or (letter == "C" and option == "--column")):
            raise ValueError(
                f"{option} is {pair!r}; write a letter, N, D, L or C, and {what}: {option} {instance}."
            )
        if letter in said:
            raise ValueError(f"{option} names {letter} twice, {said[letter]} and {name}; give it once.")
        said[letter] = name
    return said


def prepared(runs: Runs, budgets: str | None, group: float | None, repeats: str) -> Runs:
    """The runs at nominal budgets, where --budgets or --group asks for them, and one of each (N, D)."""
    at = _grouped(runs, budgets, group)
    return at if repeats == "keep" else (best_of_repeats if repeats == "best" else mean_of_repeats)(at)


def _grouped(runs: Runs, budgets: str | None, group: float | None) -> Runs:
    if budgets is None:
        return runs if group is None else runs.group(rtol=group)
    try:
        nominal = [float(one) for one in budgets.split(",")]
    except ValueError:
        raise ValueError(
            f"--budgets is {budgets!r}; write FLOPs with commas between them: --budgets 1e18,3e18,1e19."
        ) from None
    return runs.group(nominal, group)
