"""Hindcasts: fit the small budgets and predict the large ones, which were held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, positive_number
from scalinglab.data.budgets import BUDGET_TOLERANCE
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.approach2 import fit_parabola
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.methods import METHODS, Method, attempt, require_methods
from scalinglab.fitting.results import Fit, SurfaceFit

#: Share of the runs that is held out when nobody says which, about: those of the largest budgets.
HELD_OUT = 0.2


def highest_fitted(runs: Runs) -> float:
    """The highest budget to fit so that about a fifth of the runs, those of larger budgets, are held out.

    Raises
    ------
    ValueError
        If all runs share one budget.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> f"{highest_fitted(load_llama3()):.0e}"
    '6e+20'
    """
    budgets, member = runs.by_budget()
    if len(budgets) < 2:
        raise ValueError("hindcast: all runs share one budget; foretelling needs two or more.")
    above = 1 - np.cumsum(np.bincount(member)) / len(runs)
    return float(budgets[int(np.argmin(np.abs(above[:-1] - HELD_OUT)))])


@dataclass(frozen=True, eq=False, repr=False)
class Hindcast:
    """Result of a hindcast: fits of the small budgets, and the runs of the large ones.

    Attributes
    ----------
    kept, held : Runs
        The runs that were fitted, and those of the larger budgets.
    fits : dict of str to SurfaceFit, LawFit or FrontierFit
        One for each method that could answer from the kept runs.
    refused : dict of str to str
        Methods that could not, and why.

    See Also
    --------
    hindcast : Makes it.
    """

    kept: Runs
    held: Runs
    fits: dict[str, Fit | LawFit]
    refused: dict[str, str]

    def losses(self) -> pd.DataFrame:
        """Mean of observed minus predicted loss at each held budget, one column a surface fit."""
        import pandas as pd

        budgets, member = self.held.by_budget()
        errors = {
            name: self.held.L - predicted(self.held)
            for name, fit in self.fits.items()
            if (predicted := _predictions(fit)) is not None
        }
        sizes = np.bincount(member)
        means = {name: np.bincount(member, error) / sizes for name, error in errors.items()}
        return pd.DataFrame({"runs": sizes, **means}, index=pd.Index(budgets, name="C"))

    def sizes(self) -> pd.DataFrame:
        """Best size at each held budget: the vertex of its own parabola, and what each method foresaw.

        The vertex is itself an estimate; nan where the held runs give none that can be used, and where a
        method's surface has lost a term and with it its frontier.
        """
        import pandas as pd

        budgets = self.held.budgets
        parabolas = [fit_parabola(self.held.at(C)) for C in budgets]
        vertices = [np.nan if parabola.verdict else parabola.vertex for parabola in parabolas]
        foreseen = {name: _sizes(fit, budgets) for name, fit in self.fits.items()}
        return pd.DataFrame({"vertex": vertices, **foreseen}, index=pd.Index(budgets, name="C"))

    def __repr__(self) -> str:
        lines = [
            f"{label:<9} {len(part)} runs at {len(part.budgets)} budgets up to {part.budgets.max():.3g}"
            for label, part in (("fitted", self.kept), ("held out", self.held))
        ]
        lines.append(f"methods   {', '.join(self.fits) or 'none'}")
        lines += [f"refused   {name}: {why}" for name, why in self.refused.items()]
        return "\n".join(lines)


def _sizes(fit: Fit | LawFit, budgets: FloatArray) -> FloatArray:
    """Best sizes at budgets; nan of a surface that has no frontier."""
    try:
        return np.asarray(fit.N_opt(budgets))
    except ValueError:
        return np.full(len(budgets), np.nan)


def _predictions(fit: Fit | LawFit) -> Callable[[Runs], FloatArray] | None:
    """What predicts the losses of runs, if the fit can."""
    if isinstance(fit, LawFit):
        return fit.predict
    if isinstance(fit, SurfaceFit):
        return lambda runs: fit.surface.loss(runs.N, runs.D)
    return None


def hindcast(runs: Runs, highest: float, methods: Mapping[str, Method] | None = None) -> Hindcast:
    """Hindcast: fit the small budgets and predict the large ones.

    Parameters
    ----------
    runs : Runs
        All runs.
    highest : float
        The highest budget that is fitted, in FLOPs. Keep three budgets or more, and hold out as many decades
        as you mean to extrapolate, as far as the runs go.
    methods : mapping of str to callable, optional
        Label and what fits; ``METHODS`` (Approach 2, Approach 3 and VPNLS) when absent. A law's fit is one,
        ``{"bent": law.fit}``.

    Returns
    -------
    Hindcast

    Raises
    ------
    ValueError
        If no budget is kept or none is held out.

    See Also
    --------
    compare_methods : Methods on simulated studies, whose truth is known.

    Notes
    -----
    The chapter *How sure are we?* uses it on the Llama 3 runs.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> hindcast(load_llama3(), highest=1e21)
    fitted    121 runs at 8 budgets up to 1e+21
    held out  12 runs at 2 budgets up to 1e+22
    methods   Approach 2, Approach 3, VPNLS
    """
    require_runs("hindcast", runs)
    highest = positive_number("hindcast: highest", highest)
    methods = METHODS if methods is None else methods
    require_methods("hindcast", methods)
    with np.errstate(over="ignore"):
        kept = runs.C / highest <= 1 + BUDGET_TOLERANCE
    if kept.all() or not kept.any():
        raise ValueError(
            f"hindcast: {int(kept.sum())} of {len(runs)} runs lie at or below highest, {highest:.3g} FLOPs; "
            f"choose a budget between {runs.C.min():.3g} and {runs.C.max():.3g}."
        )
    small = runs.take(kept)
    outcomes = {name: attempt(method, small) for name, method in methods.items()}
    fits: dict[str, Fit | LawFit] = {
        name: outcome for name, outcome in outcomes.items() if not isinstance(outcome, str)
    }
    refused = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, str)}
    return Hindcast(small, runs.take(~kept), fits, refused)
