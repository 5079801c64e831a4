"""Covariance of a surface fit to first order, and the standard errors and intervals from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, matched, one_of, plain, positive
from scalinglab.fitting.free_levels import LevelsFit
from scalinglab.fitting.law_results import LawFit, plain_loss
from scalinglab.fitting.results import FitError, SurfaceFit, require_fit
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.first_order import first_order_response, loss_gradient
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.clusters import Clustered, clustered
from scalinglab.uncertainty.intervals import Interval
from scalinglab.uncertainty.questions import Answer, answer_of, law_of, names_of

Errors = Literal["alike", "unequal", "shared"]

#: How errors may be, and what the printed covariance says of them.
ERRORS = {
    "alike": "one error variance",
    "unequal": "errors of any size (HC0)",
    "shared": "errors shared within budgets (CR2)",
}


@dataclass(frozen=True, eq=False, repr=False)
class Covariance:
    r"""Covariance of the parameters of a fit, and what follows from it to first order.

    Attributes
    ----------
    fit : SurfaceFit, LevelsFit or LawFit
        The fit it belongs to.
    errors : str
        What was assumed of the errors: alike, unequal, or shared within budgets.
    centred : ndarray, shape (5, 5)
        Covariance of :math:`(E, \ln A', \ln B', \alpha, \beta)`, where :math:`A'` and :math:`B'` are the
        terms' sizes at the geometric means of N and D: well-scaled whatever the units. Without E, shape
        (4, 4), for a fit with levels. Of a law that of its coefficients and search coordinates.
    by_budget : Clustered or None
        Where errors are shared, what the degrees of freedom of each statistic follow from.

    See Also
    --------
    covariance : Computes it.
    Profile, Bootstrap
    """

    fit: SurfaceFit | LevelsFit | LawFit
    errors: Errors
    centred: FloatArray
    by_budget: Clustered | None = None

    @property
    def matrix(self) -> FloatArray:
        """Covariance of (E, A, B, alpha, beta) in the units of the runs, shape (5, 5); no E of levels."""
        answers = [answer_of("covariance", self.fit, name) for name in self._parameters]
        J = np.array([x.gradient * (x.estimate if x.in_logs else 1) for x in answers])
        return np.asarray(J @ self.centred @ J.T)

    @property
    def correlations(self) -> FloatArray:
        """Correlations of (E, A, B, alpha, beta), shape (5, 5); of levels without E."""
        V = self.matrix
        scale = np.sqrt(np.diag(V))
        return V / scale[:, None] / scale

    def standard_error(self, name: str, C: ArrayLike | None = None) -> Any:
        """Standard error of a parameter, a, b, "ln A" or "ln B", or of N_opt, D_opt or L_opt at C FLOPs."""
        answer = answer_of("Covariance.standard_error", self.fit, name, C)
        return plain(self._error(answer) * (answer.estimate if answer.in_logs else 1))

    def freedom(self, name: str, C: ArrayLike | None = None) -> Any:
        """Degrees of freedom of that standard error: of the residuals, or fewer where errors are shared."""
        return plain(self._freedom(answer_of("Covariance.freedom", self.fit, name, C)))

    def interval(self, name: str, C: ArrayLike | None = None, level: float = 0.9) -> Interval:
        """Interval of a parameter or an answer: estimate plus and minus Student's quantile times its error.

        For A, B and the best N and D it is taken in their logarithms, where errors are closer to Gaussian.

        Parameters
        ----------
        name : str
            E, A, B, alpha, beta, a, b, "ln A" or "ln B"; with a budget N_opt, D_opt or L_opt.
        C : float or array_like, optional
            The budget in FLOPs of an answer that has one.
        level : float
            Nominal coverage.

        Returns
        -------
        Interval
            Ends have the shape of C.
        """
        answer = answer_of("Covariance.interval", self.fit, name, C)
        half = self._quantile(level, answer) * self._error(answer)
        if answer.in_logs:
            factor = np.exp(half)
            return Interval(plain(answer.estimate / factor), plain(answer.estimate * factor))
        return Interval(plain(answer.estimate - half), plain(answer.estimate + half))

    def N_opt(self, C: ArrayLike, level: float = 0.9) -> Interval:
        """Interval of the best size at C FLOPs, taken in its logarithm; ends have the shape of C."""
        return self.interval("N_opt", C, level)

    def D_opt(self, C: ArrayLike, level: float = 0.9) -> Interval:
        """Interval of the best token count at C FLOPs, taken in its logarithm; ends have the shape of C."""
        return self.interval("D_opt", C, level)

    def L_opt(self, C: ArrayLike, level: float = 0.9) -> Interval:
        """Interval of the lowest loss that C FLOPs buy; ends have the shape of C."""
        return self.interval("L_opt", C, level)

    def new_run(self, N: ArrayLike, D: ArrayLike, level: float = 0.9) -> Interval:
        """Interval for the loss of one more run of N parameters on D tokens: fit and scatter together."""
        N, D = matched(N=positive("Covariance.new_run: N", N), D=positive("Covariance.new_run: D", D))
        if isinstance(self.fit, LawFit):
            at = {"N": N, "D": D}
            answer = Answer(self.fit.predict(at), self.fit.loss_gradient(at), False)
        else:
            s, logs = self.fit.surface, CentredLogs.of(self.fit.runs)
            answer = Answer(s.loss(N, D), loss_gradient(s, logs, N, D), False)
        scatter = self.fit.objective / self.fit.freedom
        half = self._quantile(level, answer) * np.sqrt(self._error(answer) ** 2 + scatter)
        return Interval(answer.estimate - half, answer.estimate + half)

    def to_frame(self, level: float = 0.9) -> pd.DataFrame:
        """Estimate, standard error and interval of each parameter and of a, one row each."""
        import pandas as pd

        rows = {
            name: (
                getattr(law_of(self.fit), name),
                self.standard_error(name),
                *self.interval(name, level=level),
            )
            for name in self._listed
        }
        columns = ["estimate", "standard error", "low", "high"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def __repr__(self) -> str:
        lines = [f"covariance of {self.fit.method}, {len(self.fit.runs)} runs, {ERRORS[self.errors]}"]
        for name in self._listed:
            estimate, error = getattr(law_of(self.fit), name), self.standard_error(name)
            few = "" if self.by_budget is None else f", {self.freedom(name):.1f} degrees of freedom"
            lines.append(f"{name:<5} {estimate:10.5g}  standard error {error:.3g}{few}")
        return "\n".join(lines)

    @property
    def _listed(self) -> tuple[str, ...]:
        return self._parameters if isinstance(self.fit, LawFit) else (*self._parameters, "a")

    @property
    def _parameters(self) -> tuple[str, ...]:
        return names_of(self.fit, tuple(law_of(self.fit).parameters))

    def _error(self, answer: Answer) -> FloatArray:
        G = answer.gradient
        return np.asarray(np.sqrt(np.einsum("...i,ij,...j->...", G, self.centred, G)))

    def _freedom(self, answer: Answer) -> FloatArray:
        if self.by_budget is None:
            return np.full(answer.gradient.shape[:-1], float(self.fit.freedom))
        return self.by_budget.freedom(answer.gradient)

    def _quantile(self, level: float, answer: Answer) -> FloatArray:
        freedom = self._freedom(answer)
        return np.reshape([two_sided_quantile(level, one) for one in freedom.ravel()], freedom.shape)


def covariance(fit: SurfaceFit | LevelsFit | LawFit, errors: Errors = "alike") -> Covariance:
    r"""Covariance of the parameters of a surface fit, to first order.

    Use it first: it costs nothing, and where errors are small and alike the other ways agree with it. Where
    its interval is wide or reaches beyond what is possible, use :func:`profile`; for statistics of several
    fits together and for Approach 2, :func:`bootstrap`.

    With the Jacobian :math:`J` of the predicted losses and :math:`H = (J^\top J)^{-1} J^\top`, to first
    order the estimate moves by :math:`H\varepsilon` when the losses move by :math:`\varepsilon`, so

    .. math:: V = s^2\, H H^\top \qquad\text{or, unequal,}\qquad V = H \operatorname{diag}(r_i^2)\, H^\top

    with :math:`s^2 = \sum r_i^2/(n-p)`, p the number of parameters; shared, the sum over budgets of what the
    residuals of each do together.

    ======== =========================================== ============================================
    errors   what is assumed                             when to ask for it
    ======== =========================================== ============================================
    alike    independent, one variance                   first
    unequal  independent, each of its own size (HC0)     the scatter differs between runs; a gap to
                                                         the first says that it does, or that the
                                                         surface is not quite right
    shared   runs of a budget may err together in any    a concern says so, or budgets had schedules
             way, budgets independently (CR2)            or evaluations of their own
    ======== =========================================== ============================================

    With few runs the second is a little too small. The third is corrected for few budgets, and its intervals
    use the degrees of freedom that the statistic has, often three to six: they are wide, and keep their
    promise. Where what a budget shares is one offset, ``fit_vpnls(runs, levels="budget")`` is sharper.

    Parameters
    ----------
    fit : SurfaceFit, LevelsFit or LawFit
        A least-squares fit of L; of a law also of log L.
    errors : {"alike", "unequal", "shared"}
        What is assumed of the errors.

    Returns
    -------
    Covariance

    Raises
    ------
    FitError
        If there are no more runs than parameters, or the fit lies on the edge of what is allowed: no
        first-order theory holds there. For shared errors, if one budget alone decides some parameter.
    ValueError
        If the fit minimised something else than squared residuals of L.

    See Also
    --------
    profile : An interval without symmetry.
    bootstrap : Refits on resampled runs.
    coverage : How often each interval holds the truth.

    Notes
    -----
    Unequal errors: White's :cite:p:`white1980` sandwich. Shared errors (surveyed by
    :cite:t:`cameron2015`): that of Bell and McCaffrey :cite:p:`bell2002` with Satterthwaite's degrees of
    freedom, chosen because it holds its promise: of 500 studies with five or ten budgets, 90 % intervals of
    a, alpha and ln N* held the truth in 88 to 92 %, where a factor for the number of budgets (CR1) with
    g - 1 degrees of freedom held it in 81 to 87 % and the jackknife (CR3) in 91 to 97 %. Derived in the
    chapter *How sure are we?*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> V = covariance(fit_vpnls(load_llama3()))
    >>> f"standard error of a {V.standard_error('a'):.4f}"
    'standard error of a 0.0151'
    >>> f"correlation of A and alpha {V.correlations[1, 3]:.4f}"
    'correlation of A and alpha 0.9989'
    >>> low, high = V.interval("D_opt", 3.8e25)
    >>> f"{low / 1e12:.1f}T to {high / 1e12:.1f}T tokens"
    '7.1T to 14.6T tokens'
    """
    one_of("covariance: errors", errors, tuple(ERRORS))
    if isinstance(fit, LawFit):
        _require_inner_law("covariance", fit)
        H, r = fit.inner_response, -fit.tangents[0]
    else:
        H, r = _response(fit, require_interior(fit, "covariance", levels=True)), fit.residuals
    if errors == "alike":
        return Covariance(fit, errors, H @ H.T * (np.sum(r**2) / fit.freedom))
    if errors == "unequal":
        return Covariance(fit, errors, (H * r**2) @ H.T)
    _, member = fit.runs.by_budget()
    by_budget = clustered(H, r, member)
    if isinstance(by_budget, int):
        which = f"budget {fit.runs.budgets[by_budget]:.3g} alone decides one of the parameters"
        raise FitError(
            f"covariance: {'all runs share one budget' if member.max() == 0 else which}, so the runs say "
            'nothing of an error it shares; add runs at other budgets, or ask for errors="unequal".'
        )
    return Covariance(fit, errors, by_budget.matrix, by_budget)


def _response(fit: SurfaceFit | LevelsFit, logs: CentredLogs) -> FloatArray:
    """Response of the centred parameters, A and B in logs, to errors of the losses: (5, n), or (4, n)."""
    if isinstance(fit, LevelsFit):
        return fit.response
    theta = logs.theta(fit.surface)
    H = first_order_response(logs, *(np.array(value) for value in theta[1:]))
    H[1:3] /= theta[1:3, None]
    return H


def _require_inner_law(who: str, fit: LawFit) -> None:
    """Raise FitError unless the fit of a law is an inner least-squares optimum."""
    if plain_loss(fit.loss) != Squared():
        raise ValueError(
            f"{who}: the fit minimised {fit.loss}, and this theory is that of squares; refit with "
            "law.fit(runs)."
        )
    if fit.freedom <= 0:
        raise FitError(
            f"{who}: {len(fit.runs)} runs for {len(fit.names)} parameters leave nothing to measure errors "
            "by; add runs."
        )
    if fit.edges:
        raise FitError(
            f"{who}: {', '.join(fit.edges)} stands at the edge of its range, where first-order theory does "
            "not hold; heed the fit's concerns, or use bootstrap."
        )


def require_interior(fit: SurfaceFit | LevelsFit, who: str, levels: bool = False) -> CentredLogs:
    """Raise unless the fit is an inner least-squares optimum of L; returns its centred logs."""
    if isinstance(fit, LevelsFit) and not levels:
        raise ValueError(
            f"{who}: the fit has a level per budget, and this is for one level, E; take covariance(fit), or "
            "refit with fit_vpnls(runs)."
        )
    if not isinstance(fit, LevelsFit):
        require_fit(who, fit)
    if fit.loss != Squared():
        raise ValueError(
            f"{who}: the fit minimised {fit.loss}, and this theory is that of squared residuals of L; "
            "refit with fit_vpnls(runs)."
        )
    s = law_of(fit)
    if fit.freedom <= 0:
        taken = len(fit.runs) - fit.freedom
        raise FitError(
            f"{who}: {len(fit.runs)} runs for {taken} parameters leave nothing to measure errors by; "
            "add runs."
        )
    edges = [letter for letter in names_of(fit, ("E", "A", "B")) if getattr(s, letter) == 0]
    low, high = EXPONENT_RANGE
    edges += [letter for letter in ("alpha", "beta") if not low < getattr(s, letter) < high]
    if edges:
        raise FitError(
            f"{who}: {', '.join(edges)} stands at the edge of its range, where first-order theory does not "
            "hold; heed the fit's concerns, or use bootstrap."
        )
    return CentredLogs.of(fit.runs)
