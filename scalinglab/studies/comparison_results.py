"""What a comparison of methods is about and what it returns: studies, outcomes, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, flag, generator, not_negative, of_kind, shortened, whole
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs, require_runs
from scalinglab.laws.surface import LossSurface


@dataclass(frozen=True)
class Study:
    """A simulated study: a true surface, a design and a noise.

    Attributes
    ----------
    surface : LossSurface
        The truth.
    design : IsoflopDesign
        Which runs are made.
    noise : float
        Standard deviation of the errors added to the losses.
    repeat : int
        Number of the repetition, for the table only.
    runs : Runs, optional
        The runs, where they have been drawn already; drawn by :func:`compare_methods` otherwise.

    See Also
    --------
    recovery_studies, noise_studies, efficiency_studies
    """

    surface: LossSurface
    design: IsoflopDesign
    noise: float = 0.0
    repeat: int = 0
    runs: Runs | None = None

    def __post_init__(self) -> None:
        of_kind("Study: surface", self.surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
        of_kind("Study: design", self.design, IsoflopDesign, "give an IsoflopDesign")
        not_negative("Study: noise", self.noise)
        whole("Study: repeat", self.repeat, 0, 10**9)
        if self.runs is not None:
            require_runs("Study", self.runs)

    def drawn(self, rng: np.random.Generator) -> Study:
        """Return the study with its runs."""
        generator("Study.drawn: rng", rng)
        return replace(self, runs=self.design.runs(self.surface, self.noise, rng))


@dataclass(frozen=True)
class Outcome:
    """Outcome of one method on one study: what it fitted, or why it failed.

    Attributes
    ----------
    study : int
        Place of the study among those compared.
    method : str
        Its label.
    a : float
        Fitted exponent of the best model size; nan if the method failed.
    parameters : dict of str to float
        The law's fitted parameters; empty where the method has none or failed.
    failure : str
        Why it failed; empty if it did not.
    """

    study: int
    method: str
    a: float = np.nan
    parameters: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""

    def values(self, truth: LossSurface) -> dict[str, float]:
        """Fitted parameters of the truth's law and a, nan where there are none."""
        return {**{name: self.parameters.get(name, np.nan) for name in truth.parameters}, "a": self.a}


@dataclass(frozen=True, repr=False)
class MethodComparison:
    """Result of a comparison: the outcome of each method on each study, failures included.

    Attributes
    ----------
    studies : tuple of Study
        What was simulated; without runs.
    outcomes : tuple of Outcome
        One a study and method, study by study.

    See Also
    --------
    compare_methods : Makes it.
    """

    studies: tuple[Study, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """Labels of the methods, in order."""
        return tuple(dict.fromkeys(outcome.method for outcome in self.outcomes))

    def errors(self, method: str) -> FloatArray:
        """Fitted minus true exponent a in every study, shape (studies,); nan where the method failed."""
        if not isinstance(method, str) or method not in self.methods:
            raise ValueError(
                f"MethodComparison: no method {shortened(method)}; there are {', '.join(self.methods)}."
            )
        return np.array(
            [
                outcome.a - self.studies[outcome.study].surface.a
                for outcome in self.outcomes
                if outcome.method == method
            ]
        )

    def variance_ratio(self, method: str, reference: str, paired: bool = True) -> float:
        r"""Variance of one method's exponents over that of another.

        Parameters
        ----------
        method, reference : str
            Labels.
        paired : bool
            Use the studies in which *both* gave an answer: a fair comparison. Otherwise each method's
            failures are left out of its own variance only, so that the two variances rest on different
            studies, and a method that fails on the hard ones looks better than it is.

        Returns
        -------
        float
            :math:`\operatorname{Var}(\hat a - a)` of the method over that of the reference.
        """
        flag("MethodComparison.variance_ratio: paired", paired)
        over, under = self.errors(method), self.errors(reference)
        if paired:
            both = np.isfinite(over) & np.isfinite(under)
            over, under = over[both], under[both]
        return float(np.nanvar(over) / np.nanvar(under))

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table, one row a study and method.

        Columns: study, surface, budgets, points, reach, offset, drift, noise, repeat, method, E, A, B,
        alpha, beta, a, error (fitted minus true a) and failure.
        """
        import pandas as pd

        def row(outcome: Outcome) -> dict[str, object]:
            study = self.studies[outcome.study]
            design = study.design
            return {
                "study": outcome.study,
                "surface": study.surface.name,
                "budgets": len(design.budgets),
                **{name: getattr(design, name) for name in ("points", "reach", "offset", "drift")},
                "noise": study.noise,
                "repeat": study.repeat,
                "method": outcome.method,
                **outcome.values(study.surface),
                "error": outcome.a - study.surface.a,
                "failure": outcome.failure,
            }

        return pd.DataFrame([row(outcome) for outcome in self.outcomes])

    def recovery(self) -> pd.DataFrame:
        """Largest relative error of each parameter, one row a surface and method, failures counted."""
        import pandas as pd

        rows = []
        for outcome in self.outcomes:
            truth = self.studies[outcome.study].surface
            row: dict[str, object] = {"surface": truth.name, "method": outcome.method}
            fitted = outcome.values(truth).items()
            row |= {name: abs(value / getattr(truth, name) - 1) for name, value in fitted}
            rows.append(row | {"failed": bool(outcome.failure)})
        table = pd.DataFrame(rows)
        names = table.columns.drop(["surface", "method", "failed"])
        grouped = table.groupby(["surface", "method"], sort=False)
        return pd.concat([grouped[list(names)].max(), grouped["failed"].sum()], axis=1)

    def summary(self, by: Sequence[str] = ()) -> pd.DataFrame:
        """Spread of the exponent's error, one row a method (and a value of each column in ``by``).

        Columns: studies, failed, bias (mean error), deviation (standard deviation), and the median and
        the largest absolute error; failed studies count in ``failed`` and nowhere else.
        """
        import pandas as pd

        frame = self.to_frame()
        if (
            isinstance(by, str)
            or not isinstance(by, (list, tuple))
            or not set(map(str, by)) <= set(frame.columns)
        ):
            raise ValueError(
                f"MethodComparison.summary: by is {shortened(by)}; give a list of columns: "
                f"{', '.join(map(str, frame))}."
            )
        grouped = frame.groupby([*by, "method"], sort=False)
        table = grouped["error"].agg(
            studies="size",
            failed=lambda error: int(error.isna().sum()),
            bias="mean",
            deviation=lambda error: error.std(ddof=0),
            median=lambda error: error.abs().median(),
            largest=lambda error: error.abs().max(),
        )
        table[["studies", "failed"]] = table[["studies", "failed"]].astype(int)
        return pd.DataFrame(table)

    def __repr__(self) -> str:
        failed = sum(bool(outcome.failure) for outcome in self.outcomes)
        return (
            f"{len(self.studies)} studies, {len(self.methods)} methods ({', '.join(self.methods)}), "
            f"{failed} of {len(self.outcomes)} fits failed"
        )
