"""The faces of a fit, A = 0 and B = 0: whether the runs can do without a term.

On a face the term's exponent means nothing. Where the face fits as well as the optimum the runs do not
determine the exponent, whatever value a search happened to end at.
"""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.newton import Optimum, newton
from scalinglab.solvers.objectives import Loss, residuals
from scalinglab.solvers.projection import Products

#: Exponents at which one term alone is tried.
ALONE = np.geomspace(*EXPONENT_RANGE, 24)

#: A face fits as well if its objective is larger by less than this share.
TIE = 1e-6

#: Or by less than this share of what a constant would leave, which is rounding.
FLOOR = 1e-13

#: A column whose variance is a smaller share of its square is a constant, to rounding.
FLAT = 1e-14

#: Newton steps on a face, at most.
STEPS = 60


def spare_terms(
    logs: CentredLogs, loss: Loss, optimum: Optimum, weights: FloatArray | None = None
) -> tuple[Optimum, tuple[str, ...]]:
    """The optimum, or a face that is lower; and the exponents whose term the runs can do without.

    Parameters
    ----------
    logs : CentredLogs
        The runs.
    loss : Squared or Huber
        What is minimised, in L.
    optimum : scalinglab.solvers.newton.Optimum
        Where a search ended.
    weights : ndarray, optional
        Weights of the runs.

    Returns
    -------
    optimum : scalinglab.solvers.newton.Optimum
    spare : tuple of str
        ``"alpha"`` if A = 0 fits as well, ``"beta"`` if B = 0 does.
    """
    weight, mean, left, constant = _reweighted_squares(logs, loss, optimum, weights)
    ends = []
    for term in (0, 1):
        start, alone = one_term(logs, weight, 1 - term, mean)
        if cannot_tie(alone, left, constant):
            ends.append(optimum._replace(objective=np.inf))
            continue
        ends.append(on_face(logs, loss, start, term))
    lowest = min(optimum, *ends, key=lambda end: end.objective)
    level = lowest.objective + max(TIE * lowest.objective, FLOOR * float(loss.rho(logs.L - mean).sum()))
    spare = tuple(
        letter for letter, end in zip(("alpha", "beta"), ends, strict=True) if end.objective <= level
    )
    return lowest, spare


def both_terms_are_needed(
    logs: CentredLogs, loss: Loss, optimum: Optimum, weights: FloatArray | None = None
) -> bool:
    """Whether either term alone, wherever its exponent, leaves much more than both."""
    weight, mean, left, constant = _reweighted_squares(logs, loss, optimum, weights)
    return all(cannot_tie(one_term(logs, weight, term, mean)[1], left, constant) for term in (0, 1))


def _reweighted_squares(
    logs: CentredLogs, loss: Loss, optimum: Optimum, weights: FloatArray | None
) -> tuple[FloatArray, float, float, float]:
    """Weights that make the loss one of squares; the mean loss, the squares left and those of a constant."""
    r = residuals(loss, logs.fitted(optimum.theta), logs.L)
    weight = loss.weight(r) if weights is None else weights * loss.weight(r)
    mean = float(logs.L @ weight / weight.sum())
    return weight, mean, float(r**2 @ weight), float((logs.L - mean) ** 2 @ weight)


def cannot_tie(alone: float, left: float, constant: float) -> bool:
    """Whether the best of a map of one term leaves so much more than the fit that its face cannot tie.

    All three are sums of squares: of the map's best, of the fit, of a constant.
    """
    return alone > 2 * left + 0.01 * constant


def lowest_face(products: Products) -> float:
    """Sum of squares of the best single term of a map; E, which may only add to it, of either sign."""
    p, q = (
        np.maximum(xL, 0) ** 2 / xx for xL, xx in ((products.pL, products.pp), (products.qL, products.qq))
    )
    return float(products.LL - max(p.max(), q.max()))


def one_term(logs: CentredLogs, weight: FloatArray, term: int, mean: float) -> tuple[FloatArray, float]:
    """Best of a map of one term alone: E, A, B, alpha, beta with the other zero, and the weighted squares.

    ``mean`` is that of the losses.
    """
    P = np.exp(np.multiply.outer(-ALONE, logs.d if term else logs.n))
    W, y = weight.sum(), logs.L - mean
    p, pL = P @ weight / W, P @ (weight * y)
    square = np.square(P) @ weight
    pp = square - W * p**2
    varies = pp > FLAT * square
    slope = np.divide(np.maximum(pL, 0), pp, out=np.zeros_like(pp), where=varies)
    rss = float(y**2 @ weight) - slope * (2 * pL - slope * pp)
    best = int(np.argmin(rss))
    start = np.array([max(mean - slope[best] * p[best], 0.0), 0.0, 0.0, ALONE[best], ALONE[best]])
    start[1 + term] = slope[best]
    return start, float(rss[best])


def on_face(logs: CentredLogs, loss: Loss, start: FloatArray, term: int) -> Optimum:
    """Polish with one term held at zero: where all its runs are infinitely large, it vanishes."""
    gone = np.full_like(logs.L, 1e6)
    face = logs._replace(d=gone) if term else logs._replace(n=gone)
    return newton(face, loss, start, STEPS)
