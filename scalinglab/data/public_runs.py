"""Public tables of training runs, opened by name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import shortened
from scalinglab.data.cards import DataCard, catalogue, public_entries
from scalinglab.data.fetching import file_of
from scalinglab.data.runs import Runs


def open_runs(name: str, *, folder: str | PathLike[str] | None = None, **options: str) -> Runs:
    """Runs of a public table, fetched once from where its authors keep it.

    The file is fetched when a table is opened for the first time, verified by its checksum and kept in the
    user's cache. None of these tables comes with the package.

    Parameters
    ----------
    name : str
        Name of the table; :func:`catalogue` lists them with their licences.
    folder : str or path, optional
        A folder that holds a copy of the file, under the table's name or under its own; nothing is fetched
        then. The environment variable ``SCALINGLAB_DATA`` names such a folder for all tables.
    **options : str
        How the table is to be read, where that can be chosen: ``counting="non-embedding"``,
        ``rows="validation"``, ``loss="c4"``. The data card lists options and choices.

    Returns
    -------
    Runs
        Letters as the data card says; the other columns in ``extra``. The ``notes`` say where the runs come
        from and which rows were left out.

    Raises
    ------
    ValueError
        If there is no such table, option or choice.
    OSError
        If the file cannot be had: there is no network, what arrived is not the file of the catalogue, the
        disk is full, or the folder does not hold it. The message says what happened and what to do.
    ModuleNotFoundError
        If a file is to be fetched and pooch is not installed (extra ``data``).

    See Also
    --------
    catalogue : The tables, and their data cards.
    load_llama3, load_chinchilla : Tables that come with the package.
    read_runs : Tables of your own.
    best_of_repeats : For tables that sweep learning rates.

    Examples
    --------
    >>> runs = open_runs("marin-dclm")  # doctest: +SKIP
    >>> open_runs("misfitting", counting="non-embedding", folder="tables")  # doctest: +SKIP
    >>> open_runs("dclm")
    Traceback (most recent call last):
        ...
    ValueError: open_runs: name is 'dclm', no public table; did you mean 'marin-dclm'? See catalogue().
    """
    card = _card(name)
    recipe = _recipe(card, options)
    columns = {letter: recipe[letter] for letter in "NDLC" if letter in recipe}
    runs = Runs.read_csv(file_of(card, folder), columns, drop_incomplete=True)
    which, why = _rows(runs, recipe)
    taken = runs.take(which)
    notes = [
        f"public table {card.name!r}: {card.path} of {card.repository} at commit {card.commit[:10]}, licence "
        f"{card.licence}; see data_card({card.name!r})",
        *taken.notes,
    ]
    if why:
        notes.append(f"kept the {len(taken)} of {len(runs)} rows {' and '.join(why)}")
    further = {letter: taken.extra[column] for letter, column in recipe.get("further", {}).items()}
    origin = replace(taken.origin, notes=tuple(notes))
    opened = Runs(taken.N, taken.D, taken.L, taken.C, {**taken.extra, **further}, origin)
    return opened.group(recipe["budgets"]) if "budgets" in recipe else opened


def _card(name: str) -> DataCard:
    known = catalogue()
    if isinstance(name, str) and name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1, 0.4) if isinstance(name, str) else []
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"open_runs: name is {shortened(name)}, no public table{hint} See catalogue().")


def _recipe(card: DataCard, options: Mapping[str, str]) -> dict[str, Any]:
    """How the table is read with these options."""
    entry = public_entries()[card.name]
    if unknown := [option for option in options if option not in card.options]:
        can = f"it has {', '.join(card.options)}" if card.options else "it has no options"
        raise ValueError(f"open_runs: {card.name!r} has no option {unknown[0]!r}; {can}.")
    recipe = dict(entry["read"])
    for option, choices in card.options.items():
        choice = options.get(option, choices[0])
        if not isinstance(choice, str) or choice not in choices:
            raise ValueError(
                f"open_runs: {option} is {shortened(choice)}; {card.name!r} has "
                f"{', '.join(map(repr, choices))}."
            )
        recipe |= entry["options"][option][choice]
    return recipe


def _rows(runs: Runs, recipe: Mapping[str, Any]) -> tuple[NDArray[np.bool_], list[str]]:
    """Rows that are runs of the study, and what tells them."""
    which = np.ones(len(runs), bool)
    why = []
    if keep := recipe.get("keep"):
        pattern = re.compile(keep["pattern"])
        which &= [pattern.match(text) is not None for text in runs.extra[keep["column"]]]
        why.append(f"whose {keep['column']!r} begins like {keep['pattern']!r}")
    if last := recipe.get("last"):
        group, order = runs.extra[last["group"]], runs.extra[last["order"]]
        sorted_rows = np.lexsort((order, group))
        ends = np.append(np.diff(group[sorted_rows]) != 0, True)
        which &= np.isin(np.arange(len(runs)), sorted_rows[ends])
        why.append(f"with the highest {last['order']!r} of each {last['group']!r}")
    return which, why
