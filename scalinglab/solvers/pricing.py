r"""Pricing: a column that would improve a finished fit, if there is one.

At the end of a search take :math:`y = \psi(r)`, the derivative of the loss at the residuals. A further
column :math:`e^{-e n}` with coefficient a changes the objective by :math:`-a\,g(e)` to first order,

.. math:: g(e) = \sum_i y_i\,e^{-e n_i},

and since the problem is convex in the coefficients, a column with :math:`g \le 0` cannot help at all. Where
g is positive for some exponent of a term, the search may start again with the term moved there. Most ends
that miss the minimum stand on a plateau, with a term that is absent, or tiny and in the wrong place; g says
how to leave.
"""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.newton import Optimum, newton
from scalinglab.solvers.objectives import Loss, residuals
from scalinglab.solvers.projection import nonnegative_least_squares

#: Exponents at which columns are priced.
PRICES = np.geomspace(*EXPONENT_RANGE, 64)

#: A column counts if by itself it would lower the objective by more than this share.
GAIN = 1e-9

#: A start whose objective exceeds the end's by more than this multiple of it is not worth the steps, unless
#: the excess is below this share of what a constant would leave.
HOPELESS, NEAR = 4.0, 0.05

#: Correlation of the logs of N and D above which the two terms are alike.
ALIKE = 0.8

#: Rounds, and Newton steps in each, at most.
ROUNDS, STEPS = 3, 30


def priced(
    logs: CentredLogs,
    loss: Loss,
    optimum: Optimum,
    few: CentredLogs | None = None,
    weights: FloatArray | None = None,
) -> Optimum:
    """Leave an end by the columns of positive price, as long as that leads lower.

    Parameters
    ----------
    logs : CentredLogs
        The runs.
    loss : Squared or Huber
        What is minimised, in L.
    optimum : Optimum
        Where a search ended.
    few, weights : CentredLogs and ndarray, optional
        Many runs gathered into a few with weights, on which columns are priced.

    Returns
    -------
    Optimum
        ``optimum`` itself, at no more than the cost of a few columns, where no column is worth a start.
    """
    for _ in range(ROUNDS):
        starts = worthwhile_starts(few or logs, loss, optimum, weights)
        ends = [newton(logs, loss, start, STEPS, optimum.objective) for start in starts]
        best = min(ends, key=lambda end: end.objective, default=optimum)
        if not best.objective < optimum.objective * (1 - GAIN):
            break
        optimum = best if best.arrived else newton(logs, loss, best.theta)
    return optimum


def worthwhile_starts(
    logs: CentredLogs, loss: Loss, optimum: Optimum, weights: FloatArray | None = None
) -> list[FloatArray]:
    """Starts (E, A, B, alpha, beta) with one term moved to the column of the highest price."""
    E, A, B, alpha, beta = optimum.theta
    w = np.ones_like(logs.L) if weights is None else weights
    r = residuals(loss, E + A * np.exp(-alpha * logs.n) + B * np.exp(-beta * logs.d), logs.L)
    y, weight = -w * loss.psi(r), w * loss.weight(r)
    here = float(loss.rho(r) @ w)
    mean = float(logs.L @ w / w.sum())
    worth = here + max(HOPELESS * optimum.objective, NEAR * float(loss.rho(logs.L - mean) @ w))
    least = GAIN * optimum.objective * float(loss.weight(np.zeros(1))[0])
    pairs = []
    alike = logs.n @ logs.d > ALIKE * np.sqrt((logs.n @ logs.n) * (logs.d @ logs.d))
    if alike and abs(alpha - beta) > 0.1 * max(alpha, beta):
        pairs.append((beta, alpha))  # where N and D grow together the terms may have to change places
    for term, x in enumerate((logs.n, logs.d)):
        best = dearest(x, y, w, least)
        if not np.isnan(best):
            pairs.append((alpha, best) if term else (best, beta))
    starts = []
    for pair in pairs:
        start = _moved(logs, weight, np.array(pair))
        r = residuals(loss, start[:3] @ _columns(logs, start[3:]), logs.L)
        if float(loss.rho(r) @ w) <= worth:
            # a term that is exactly absent has no exponent for the polish to improve
            start[1:3] = np.maximum(start[1:3], 1e-6 * np.ptp(logs.L))
            starts.append(start)
    return starts


def dearest(x: FloatArray, y: FloatArray, w: FloatArray, least: float) -> float:
    r"""Exponent whose column has the highest price, or nan if none is worth ``least``.

    A column p lowers the objective by up to :math:`g^2 / 2 \sum w \tilde p^2` if E moves with it, p centred.
    """
    P = np.multiply.outer(-PRICES, x)
    np.exp(P, out=P)
    g, sums = P @ y, P @ w
    raw = np.square(P, out=P) @ w
    centred = np.maximum(raw - sums**2 / w.sum(), 1e-14 * raw)
    gain = np.maximum(g, 0) ** 2 / (2 * centred)
    best = int(np.argmax(gain))
    return float(PRICES[best]) if gain[best] > least else float("nan")


def _columns(logs: CentredLogs, exponents: FloatArray) -> FloatArray:
    """Columns 1, p, q."""
    return np.array([np.ones_like(logs.n), np.exp(-exponents[0] * logs.n), np.exp(-exponents[1] * logs.d)])


def _moved(logs: CentredLogs, weight: FloatArray, exponents: FloatArray) -> FloatArray:
    """E, A, B >= 0 by weighted least squares for given exponents."""
    X = _columns(logs, exponents)
    X[0] = logs.L
    W = float(weight.sum())
    mean = X @ weight / W
    X -= mean[:, None]
    S = (X * weight) @ X.T
    L, p, q = mean
    products = (S[1, 1], S[2, 2], S[1, 2], S[0, 1], S[0, 2], S[0, 0])
    linear = nonnegative_least_squares(W, p, q, L, *(part[None] for part in products))
    return np.array([linear.E[0], linear.A[0], linear.B[0], *exponents])
