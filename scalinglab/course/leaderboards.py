"""Leaderboard of a folder of submissions, and a tournament of strategies on many hidden surfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import of_kind, shortened, whole
from scalinglab._extras import needs
from scalinglab.course.names import in_a_sheet, key, outline, shown
from scalinglab.course.oracle import BUDGET, Oracle, positive_number
from scalinglab.course.prediction import OracleError

COLUMNS = ("student", "waste", "interval score", "covers", "runs", "spent", "file", "remark")

#: Plays one game: makes runs with the oracle and then its prediction.
Strategy = Callable[[Oracle], Any]


def leaderboard(
    folder: str | PathLike[str],
    budget: float = BUDGET,
    term: str = "",
    roster: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Rank the submissions of a folder.

    Every log is replayed and every score computed anew, so that nothing typed into a file counts. The name
    in a file must be that of the file, so that nobody plays as somebody else. What cannot be ranked keeps
    its row, without a place, and a remark that says why.

    Parameters
    ----------
    folder : str or path
        Holds the files, ``*.json``, each named after its student: case, spaces and signs do not matter.
    budget : float
        The budget everybody had.
    term : str
        The teacher's word for this term.
    roster : mapping of str to str, optional
        For files named otherwise: the name of each student by the file's, without ``.json``. Files that
        are not on it are not ranked.

    Returns
    -------
    pandas.DataFrame
        Index ``place``; ranked by the sum of two ranks, by waste and by interval score, ties by the smaller
        waste. Columns: student, waste, interval score, covers, runs, spent, file, remark.

    Raises
    ------
    ValueError
        If there is no such folder, or the budget is no positive number.

    See Also
    --------
    tournament : Strategies instead of submissions.
    Oracle : Writes the submissions.
    """
    of_kind("leaderboard: folder", folder, (str, PathLike), "give the folder that holds the submissions")
    of_kind("leaderboard: roster", roster, (Mapping, type(None)), 'give {"file": "student"}')
    for entry in (part for pair in (roster or {}).items() for part in pair):
        of_kind("leaderboard: an entry of roster", entry, str, 'give {"file": "student"}')
    of_kind("leaderboard: term", term, str, "give a word as text")
    path = Path(folder)
    if "\0" in str(folder) or len(str(folder)) > 4000 or not path.is_dir():
        raise ValueError(
            f"leaderboard: folder {shortened(folder)} is no folder; give the one that holds the submissions."
        )
    budget = positive_number("leaderboard: budget", budget)
    import pandas as pd  # not for what is refused

    names = None if roster is None else {key(file): name for file, name in roster.items()}
    rows = [_row(file, budget, term, names) for file in sorted(path.glob("*.json"))]
    table = pd.DataFrame(rows, columns=COLUMNS)
    foreign = np.array([not row["student"].isascii() for row in rows], bool)
    for alike, concerned, remark in (
        (key, True, "more than one submission under this name; there is one shot"),
        (outline, foreign, "this name can be mistaken for another one here"),
    ):
        good = table["remark"] == ""
        twice = table["student"].where(good, "").map(alike).duplicated(keep=False)
        table.loc[good & twice & concerned, "remark"] = remark
    ranked = table["remark"] == ""
    ranks = table.loc[ranked, ["waste", "interval score"]].astype(float).round(6).rank().sum(axis=1)
    order = (
        table[ranked]
        .assign(ranks=ranks)
        .sort_values(["ranks", "waste", "file"], kind="stable")
        .drop(columns="ranks")
    )
    order.index = pd.Index([str(place) for place in range(1, len(order) + 1)], name="place")
    rest = table[~ranked].set_axis(pd.Index(["-"] * int((~ranked).sum()), name="place"))
    return pd.concat([part for part in (order, rest) if len(part)] or [order])


def tournament(
    strategies: Mapping[str, Strategy], students: int = 200, budget: float = BUDGET
) -> pd.DataFrame:
    """Play strategies against the oracle on many hidden surfaces.

    The games are independent tasks for joblib: one after another, or wherever
    :func:`joblib.parallel_config` says.

    Parameters
    ----------
    strategies : mapping of str to callable
        ``strategy(oracle)`` makes its runs and calls ``oracle.predict``.
    students : int
        Number of surfaces; the same for every strategy.
    budget : float
        Compute of each game.

    Returns
    -------
    pandas.DataFrame
        One row a game: strategy, student, waste, interval score, covers, width (of the interval), runs,
        spent, and failure: why there is no score, empty otherwise.

    See Also
    --------
    leaderboard : Ranks submissions.
    """
    import pandas as pd

    with needs("parallel"):
        from joblib import Parallel, delayed

    if not isinstance(strategies, Mapping) or not strategies or not all(map(callable, strategies.values())):
        raise ValueError(
            f"tournament: strategies is {shortened(strategies)}; give names with functions of an Oracle."
        )
    students = whole("tournament: students", students, 1)
    budget = positive_number("tournament: budget", budget)
    games = Parallel()(
        delayed(_game)(name, strategy, f"player {number}", budget)
        for number in range(students)
        for name, strategy in strategies.items()
    )
    return pd.DataFrame(games)


def _game(name: str, strategy: Strategy, student: str, budget: float) -> dict[str, Any]:
    """One strategy on one surface."""
    oracle = Oracle(student, budget, term="tournament")
    row: dict[str, Any] = {"strategy": name, "student": student, "failure": ""}
    try:
        strategy(oracle)
        row |= _scores(oracle)
    except Exception as error:
        row["failure"] = f"{type(error).__name__}: {error}"
    return row


def _scores(oracle: Oracle) -> dict[str, Any]:
    score, shot = oracle.score(), oracle.prediction
    assert shot is not None
    return {
        "waste": score.waste,
        "interval score": score.interval_score,
        "covers": score.covers,
        "width": shot.high - shot.low,
        "runs": len(oracle.runs) if oracle.spent else 0,
        "spent": oracle.spent / oracle.budget,
    }


def sheet(table: pd.DataFrame) -> str:
    """A leaderboard as comma-separated values, in which no name is a formula."""
    return str(table.map(in_a_sheet).to_csv())


def _row(file: Path, budget: float, term: str, roster: Mapping[str, str] | None) -> dict[str, Any]:
    """The scores of one file, or the reason why it has none."""
    row: dict[str, Any] = {"student": shown(file.stem, 60), "file": shown(file.name, 60), "remark": ""}
    try:
        if roster is not None and key(file.stem) not in roster:
            raise OracleError("the file is not on the roster.")
        oracle = Oracle.load(file)
        owner = file.stem if roster is None else roster[key(file.stem)]
        if key(oracle.student) != key(owner):
            raise OracleError(
                f"played as {oracle.student}, in the file of {shown(owner, 60)}; name files after their "
                "students, or give a roster."
            )
        row["student"] = oracle.student
        if oracle.term != term or abs(oracle.budget / budget - 1) > 1e-9:
            raise OracleError(
                f"played with budget {oracle.budget:.3g} and term {oracle.term[:20]!r}; this course has "
                f"{budget:.3g} and {term!r}."
            )
        row |= _scores(oracle)
    except Exception as error:
        row["remark"] = shown(str(error)) or type(error).__name__
    return {column: row.get(column) for column in COLUMNS}
