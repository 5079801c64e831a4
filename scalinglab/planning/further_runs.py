"""What one more run would bring, by the rank-one identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, held, not_negative, of_kind, positive_number
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.planned_runs import PlannedRuns, surface_of
from scalinglab.planning.run_weights import gradients, least_squares_weights, size_direction


@dataclass(frozen=True, eq=False, repr=False)
class NextRuns:
    r"""What each candidate for one more run would bring.

    Attributes
    ----------
    candidates : PlannedRuns
        The runs that could be made.
    drops : ndarray, shape (M,)
        Share of the variance of :math:`\ln N^*(C)` that each would take away.
    saved : ndarray, shape (M,)
        FLOPs of expected waste at the target that each would save, to second order; nan without a noise.
    price_per_run : float
        FLOPs that a run costs beside 6ND.

    See Also
    --------
    next_run : Computes it.
    """

    candidates: PlannedRuns
    drops: FloatArray
    saved: FloatArray
    price_per_run: float

    @property
    def per_flop(self) -> int:
        """Place of the candidate that helps most for its cost."""
        return int(np.argmax(self.drops / (self.candidates.cost + self.price_per_run)))

    def best_at(self, C: float) -> int:
        """Place of the candidate that helps most among those at the budget nearest to C."""
        C = positive_number("NextRuns.best_at: C", C)
        budgets = self.candidates.budgets
        here = self.candidates.member == int(np.argmin(np.abs(np.log(budgets) - np.log(C))))
        return int(np.flatnonzero(here)[np.argmax(self.drops[here])])

    def to_frame(self) -> pd.DataFrame:
        """Table with the best run at each budget, and the one that helps most for its cost."""
        import pandas as pd

        rows = {"best per FLOP": self.per_flop}
        rows.update({f"best at {C:.3g}": self.best_at(C) for C in self.candidates.budgets})
        places = list(rows.values())
        table = self.candidates.take(places).to_frame()
        table = table.assign(**{"variance taken away": self.drops[places], "FLOPs saved": self.saved[places]})
        return table.set_index(pd.Index(rows))

    def __repr__(self) -> str:
        def line(head: str, place: int) -> str:
            N, D = self.candidates.N[place], self.candidates.D[place]
            return f"{head:<14} N {N:.3g}, D {D:.3g}: takes away {self.drops[place]:.1%} of the variance"

        budgets = self.candidates.budgets
        return "\n".join(
            [
                line("best per FLOP", self.per_flop),
                *(line(f"at {C:.3g}", self.best_at(C)) for C in budgets),
            ]
        )


@within_floats
def next_run(
    design: IsoflopDesign | Runs | PlannedRuns,
    surface: LossSurface,
    C: float,
    candidates: PlannedRuns | None = None,
    noise: float | None = None,
    price_per_run: float = 0.0,
) -> NextRuns:
    r"""Find the run that, added to a study, would tell most about the best allocation of C FLOPs.

    One more run g takes from the variance :math:`\varphi = c^\top M^{-1} c`

    .. math:: \frac{(c^\top M^{-1} g)^2}{1 + g^\top M^{-1} g},

    and so saves :math:`C\,\tfrac{\alpha+\beta}{2}\sigma^2` times that of expected waste. Per FLOP the best is
    always a small run at the edge of what is allowed; look at the best of each budget too.

    Parameters
    ----------
    design : IsoflopDesign, Runs, PlannedRuns or SweepPlan
        The runs there are.
    surface : LossSurface or SurfaceFit
        What is believed now.
    C : float
        The target in FLOPs.
    candidates : PlannedRuns, optional
        Runs that could be made; when absent 15 sizes between 1 and 1000 tokens a parameter at the design's
        budgets.
    noise : float, optional
        Standard deviation of a loss, for the waste that is saved.
    price_per_run : float
        FLOPs that a run costs beside 6ND.

    Returns
    -------
    NextRuns

    Raises
    ------
    FitError
        If the runs there are do not determine the law.

    See Also
    --------
    plan_sweep : A whole sweep.
    influence : Which of the runs that were made a fit hangs on.

    Notes
    -----
    For a fit that weighs all runs alike. Derived in the chapter *Designing a sweep*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign
    >>> found = next_run(IsoflopDesign([1e18, 1e19, 1e20], reach=4, points=7), CHINCHILLA, 1e24)
    >>> f"{found.drops[found.best_at(1e20)]:.0%} of the variance"
    '19% of the variance'
    """
    truth = surface_of("next_run", surface)
    C = positive_number("next_run: C", C)
    planned = PlannedRuns.of(design, truth)
    if candidates is None:
        candidates = PlannedRuns.in_box(planned.budgets)
    of_kind("next_run: candidates", candidates, PlannedRuns, "give PlannedRuns.in_box(budgets)")
    extra = not_negative("next_run: price_per_run", price_per_run)
    J = gradients(truth, planned.N, planned.D, C)
    G = gradients(truth, candidates.N, candidates.D, C)
    # columns h = J (J'J)^-1 c, and J (J'J)^-1 g of each candidate: their products are c'M^-1 g and g'M^-1 g
    h = least_squares_weights(J, np.column_stack([size_direction(truth, C), G.T]))
    variance = float(h[:, 0] @ h[:, 0])
    lifts, spreads = h[:, 0] @ h[:, 1:], np.einsum("nm,nm->m", h[:, 1:], h[:, 1:])
    drops = lifts**2 / (1 + spreads)
    sigma = np.nan if noise is None else positive_number("next_run: noise", noise)
    with np.errstate(over="ignore"):
        saved = C * (truth.alpha + truth.beta) / 2 * np.square(sigma) * drops
    if noise is not None:
        held("next_run: the waste that this noise causes", saved, -1)
    return NextRuns(candidates, drops / variance, saved, extra)
