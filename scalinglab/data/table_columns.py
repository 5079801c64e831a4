"""Columns of a table by letter: which column is which, in what unit, and which rows hold no run."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, flag, of_kind
from scalinglab.data.columns import MEANING, column, is_count
from scalinglab.data.incomplete_rows import absent, entries_of, incomplete_rows
from scalinglab.data.origin import Origin
from scalinglab.data.products import product_of
from scalinglab.data.tables_and_picks import Pick, Table
from scalinglab.data.units import UNITS, factor_of
from scalinglab.data.usual_names import Meaning, meaning_of
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN

#: A compute may differ from a unit times 6ND by this much in any run for the unit to be named.
SAME_UNIT = 0.1


def columns_of_table(
    table: Table,
    columns: Mapping[str, Any] | None = None,
    units: Mapping[str, Any] | None = None,
    drop_incomplete: bool = False,
) -> dict[str, Any]:
    """What :class:`Runs` is made of: N, D, L and C, the other columns, and where the rows stand.

    A letter whose column the user names is that column. Others are read from a column of that letter, or
    else from the one column whose name says the letter (:func:`meaning_of`); two such columns are a question
    to the user unless they hold the same numbers. Where N or D is missing, C/6D or C/6N stands for it.
    """
    of_kind("Runs: columns", columns, (Mapping, type(None)), 'give {"N": "params"} or the like')
    of_kind("Runs: units", units, (Mapping, type(None)), 'give {"C": "EFLOP"} or the like')
    flag("Runs: drop_incomplete", drop_incomplete)
    for name, given in (("columns", columns), ("units", units)):
        if unknown := set(given or ()) - set(MEANING):
            raise ValueError(
                f"Runs: {name} maps {', '.join(sorted(map(str, unknown)))}; the letters are N, D, L and C."
            )
    factors = {letter: factor_of(letter, unit) for letter, unit in (units or {}).items()}
    picks = _picks(table, dict(columns or {}))
    _derivable(table, picks)
    if unused := [letter for letter in factors if letter not in picks]:
        raise ValueError(
            f"Runs: units says what {unused[0]} is counted in, but no column holds {unused[0]}; leave it out."
        )
    origin, keep = table.origin, None
    missing = incomplete_rows(table, picks)
    if missing.rows.any():
        if not drop_incomplete:
            raise ValueError(missing.question(table))
        if missing.rows.all():
            raise ValueError(f"Runs: every row of {table.called} is incomplete ({missing.listed(table)}).")
        keep = ~missing.rows
        origin = origin.taken(keep, len(keep)).noted(missing.note(table))
    read: dict[str, FloatArray] = {}
    told = []
    for letter, pick in picks.items():
        size, unit = factors.get(letter, (pick.meaning.size, pick.meaning.unit))
        values = pick.values if keep is None else pick.values[keep]
        numbers = column(letter, values, _labels(origin, pick, letter, table.is_frame))
        read[letter] = numbers if size == 1 else _scaled(letter, numbers, size)
        if pick.name != letter or unit or pick.aside:
            told.append(f"{letter} from {pick.name!r}" + (f" in {unit}" if unit else "") + pick.aside)
    notes = [f"read {', '.join(told)}"] if told else []
    for letter, other in (("D", "N"), ("N", "D")):
        if letter not in read:
            read[letter] = read["C"] / (FLOPS_PER_PARAMETER_TOKEN * read[other])
            notes.append(f"{letter} is C/6{other}, for no column holds {MEANING[letter]}")
    if unit := _unit_of_compute(read):
        notes.append(
            f'C looks like {unit}, by C/6ND, and was left as it is; convert it with units={{"C": "{unit}"}}, '
            f'on the command line --unit "C={unit}"'
        )
    for note in notes:
        origin = origin.noted(note)
    used = {pick.place for pick in picks.values()}
    extra: dict[str, Any] = {}
    for name, values in _others(table, used):
        while name in extra:
            name += " (2)"
        extra[name] = values if keep is None else values[keep]
    return {**read, "extra": extra, "origin": origin}


def _labels(origin: Origin, pick: Pick, letter: str, is_frame: bool) -> Callable[[int], str]:
    """How a message names an entry of a column: its row, and the file's own name of the column."""
    own = f" ({pick.name!r})" if pick.name != letter and not is_frame else ""
    return lambda row: f"{origin.label(row)}{own}"


def _picks(table: Table, chosen: dict[str, Any]) -> dict[str, Pick]:
    """The column of each letter; a letter without one is left out."""
    picks: dict[str, Pick] = {}
    for letter, name in chosen.items():
        if letter == "C" and (name is None or name == ""):
            continue
        place = table.find(letter, name)
        if place is not None:
            picks[letter] = Pick(place, str(name), table.values[place], _meant(letter, table.names[place]))
        elif isinstance(name, str) and (product := product_of(name, table.names, table.values)) is not None:
            picks[letter] = Pick(None, name, product, Meaning(letter))
        else:
            near = difflib.get_close_matches(str(name), [str(one) for one in table.names], 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"Runs: {table.called} has no column {name!r} for {letter} ({MEANING[letter]}); it has "
                f"{_listed(table.names)}.{hint}"
            )
    taken = {pick.place for pick in picks.values()}
    questions = []
    for letter in MEANING:
        if letter in picks or letter in chosen:
            continue
        found = _recognised(table, letter, taken)
        if isinstance(found, str):
            questions.append(found)
        elif found is not None:
            picks[letter] = found
    if questions:
        raise ValueError(f"Runs: {table.called} leaves a question: {' '.join(questions)}")
    return {letter: picks[letter] for letter in MEANING if letter in picks}


def _recognised(table: Table, letter: str, taken: set[int | None]) -> Pick | str | None:
    """The one column whose name says a letter, or the question if there are two that differ."""
    place = table.find(letter, letter)
    if place is not None and place not in taken:
        return Pick(place, letter, table.values[place], Meaning(letter))
    found = []
    for place, name in enumerate(table.names):
        said = meaning_of(name) if isinstance(name, str) and place not in taken else None
        if said is not None and said.letter == letter and _holds_numbers(table.values[place]):
            found.append(Pick(place, name.strip(), table.values[place], said))
    if not found:
        return None
    first, *more = found
    if all(_same(first, other) for other in more):
        same = f" (as {_listed([other.name for other in more])})" if more else ""
        return Pick(first.place, first.name, first.values, first.meaning, same)
    names = ", ".join(repr(one.name) for one in found)
    leave = ', or columns={"C": None}, on the command line --column C=, for 6ND' if letter == "C" else ""
    return (
        f"{names} may each be {letter} ({MEANING[letter]}); say which, for instance columns="
        f'{{"{letter}": "{first.name}"}}, on the command line --column "{letter}={first.name}"{leave}.'
    )


def _derivable(table: Table, picks: dict[str, Pick]) -> None:
    """ValueError unless L and two of N, D and C are there."""
    wanted = [letter for letter in "NDL" if letter not in picks]
    if "C" in picks and len(set(wanted) & {"N", "D"}) == 1:
        wanted = [letter for letter in wanted if letter == "L"]  # C/6N stands for D, C/6D for N
    for letter in wanted[:1]:
        raise ValueError(
            f"Runs: no column of {table.called} says that it is {letter!r} ({MEANING[letter]}); it has "
            f'{_listed(table.names)}. Name yours: columns={{"{letter}": ...}}, on the command line --column '
            f'"{letter}=...".'
        )


def _holds_numbers(values: Any) -> bool:
    """Whether a column holds a number, or a count written out, anywhere near its top."""
    dtype = getattr(values, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        return bool(np.isfinite(np.asarray(values)).any())
    return any(is_count(entry) for entry in list(entries_of(values))[:1000] if not absent("L", entry))


def _same(first: Pick, other: Pick) -> bool:
    """Whether two columns say the same number in every row."""
    if (first.meaning.size, first.meaning.unit) != (other.meaning.size, other.meaning.unit):
        return False
    one, two = np.asarray(first.values), np.asarray(other.values)
    if one.dtype.kind in "fiu" and two.dtype.kind in "fiu":
        return bool(np.array_equal(one.astype(float), two.astype(float), equal_nan=True))
    return [str(entry) for entry in one] == [str(entry) for entry in two]


def _meant(letter: str, name: Any) -> Meaning:
    """Unit that a chosen column's name says, if its name says the same letter."""
    said = meaning_of(name) if isinstance(name, str) else None
    return said if said is not None and said.letter == letter else Meaning(letter)


def _scaled(letter: str, numbers: FloatArray, size: float) -> FloatArray:
    with np.errstate(over="ignore"):
        return numbers * size


def _unit_of_compute(read: dict[str, FloatArray]) -> str:
    """The unit that C stands in by a constant C/6ND; empty where it is FLOPs, or nothing that has a name."""
    if set(read) != set(MEANING) or len({len(values) for values in read.values()}) > 1 or not len(read["C"]):
        return ""
    some = slice(None, None, -(-len(read["C"]) // 4096))
    with np.errstate(all="ignore"):
        ratio = read["C"][some] / (FLOPS_PER_PARAMETER_TOKEN * read["N"][some] * read["D"][some])
        off = {unit: float(np.max(np.abs(np.log(ratio * size)))) for unit, size in UNITS.items()}
    unit = min(off, key=off.__getitem__)
    return unit if off[unit] < SAME_UNIT else ""


def _others(table: Table, used: set[int | None]) -> Iterator[tuple[str, Any]]:
    """The columns that hold no letter, by a name that is none."""
    for place, name in enumerate(table.names):
        if place not in used:
            yield (f"{name} of the table" if name in MEANING else str(name)), table.values[place]


def _listed(names: list[Any]) -> str:
    said = ", ".join(map(str, names[:40])) or "no columns"
    return said + (f" and {len(names) - 40} more" if len(names) > 40 else "")
