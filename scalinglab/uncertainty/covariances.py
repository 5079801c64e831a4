"""Covariance of a surface fit to first order, and the standard errors and intervals from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, flag, matched, positive, shortened
from scalinglab._extras import needs
from scalinglab.fitting.results import FitError, SurfaceFit, require_fit
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.first_order import (
    STATISTICS,
    centred_amplitudes,
    first_order_response,
    log_size_gradient,
    loss_gradient,
    statistic_gradient,
)
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile
from scalinglab.uncertainty.intervals import Interval


@dataclass(frozen=True, eq=False, repr=False)
class Covariance:
    r"""Covariance of the parameters of a fit, and what follows from it to first order.

    Attributes
    ----------
    fit : SurfaceFit
        The fit it belongs to.
    robust : bool
        Whether the errors of the runs may differ in size (HC0) or share one variance.
    centred : ndarray, shape (5, 5)
        Covariance of :math:`(E, \ln A', \ln B', \alpha, \beta)`, where :math:`A'` and :math:`B'` are the
        terms' sizes at the geometric means of N and D: well-scaled whatever the units.

    See Also
    --------
    covariance : Computes it.
    Profile, Bootstrap
    """

    fit: SurfaceFit
    robust: bool
    centred: FloatArray

    @property
    def matrix(self) -> FloatArray:
        """Covariance of (E, A, B, alpha, beta) in the units of the runs, shape (5, 5)."""
        J = np.array([self._gradient(name) for name in self.fit.surface.parameters])
        return np.asarray(J @ self.centred @ J.T)

    @property
    def correlations(self) -> FloatArray:
        """Correlations of (E, A, B, alpha, beta), shape (5, 5)."""
        V = self.matrix
        scale = np.sqrt(np.diag(V))
        return V / scale[:, None] / scale

    def standard_error(self, name: str) -> float:
        """Standard error of E, A, B, alpha, beta, a, b, "ln A" or "ln B"."""
        g = self._gradient(name)
        return float(np.sqrt(g @ self.centred @ g))

    def interval(self, name: str, level: float = 0.9) -> Interval:
        """Interval of a parameter: estimate plus and minus Student's quantile times the standard error.

        For A and B it is taken in their logarithms, where errors are closer to Gaussian.
        """
        self._gradient(name)  # says which names there are
        half = self._quantile(level) * self.standard_error(f"ln {name}" if name in ("A", "B") else name)
        estimate = self._estimate(name)
        if name in ("A", "B"):
            return Interval(estimate * np.exp(-half), estimate * np.exp(half))
        return Interval(estimate - half, estimate + half)

    def N_opt(self, C: ArrayLike, level: float = 0.9) -> Interval:
        """Interval of the best size at C FLOPs, taken in its logarithm; ends have the shape of C."""
        return self._around(self.fit.N_opt(C), C, level)

    def D_opt(self, C: ArrayLike, level: float = 0.9) -> Interval:
        """Interval of the best token count at C FLOPs, taken in its logarithm; ends have the shape of C."""
        return self._around(self.fit.D_opt(C), C, level)

    def new_run(self, N: ArrayLike, D: ArrayLike, level: float = 0.9) -> Interval:
        """Interval for the loss of one more run of N parameters on D tokens: fit and scatter together."""
        s, logs = self.fit.surface, CentredLogs.of(self.fit.runs)
        N, D = matched(N=positive("Covariance.new_run: N", N), D=positive("Covariance.new_run: D", D))
        G = loss_gradient(s, logs, N, D)
        variance = np.einsum("...i,ij,...j->...", G, self.centred, G)
        scatter = self.fit.objective / self.fit.freedom
        half = self._quantile(level) * np.sqrt(variance + scatter)
        estimate = s.loss(N, D)
        return Interval(estimate - half, estimate + half)

    def to_frame(self, level: float = 0.9) -> pd.DataFrame:
        """Estimate, standard error and interval of each parameter and of a, one row each."""
        with needs("tables"):
            import pandas as pd

        rows = {
            name: (self._estimate(name), self.standard_error(name), *self.interval(name, level))
            for name in (*self.fit.surface.parameters, "a")
        }
        columns = ["estimate", "standard error", "low", "high"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def __repr__(self) -> str:
        kind = "errors of any size (HC0)" if self.robust else "one error variance"
        lines = [f"covariance of {self.fit.method}, {len(self.fit.runs)} runs, {kind}"]
        lines += [
            f"{name:<5} {self._estimate(name):10.5g}  standard error {self.standard_error(name):.3g}"
            for name in (*self.fit.surface.parameters, "a")
        ]
        return "\n".join(lines)

    def _around(self, estimate: Any, C: ArrayLike, level: float) -> Interval:
        G = log_size_gradient(self.fit.surface, CentredLogs.of(self.fit.runs), C)
        variance = np.einsum("...i,ij,...j->...", G, self.centred, G)
        factor = np.exp(self._quantile(level) * np.sqrt(variance))
        ends = estimate / factor, estimate * factor
        return Interval(*(float(end) if np.ndim(end) == 0 else end for end in ends))

    def _quantile(self, level: float) -> float:
        return two_sided_quantile(level, self.fit.freedom)

    def _estimate(self, name: str) -> float:
        if name.startswith("ln "):
            return float(np.log(getattr(self.fit.surface, name[3:])))
        return float(getattr(self.fit.surface, name))

    def _gradient(self, name: str) -> FloatArray:
        """Derivative of a statistic in the centred parameters, shape (5,)."""
        if not isinstance(name, str) or name not in STATISTICS:
            raise ValueError(
                f"covariance: no statistic {shortened(name)}; there are {', '.join(STATISTICS)}."
            )
        return statistic_gradient(self.fit.surface, CentredLogs.of(self.fit.runs), name)


def covariance(fit: SurfaceFit, robust: bool = False) -> Covariance:
    r"""Covariance of the parameters of a surface fit, to first order.

    Use it first: it costs nothing, and where errors are small and alike the other ways agree with it. Where
    its interval is wide or reaches beyond what is possible, use :func:`profile`; for statistics of several
    fits together and for Approach 2, :func:`bootstrap`.

    With the Jacobian :math:`J` of the predicted losses and :math:`H = (J^\top J)^{-1} J^\top`, to first
    order the estimate moves by :math:`H\varepsilon` when the losses move by :math:`\varepsilon`, so

    .. math:: V = s^2\, H H^\top \qquad\text{or, robust,}\qquad V = H \operatorname{diag}(r_i^2)\, H^\top

    with :math:`s^2 = \sum r_i^2/(n-p)`, p the number of parameters.

    Parameters
    ----------
    fit : SurfaceFit
        A least-squares fit of L.
    robust : bool
        Let every run have an error variance of its own: the sandwich HC0. Use it when the scatter differs
        between runs, and compute both: a gap says that it does, or that the surface is not quite right. With
        few runs it is a little too small. Errors must be independent either way.

    Returns
    -------
    Covariance

    Raises
    ------
    FitError
        If there are no more runs than parameters, or the fit lies on the edge of what is allowed: no
        first-order theory holds there.
    ValueError
        If the fit minimised something else than squared residuals of L.

    See Also
    --------
    profile : An interval without symmetry.
    bootstrap : Refits on resampled runs.
    coverage : How often each interval holds the truth.

    Notes
    -----
    White's :cite:p:`white1980` sandwich. Derived in the chapter *How sure are we?*.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> V = covariance(fit_vpnls(load_llama3()))
    >>> f"standard error of a {V.standard_error('a'):.4f}"
    'standard error of a 0.0151'
    >>> f"correlation of A and alpha {V.correlations[1, 3]:.4f}"
    'correlation of A and alpha 0.9989'
    """
    flag("covariance: robust", robust)
    logs = require_interior(fit, "covariance")
    s = fit.surface
    A, B = centred_amplitudes(s, logs)
    H = first_order_response(logs, np.array(A), np.array(B), np.array(s.alpha), np.array(s.beta))
    H[1] /= A
    H[2] /= B
    r2 = fit.residuals**2
    V = (H * r2) @ H.T if robust else H @ H.T * (r2.sum() / fit.freedom)
    return Covariance(fit, robust, V)


def require_interior(fit: SurfaceFit, who: str) -> CentredLogs:
    """Raise unless the fit is an inner least-squares optimum of L; returns its centred logs."""
    require_fit(who, fit)
    if fit.loss != Squared():
        raise ValueError(
            f"{who}: the fit minimised {fit.loss}, and this theory is that of squared residuals of L; "
            "refit with fit_vpnls(runs)."
        )
    if fit.freedom <= 0:
        raise FitError(
            f"{who}: {len(fit.runs)} runs for {len(fit.surface.parameters)} parameters leave nothing to "
            "measure errors by; add runs."
        )
    s = fit.surface
    edges = [letter for letter in ("E", "A", "B") if getattr(s, letter) == 0]
    low, high = EXPONENT_RANGE
    edges += [letter for letter in ("alpha", "beta") if not low < getattr(s, letter) < high]
    if edges:
        raise FitError(
            f"{who}: {', '.join(edges)} stands at the edge of its range, where first-order theory does not "
            "hold; heed the fit's concerns, or use bootstrap."
        )
    return CentredLogs.of(fit.runs)
