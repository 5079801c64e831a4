"""A planned sweep: which runs to make, why, and how far from the best it can be."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray
from scalinglab.fitting.printed_fits import html_table, printed
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.error_results import PredictedError
from scalinglab.planning.exchange import Mask
from scalinglab.planning.planned_runs import PlannedRuns
from scalinglab.planning.predicted_errors import predict_error


@dataclass(frozen=True, eq=False, repr=False)
class SweepPlan:
    r"""A planned sweep: distinct runs, and a proof of how far from the best of its kind it can be.

    Attributes
    ----------
    C : float
        The target in FLOPs.
    surfaces : tuple of LossSurface
        What it was planned for; the rough surface comes first.
    candidates : PlannedRuns
        What it was chosen from.
    chosen, shows_misfit : ndarray of bool, shape (M,)
        Candidates that are in the plan, and those among them that are there to show a misfit of the law.
    compute : float
        What could be spent, FLOPs.
    ratios : ndarray, shape (S,)
        On each surface the variance of the plan over that of the best design found for that surface alone,
        under the same limits and without runs that show a misfit.
    proven : float
        No design within the limits, with the same runs that show a misfit, has less than this share of the
        plan's criterion: 0.99 proves the plan to within 1 %.
    criterion : str
        Whether the mean or the worst of the ratios was made small.
    concerns : tuple of str
        Reasons to distrust it, each with cause and remedy.

    See Also
    --------
    plan_sweep : Makes it.
    predict_error : What it will tell; :meth:`predict` on its first surface.
    """

    C: float
    surfaces: tuple[LossSurface, ...]
    candidates: PlannedRuns
    chosen: Mask
    shows_misfit: Mask
    compute: float
    ratios: FloatArray
    proven: float
    criterion: str
    concerns: tuple[str, ...]

    @cached_property
    def planned(self) -> PlannedRuns:
        """The runs to make, budget by budget and small models first."""
        return self.candidates.take(self._order)

    @property
    def _order(self) -> Any:
        rows = np.flatnonzero(self.chosen)
        return rows[np.lexsort((self.candidates.N[rows], self.candidates.C[rows]))]

    @property
    def cost(self) -> float:
        """FLOPs of the plan, 6ND."""
        return float(self.planned.cost.sum())

    @property
    def efficiencies(self) -> FloatArray:
        """Best variance over the plan's on each surface: one over ``ratios``."""
        return np.asarray(1 / self.ratios)

    def predict(self, noise: Any, surface: LossSurface | None = None, shared: float = 0.0) -> PredictedError:
        """Predicted error of the plan, on its first surface unless another is given."""
        return predict_error(self.planned, surface or self.surfaces[0], noise, self.C, shared)

    @property
    def reasons(self) -> list[str]:
        """Why each run is planned, in the order of ``planned``."""
        surface = self.surfaces[0]
        return [
            "shows a misfit: one of the sizes over the whole reach"
            if misfit
            else "measures the parameters' term: a small model on many tokens"
            if surface.A * N**-surface.alpha * surface.alpha > surface.B * D**-surface.beta * surface.beta
            else "measures the data's term: a large model on few tokens"
            for misfit, N, D in zip(
                self.shows_misfit[self._order], self.planned.N, self.planned.D, strict=True
            )
        ]

    def to_frame(self) -> pd.DataFrame:
        """Table of the runs to make: N, D, budget, FLOPs, D/N and the reason of each."""
        return self.planned.to_frame().assign(reason=self.reasons)

    @property
    def _lines(self) -> list[tuple[str, str]]:
        kept = int(self.shows_misfit.sum())
        return [
            ("plan", f"{self.planned}, for {self.C:.3g} FLOPs"),
            ("misfit", f"{kept} runs show one" if kept else "no runs were kept to show one"),
            (
                "surfaces",
                f"{len(self.surfaces)}: efficiency {self.efficiencies.mean():.0%} on average, "
                f"{self.efficiencies.min():.0%} at worst",
            ),
            ("proven", f"within {1 / self.proven - 1:.1%} of the best plan of its kind"),
        ]

    def __repr__(self) -> str:
        return printed(self._lines, self.concerns)

    def _repr_html_(self) -> str:
        names, values = zip(*self._lines, strict=True)
        return html_table(names, values, self.concerns)
