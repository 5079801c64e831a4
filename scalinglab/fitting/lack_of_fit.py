"""How much better any sum of power laws could fit: a lack-of-fit test without another model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scalinglab._arrays import FloatArray, whole
from scalinglab.fitting.certificate import checked_box, require_convex
from scalinglab.fitting.results import SurfaceFit
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.coefficients import Problem
from scalinglab.solvers.interior_point import interior_point
from scalinglab.solvers.lower_bound import interval_maxima, largest_coefficients, powers, weak_duality

#: Sub-intervals of the range of exponents on which the proof looks between the columns.
PIECES = 480


@dataclass(frozen=True, repr=False)
class LackOfFit:
    """The best fit by any sums of power laws in N and in D, beside the fit with one of each.

    Attributes
    ----------
    fit : SurfaceFit
        The fit with one term of each.
    objective : float
        What the best mixture found leaves.
    lower_bound : float
        What every mixture leaves at least: proven.
    E : float
        The mixture's floor.
    exponents : ndarray, shape (j,)
        Exponents of its columns, the same for both sides.
    A, B : ndarray, shape (j,)
        Coefficients of N and D to each of them, N and D in units of their geometric means; most are zero.
    """

    fit: SurfaceFit
    objective: float
    lower_bound: float
    E: float
    exponents: FloatArray
    A: FloatArray
    B: FloatArray

    @property
    def at_most(self) -> float:
        """Share of the fit's objective that more terms can take away at most: proven."""
        return 1 - self.lower_bound / self.fit.objective if self.fit.objective > 0 else 0.0

    @property
    def reached(self) -> float:
        """Share of the fit's objective that the mixture found takes away."""
        return 1 - self.objective / self.fit.objective if self.fit.objective > 0 else 0.0

    def __repr__(self) -> str:
        return (
            f"fit      one term of each: objective {self.fit.objective:.5g}\n"
            f"mixture  any sums of power laws: {100 * self.reached:.1f} % less\n"
            f"proven   however many terms, at most {100 * self.at_most:.1f} % less"
        )


def lack_of_fit_bound(
    fit: SurfaceFit, box: tuple[float, float] = EXPONENT_RANGE, exponents: int = 100
) -> LackOfFit:
    r"""Bound what any sums of power laws with exponents in the box could gain over the fit.

    Use it to ask whether five parameters are enough, without a rival model to compare with.

    .. math:: L \approx E + \int N^{-a}\,d\mu(a) + \int D^{-b}\,d\nu(b), \qquad E, \mu, \nu \ge 0,

    is convex in E, mu and nu. Solved with so many exponents a side, its dual vector y gives a lower bound for
    all exponents between them as well. If little is to be gained, what the fit leaves is scatter, or a shape
    that no sum of power laws has; if much, one term of each is too few.

    Parameters
    ----------
    fit : SurfaceFit
        A fit of squared or Huber residuals in L.
    box : tuple of float
        Range of the exponents, which must contain the fit's.
    exponents : int
        Columns a side, 2 to 400.

    Returns
    -------
    LackOfFit

    Raises
    ------
    ValueError
        If an argument makes no sense.

    See Also
    --------
    certify : Whether one term of each could fit better with other exponents.
    proven_region : All exponents that fit nearly as well.

    Notes
    -----
    Derived in the chapter *A proof of the global minimum*; the best mixture's conditions are those of
    optimum designs :cite:p:`kiefer1960` and of mixture likelihoods :cite:p:`lindsay1983`.

    Examples
    --------
    >>> from scalinglab import fit_vpnls, load_llama3
    >>> gain = lack_of_fit_bound(fit_vpnls(load_llama3()))
    >>> f"{100 * gain.at_most:.1f} %"
    '2.8 %'
    """
    name = "lack_of_fit_bound"
    require_convex(fit, name)
    box = checked_box(fit, box, name)
    count = whole(f"{name}: exponents", exponents, 2, 400)
    logs = CentredLogs.of(fit.runs)
    problem = Problem.of(np.array([logs.n, logs.d]), logs.L, fit.loss)
    values = np.geomspace(*box, count)
    X = np.concatenate([np.ones((1, len(problem.L))), *(np.exp(-np.outer(values, x)) for x in problem.logs)])
    length = np.sqrt((X * X) @ problem.w)
    c, y = interior_point(problem, (X / length[:, None])[None], np.zeros((1, len(X))), digits=1e-8)
    c = c[0] / length
    reached = float(problem.values(problem.L - c @ X))
    level = min(reached, fit.objective / problem.unit)
    bound = mixture_bound(problem, y, box, level)
    return LackOfFit(
        fit, problem.unit * reached, problem.unit * bound, float(c[0]), values, *np.split(c[1:], 2)
    )


def mixture_bound(problem: Problem, y: FloatArray, box: tuple[float, float], level: float) -> float:
    """Lower bound of F over all mixtures with exponents in the box, from a dual vector (1, m)."""
    edges = np.geomspace(*box, PIECES + 1)
    edges[[0, -1]] = box
    K = len(problem.logs)
    sides = np.repeat(np.column_stack([edges[:-1], edges[1:]])[:, None], K, axis=1)
    v = np.zeros(K)
    for piece in sides:
        P = powers(problem.logs, piece[None], 1)
        v = np.maximum(v, interval_maxima(problem.logs, P, np.diff(piece).T, y)[0][0])
    entire = powers(problem.logs, np.array([[box] * K]), 1)
    C = largest_coefficients(problem, entire, level)
    return max(0.0, float(weak_duality(problem, y, v[None], C)[0]))
