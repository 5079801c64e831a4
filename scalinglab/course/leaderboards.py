"""Leaderboard of a folder of submissions, and a tournament of strategies on many hidden surfaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._extras import needs
from scalinglab.course.oracle import BUDGET, Oracle
from scalinglab.course.prediction import OracleError

#: Longest file that is opened, bytes; a submission of forty runs has some thousand.
LONGEST = 100_000

COLUMNS = ("student", "waste", "interval score", "covers", "runs", "spent", "file", "remark")

#: Plays one game: makes runs with the oracle and then its prediction.
Strategy = Callable[[Oracle], Any]


def leaderboard(folder: str | PathLike[str], budget: float = BUDGET, term: str = "") -> pd.DataFrame:
    """Rank the submissions of a folder.

    Every log is replayed and every score computed anew, so that nothing typed into a file counts. What
    cannot be ranked keeps its row, without a place, and a remark that says why.

    Parameters
    ----------
    folder : str or path
        Holds the files, ``*.json``.
    budget : float
        The budget everybody had.
    term : str
        The teacher's word for this term.

    Returns
    -------
    pandas.DataFrame
        Index ``place``; ranked by the sum of two ranks, by waste and by interval score, ties by the smaller
        waste. Columns: student, waste, interval score, covers, runs, spent, file, remark.

    Raises
    ------
    ValueError
        If there is no such folder.

    See Also
    --------
    tournament : Strategies instead of submissions.
    Oracle : Writes the submissions.
    """
    with needs("tables"):
        import pandas as pd

    path = Path(folder)
    if not path.is_dir():
        raise ValueError(f"leaderboard: {folder} is no folder; give the one that holds the submissions.")
    table = pd.DataFrame([_row(file, budget, term) for file in sorted(path.glob("*.json"))], columns=COLUMNS)
    names = table["student"].str.casefold()
    twice = names.duplicated(keep=False) & (table["remark"] == "")
    table.loc[twice, "remark"] = "more than one submission under this name; there is one shot"
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
    with needs("tables"):
        import pandas as pd
    with needs("parallel"):
        from joblib import Parallel, delayed

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


def _row(file: Path, budget: float, term: str) -> dict[str, Any]:
    """The scores of one file, or the reason why it has none."""
    row: dict[str, Any] = {"student": file.stem, "file": file.name, "remark": ""}
    try:
        if file.stat().st_size > LONGEST:
            raise OracleError("the file is too long for a submission.")
        oracle = Oracle.load(file)
        row["student"] = oracle.student
        if oracle.term != term or abs(oracle.budget / budget - 1) > 1e-9:
            raise OracleError(
                f"played with budget {oracle.budget:.3g} and term {oracle.term[:20]!r}; this course has "
                f"{budget:.3g} and {term!r}."
            )
        row |= _scores(oracle)
    except Exception as error:
        row["remark"] = str(error) or type(error).__name__
    return {column: row.get(column) for column in COLUMNS}
