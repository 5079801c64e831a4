"""Influence of runs on a fit: what becomes of it without each of them, and without each budget."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, positive_number, whole
from scalinglab.fitting.approach3 import fit_approach3
from scalinglab.fitting.linearised import Linearised
from scalinglab.fitting.odd_runs import odd_runs
from scalinglab.fitting.results import FitError, SurfaceFit, require_fit
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.solvers.first_order import log_size_gradient, statistic_gradient


@dataclass(frozen=True, eq=False, repr=False)
class Influence:
    r"""What a surface fit becomes without each of its runs, to first order.

    Attributes
    ----------
    fit : SurfaceFit
        The fit.
    rows : ndarray of int, shape (m,)
        The runs looked at: all, or of more than 8192 those with the largest residuals and at the ends of N
        and D.
    shifts : ndarray, shape (m, 5)
        Change of :math:`(E, \ln A', \ln B', \alpha, \beta)` when the run is left out, :math:`A'` and
        :math:`B'` the terms' sizes near the middle of the runs.
    leverage : ndarray, shape (m,)
        How much of its own loss each fitted loss is made of, 0 to 1; they add up to the parameters.
    scores : ndarray, shape (m,)
        How far each run lies from the fit of the others, in standard errors: deletion residuals.
    odd : ndarray of int
        Runs that do not belong to the rest, the furthest first: what the fit's concern counts.

    See Also
    --------
    influence : Computes it.
    """

    fit: SurfaceFit
    rows: NDArray[np.intp]
    shifts: FloatArray
    leverage: FloatArray
    scores: FloatArray
    odd: NDArray[np.intp]
    _found: Linearised

    @cached_property
    def a_shift(self) -> FloatArray:
        """Change of a when the run is left out, shape (m,)."""
        return self.shifts @ statistic_gradient(self.fit.surface, self._found.logs, "a")

    @property
    def a_without(self) -> FloatArray:
        """The exponent a without each run, shape (m,)."""
        return self.fit.a + self.a_shift

    @property
    def relative(self) -> FloatArray:
        """``a_shift`` over the standard error of a, shape (m,); nan where there is none."""
        return self.a_shift / self.fit.standard_errors["a"]

    def N_without(self, C: float) -> FloatArray:
        """Best size at C FLOPs without each run, shape (m,)."""
        return np.asarray(self.fit.N_opt(C) * np.exp(self._log_size_shift(C)))

    def D_without(self, C: float) -> FloatArray:
        """Best token count at C FLOPs without each run, shape (m,)."""
        return np.asarray(self.fit.D_opt(C) * np.exp(-self._log_size_shift(C)))

    def _log_size_shift(self, C: float) -> FloatArray:
        C = positive_number("Influence: C", C)
        return self.shifts @ log_size_gradient(self.fit.surface, self._found.logs, C)

    @cached_property
    def without_budget(self) -> dict[float, SurfaceFit | None]:
        """The fit without each budget, each a search of its own; None where the rest cannot answer."""
        budgets, member = self.fit.runs.by_budget()
        return {float(C): self._refit(member != k) for k, C in enumerate(budgets)}

    def _refit(self, which: NDArray[np.bool_]) -> SurfaceFit | None:
        fit = self.fit
        search: Any = fit_approach3 if fit.loss.log else fit_vpnls
        try:
            found: SurfaceFit = search(fit.runs.take(which), fit.loss)
            return found
        except (FitError, ValueError):
            return None

    def to_frame(self, C: float | None = None) -> pd.DataFrame:
        """One row a run: where it is, its residual, score, leverage, and a without it; N* and D* at C."""
        import pandas as pd

        runs, rows = self.fit.runs, self.rows
        columns: dict[str, Any] = {
            "N": runs.N[rows],
            "D": runs.D[rows],
            "L": runs.L[rows],
            "residual": runs.L[rows] - self.fit.surface.loss(runs.N[rows], runs.D[rows]),
            "score": self.scores,
            "leverage": self.leverage,
            "a without": self.a_without,
            "shift of a / s.e.": self.relative,
            "odd": np.isin(rows, self.odd),
        }
        if C is not None:
            columns |= {"N* without": self.N_without(C), "D* without": self.D_without(C)}
        return pd.DataFrame(columns, index=pd.Index(rows, name="row"))

    def budgets_to_frame(self, C: float) -> pd.DataFrame:
        """One row a budget: a, N* and D* at C FLOPs without its runs; nan where the rest cannot answer."""
        import pandas as pd

        C = positive_number("Influence: C", C)
        budgets, member = self.fit.runs.by_budget()
        sizes = np.bincount(member, minlength=len(budgets))
        table = [
            (size, *((fit.a, fit.N_opt(C), fit.D_opt(C)) if fit and not fit.undetermined else (np.nan,) * 3))
            for size, fit in zip(sizes, self.without_budget.values(), strict=True)
        ]
        names = ["runs", "a without", "N* without", "D* without"]
        return pd.DataFrame(table, index=pd.Index(budgets, name="budget"), columns=names)

    def largest(self, count: int = 5) -> NDArray[Any]:
        """Places in ``rows`` of the runs that move a most, the first the most."""
        order = np.argsort(-np.abs(self.a_shift), kind="stable")
        return order[: whole("Influence.largest: count", count, 1)]

    def __repr__(self) -> str:
        runs, fit = self.fit.runs, self.fit
        odd = runs.listed(self.odd, most=8) if len(self.odd) else "none"
        lines = [
            f"influence on {fit.method}, {len(runs)} runs, a {fit.a:.4f}",
            f"do not belong to the rest: {odd}",
            "a moves most without",
        ]
        for k in self.largest():
            relative = "" if fit.no_errors else f" ({self.relative[k]:+.2f} s.e.)"
            lines.append(
                f"  {runs.label(int(self.rows[k]))}: a {self.a_without[k]:.4f}{relative}, it lies "
                f"{self.scores[k]:+.1f} standard errors off"
            )
        return "\n".join(lines)


def influence(fit: SurfaceFit) -> Influence:
    r"""Influence of each run on a surface fit: how far the answer moves without it.

    Use it when a fit's concerns name runs, or before an answer is relied on that few runs may carry: a run
    matters if the answer without it is another, whether or not it lies off.

    With the Jacobian's rows :math:`J_i`, the slopes :math:`c_i` of :math:`\psi` at the residuals
    :math:`r_i`, :math:`M = \sum_i c_i J_i J_i^\top` and the leverage :math:`h_i = c_i J_i^\top M^{-1} J_i`,
    one Newton step from the fit leads to what the others alone would say,

    .. math:: \hat\theta_{(i)} - \hat\theta = -\frac{M^{-1} J_i\, \psi(r_i)}{1 - h_i},

    for squares the deletion formula of linear regression. A run's score is its deletion residual
    :math:`t_i = e_i / (s_{(i)} \sqrt{1 - h_i})`, Student's t for Gaussian errors. Runs can hide each other,
    so those that do not belong are sought one, two and many at a time, and judged by the fit of the rest.

    Parameters
    ----------
    fit : SurfaceFit
        Of any loss.

    Returns
    -------
    Influence
        Budgets are left out by refits, made when they are first asked for.

    Raises
    ------
    ValueError
        If it is no fit of a surface.
    FitError
        If the parameters cannot be told apart, or there are no more runs than parameters.

    See Also
    --------
    SurfaceFit.standard_errors : What shifts are measured by.

    Notes
    -----
    Deletion diagnostics are those of linear regression, on the tangent of the surface; what stands at the
    edge of what is allowed is held there. Where errors are
    Gaussian and alike, some run is said not to belong in about one of two hundred fits.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> print(influence(fit_vpnls(load_llama3())))
    influence on VPNLS, 133 runs, a 0.5029
    do not belong to the rest: row 82
    a moves most without
      row 132: a 0.4952 (-0.51 s.e.), it lies +1.5 standard errors off
      row 82: a 0.4959 (-0.46 s.e.), it lies +4.9 standard errors off
      row 97: a 0.5099 (+0.46 s.e.), it lies +2.3 standard errors off
      row 109: a 0.5098 (+0.45 s.e.), it lies +2.0 standard errors off
      row 120: a 0.4972 (-0.38 s.e.), it lies +1.9 standard errors off
    """
    require_fit("influence", fit)
    found = Linearised.of(fit.surface, fit.runs, fit.loss)
    if fit.freedom <= 0 or not found.regular:
        raise FitError(
            f"influence: {fit.no_errors}, so that nothing says what a run does; add runs, or refit without "
            "single runs: fit_vpnls(runs.take(rows))."
        )
    rows, _, _ = found.held
    tangent = found.tangent
    scores = tangent.deletion_residuals
    odd = odd_runs(found).rows
    return Influence(fit, rows, found.deletion_shifts(), tangent.leverage, scores, odd, found)
