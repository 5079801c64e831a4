"""A stored run of all public studies, read back as tables."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import one_of, shortened

#: What a concern is about, by words that it has and others do not.
KINDS: Mapping[str, str] = {
    "runs far off": r"lies? .*(above|below|far off) the surface of the other",
    "errors shared by a budget": r"of budget .* lie (above|below) the surface together",
    "repeats disagree": r"repeat another's N and D",
    "checkpoints": r"follow one another along D",
    "C is not 6ND": r"C differs from 6ND",
    "budgets left out": r"(was|were) left out",
    "hangs on one budget": r"hangs on budget",
    "a parabola through three runs": r"through three runs exactly",
    "a term is zero": r"is zero, the edge",
    "a hardly determined": r"hardly determined",
    "explains little": r"of the variance of the losses",
    "few sizes on the envelope": r"envelope|had no run left",
}


class StoredStudies:
    """What :func:`examine` found of every public study, by the study's name.

    Attributes
    ----------
    date : str
        Day of the run that wrote the results.
    versions : dict of str to str
        Versions of what computed them.
    tables : dict of str to str
        Checksum, SHA-256, of each table.

    See Also
    --------
    read_studies : Reads them.
    examine : What is found of each.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.date: str = content["date"]
        self.versions: dict[str, str] = dict(content["versions"])
        self.tables: dict[str, str] = dict(content["tables"])
        self._studies: dict[str, dict[str, Any]] = dict(content["studies"])

    def __getitem__(self, name: str) -> dict[str, Any]:
        one_of("StoredStudies: name", name, self._studies)
        return self._studies[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._studies)

    def items(self) -> ItemsView[str, dict[str, Any]]:
        """Return names and what was found."""
        return self._studies.items()

    def values(self) -> ValuesView[dict[str, Any]]:
        """Return what was found of each."""
        return self._studies.values()

    def __len__(self) -> int:
        return len(self._studies)

    def __repr__(self) -> str:
        head = f"{len(self)} studies of {len(self.tables)} tables, run on {self.date}"
        return f"{head}\n{textwrap.fill(', '.join(self), 78, break_on_hyphens=False)}"

    def exponents(self) -> pd.DataFrame:
        """Return one row for each study and method that answered: alpha, beta and a, with their intervals."""
        rows = [
            {
                "study": name,
                "label": study["label"],
                "method": method,
                **{letter: _number(outcome.get(letter)) for letter in ("alpha", "beta", "a")},
                **{
                    f"{letter} {end}": _end(outcome, letter, place)
                    for letter in ("alpha", "beta", "a")
                    for place, end in enumerate(("low", "high"))
                },
            }
            for name, study in self.items()
            for method, outcome in study["methods"].items()
            if "refused" not in outcome
        ]
        return _table(rows)

    def screened(self, judge: str = "VPNLS") -> pd.DataFrame:
        """Return one row for each stage of each study that could be screened.

        Parameters
        ----------
        judge : {"VPNLS", "Approach 3", "Huber"}
            Whose surface is taken as true.

        Returns
        -------
        pandas.DataFrame
            ``runs``, ``budgets`` and ``a`` of Approach 2, and the deadweight loss of its plan where the judge
            was ``fixed`` before the screening or ``refitted`` to what each stage left.
        """
        one_of("StoredStudies.screened: judge", judge, ("VPNLS", "Approach 3", "Huber"))
        rows = [
            {
                "study": name,
                "label": study["label"],
                "stage": stage,
                **{column: found[column][k] for column in ("runs", "budgets", "a")},
                "fixed": found["fixed"][judge][k],
                "refitted": found["refitted"][judge][k],
            }
            for name, study in self.items()
            if "stages" in (found := study["screening"])
            for k, stage in enumerate(found["stages"])
        ]
        return _table(rows)

    def other_budgets(self) -> pd.DataFrame:
        """Return the waste that screening left, beside that of leaving out as many budgets, but any.

        One row for each study in which screening dropped whole budgets; ``rank`` is the share of the sets of
        budgets that leave no more waste than the screening did.
        """
        rows = []
        for name, study in self.items():
            others = study["screening"].get("other budgets", {"count": 0})
            if not others["count"]:
                continue
            first, last = (study["screening"]["refitted"]["VPNLS"][k] for k in (0, -1))
            wastes = np.array(others["waste"])
            rows.append(
                {
                    "study": name,
                    "label": study["label"],
                    "dropped": others["count"],
                    "before": first,
                    "after": last,
                    "sets": len(wastes),
                    "median": float(np.median(wastes)),
                    "rank": float(np.mean(wastes <= last)),
                }
            )
        return _table(rows)

    def concerns(self) -> pd.DataFrame:
        """Return a table of studies by kinds of concern: how many of the methods that answered have it."""
        rows = {
            study["label"]: {
                kind: sum(
                    any(kind_of(text) == kind for text in outcome.get("concerns", ()))
                    for outcome in study["methods"].values()
                )
                for kind in KINDS
            }
            for study in self.values()
        }
        import pandas as pd

        return pd.DataFrame.from_dict(rows, orient="index")

    def laws(self) -> pd.DataFrame:
        """Return one row for each study and law: AICc less the additive law's, and how its hindcast went."""
        rows = [
            {
                "study": name,
                "label": study["label"],
                "law": law,
                "AICc": found["AICc"] - study["laws"]["laws"]["additive"]["AICc"],
                "hindcast": _number(found["hindcast"]),
                "bias": _number(found["hindcast bias"]),
                "k": _number(found["parameters"].get("k")),
                "k low": _ends(found)[0],
                "k high": _ends(found)[1],
            }
            for name, study in self.items()
            if "laws" in study["laws"]
            for law, found in study["laws"]["laws"].items()
        ]
        return _table(rows)

    def refusals(self) -> pd.DataFrame:
        """Return one row for each study and method that could not answer, with its sentence."""
        rows = [
            {"study": name, "label": study["label"], "method": method, "sentence": outcome["refused"]}
            for name, study in self.items()
            for method, outcome in study["methods"].items()
            if "refused" in outcome
        ]
        return _table(rows)


def kind_of(concern: str) -> str:
    """What a concern is about, of ``KINDS``; empty if none of them."""
    return next((kind for kind, pattern in KINDS.items() if re.search(pattern, concern)), "")


def read_studies(path: str | PathLike[str]) -> StoredStudies:
    """Read the stored run of the public studies.

    Parameters
    ----------
    path : str or path
        The file, ``book/stored/studies.json`` of the repository; ``make studies`` writes it.

    Returns
    -------
    StoredStudies

    Raises
    ------
    ValueError
        If there is no such file, or it is none of a stored run.

    See Also
    --------
    PUBLIC_STUDIES : What was run.

    Examples
    --------
    >>> studies = read_studies("book/stored/studies.json")  # doctest: +SKIP
    >>> studies.exponents()  # doctest: +SKIP
    """
    try:
        return StoredStudies(json.loads(Path(path).read_text(encoding="utf-8")))
    except (OSError, TypeError) as error:
        raise ValueError(
            f"read_studies: path is {shortened(path)}, which cannot be read ({error})."
        ) from None
    except (KeyError, ValueError):
        raise ValueError(
            f"read_studies: path is {shortened(path)}, no stored run of studies; make studies writes one."
        ) from None


def _number(value: float | None) -> float:
    """A stored number; what was not known, or not finite, was stored as null."""
    return float("nan") if value is None else value


def _end(outcome: Mapping[str, Any], letter: str, place: int) -> float:
    interval = outcome["intervals"].get(letter)
    return float("nan") if interval is None else interval[place]


def _ends(found: Mapping[str, Any]) -> tuple[float, float]:
    """Interval of the outer power, with errors shared by budgets; nan where there is none."""
    interval = found.get("k", {}).get("shared")
    low, high = interval if isinstance(interval, list) else (float("nan"),) * 2
    return low, high


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
