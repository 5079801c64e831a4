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

import math
from itertools import pairwise

import numpy as np

from scalinglab._arrays import FloatArray, blocks
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.newton import NOTHING, Optimum, newton
from scalinglab.solvers.objectives import Loss, residuals
from scalinglab.solvers.projection import free_least_squares, nonnegative_least_squares

#: Exponents in an octave, and octaves: the columns of each are the squares of those an octave below.
_OCTAVE, _OCTAVES = 8, 8

_GRID = EXPONENT_RANGE[1] * 2.0 ** (np.arange(1 - _OCTAVE * _OCTAVES, 1) / _OCTAVE)

#: Exponents at which columns are priced.
PRICES = _GRID[EXPONENT_RANGE[0] <= _GRID]

#: Runs whose columns are held at once.
BLOCK = 1024

#: Local maxima of the price from which the search starts again, at most, for each term.
PEAKS = 3

#: A column counts if by itself it would lower the objective by more than this share.
GAIN = 1e-9

#: The same where steps settled inside the bounds and both terms are needed: small gains lead nowhere lower.
CLEAR_GAIN = 1e-2

#: A start whose objective exceeds the end's by more than this multiple of it is not worth the steps, unless
#: the excess is below this share of what a constant would leave.
HOPELESS, NEAR = 4.0, 0.05

#: Correlation of the logs of N and D above which the two terms are alike.
ALIKE = 0.8

#: Rounds, and Newton steps in each, at most; and where they must be patient.
ROUNDS, STEPS, PATIENT = 3, 30, 150


def priced(
    logs: CentredLogs,
    loss: Loss,
    optimum: Optimum,
    needed: bool = False,
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
    optimum : scalinglab.solvers.newton.Optimum
        Where a search ended.
    needed : bool
        Whether either term alone leaves much more: a small gain does not pay for moving one then.
    few, weights : CentredLogs and ndarray, optional
        Many runs gathered into a few with weights, on which columns are priced.

    Returns
    -------
    scalinglab.solvers.newton.Optimum
        ``optimum`` itself, at no more than the cost of a few columns, where no column is worth a start.
    """
    for _ in range(ROUNDS):
        starts = worthwhile_starts(few or logs, loss, optimum, weights, needed)
        # where a term is absent and far residuals pull alike, the way to its place is long and hardly falls
        absent = math.isfinite(loss.knot) and not optimum.theta[1:3].all()
        steps, rival = (PATIENT, math.inf) if absent else (STEPS, optimum.objective)
        ends = [newton(logs, loss, start, steps, rival) for start in starts]
        best = min(ends, key=lambda end: end.objective, default=optimum)
        if not best.objective < optimum.objective * (1 - GAIN):
            break
        optimum = best if best.arrived else newton(logs, loss, best.theta)
    return optimum


def worthwhile_starts(
    logs: CentredLogs, loss: Loss, optimum: Optimum, weights: FloatArray | None = None, needed: bool = False
) -> list[FloatArray]:
    """Starts (E, A, B, alpha, beta) with one term moved to a column of high price."""
    alpha, beta = optimum.theta[3:]
    w = np.ones_like(logs.L) if weights is None else weights
    r = residuals(loss, logs.fitted(optimum.theta), logs.L)
    y, weight = -w * loss.psi(r), w * loss.weight(r)
    firm = needed and optimum.settled  # inside the bounds, and no term to spare for a small gain
    share = CLEAR_GAIN if firm else GAIN
    least = share * optimum.objective * loss.unit
    pairs = []
    alike = logs.n @ logs.d > ALIKE * np.sqrt((logs.n @ logs.n) * (logs.d @ logs.d))
    if alike and abs(alpha - beta) > 0.1 * max(alpha, beta):
        pairs.append((beta, alpha))  # where N and D grow together the terms may have to change places
    of_N, of_D = dearest(np.array([logs.n, logs.d]), y, w, least)
    pairs += [(peak, beta) for peak in of_N] + [(alpha, peak) for peak in of_D]
    if not firm:  # far from the present exponent the column may be a plateau: half-way there too
        pairs += [(math.sqrt(peak * alpha), beta) for peak in of_N]
        pairs += [(alpha, math.sqrt(peak * beta)) for peak in of_D]
    if not pairs:
        return []
    constant = float(loss.rho(logs.L - logs.L @ w / w.sum()) @ w)
    if optimum.objective <= NOTHING * constant:
        return []
    worth = float(loss.rho(r) @ w) + max(HOPELESS * optimum.objective, NEAR * constant)
    starts = []
    for pair in pairs:
        start, fitted = _moved(logs, weight, *pair)
        if loss.rho(fitted - logs.L) @ w <= worth:
            # a term that is exactly absent has no exponent for the steps to improve
            largest = np.exp([-start[3] * logs.n.min(), -start[4] * logs.d.min()])
            start[1:3] = np.where(start[1:3] > 0, start[1:3], 1e-6 * np.ptp(logs.L) / largest)
            starts.append(start)
    return starts


def dearest(logs: FloatArray, y: FloatArray, w: FloatArray, least: float) -> list[list[float]]:
    r"""Exponents of each term where the gain of a column has a local maximum worth ``least``, dearest first.

    A column p lowers the objective by up to :math:`g^2 / 2 \sum w \tilde p^2` if E moves with it, p centred.
    ``logs`` (K, m) are the centred logs of the terms. At most ``PEAKS`` exponents are returned for each.
    """
    parts = [_sums(_columns(logs[:, rows]), y[rows], w[rows]) for rows in blocks(len(y), BLOCK)]
    g, squares = _prices_and_squares(sum(parts[1:], parts[0]), w)
    gain = np.maximum(g, 0) ** 2 / (2 * squares)
    high = gain > least
    if not high.any():
        return [[] for _ in gain]
    fenced = np.pad(gain, ((0, 0), (1, 1)))
    tops = high & (gain >= fenced[:, :-2]) & (gain >= fenced[:, 2:])
    found = []
    for row, top in zip(gain, tops, strict=True):
        peaks = np.flatnonzero(top)
        found.append(PRICES[peaks[np.argsort(-row[peaks], kind="stable")[:PEAKS]]].tolist())
    return found


def _columns(logs: FloatArray) -> FloatArray:
    """Columns of all ``PRICES``, shape (j, K, m): only those of the lowest octave are exponentials."""
    P = np.empty((_OCTAVES, _OCTAVE, *logs.shape))
    np.exp(np.multiply.outer(-_GRID[:_OCTAVE], logs), out=P[0])
    for lower, upper in pairwise(P):
        np.square(lower, out=upper)
    return P.reshape(-1, *logs.shape)[-len(PRICES) :]


def _sums(P: FloatArray, y: FloatArray, w: FloatArray) -> FloatArray:
    """Of columns (j, K, m), overwritten: g, and the weighted sums of the column and its square; (3, K, j)."""
    return np.array([(P @ y).T, (P @ w).T, (np.square(P, out=P) @ w).T])


def _prices_and_squares(sums: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of every column g, and the weighted sum of squares about the mean."""
    g, total, raw = sums
    return g, np.maximum(raw - total**2 / w.sum(), 1e-14 * raw)


def _moved(logs: CentredLogs, weight: FloatArray, alpha: float, beta: float) -> tuple[FloatArray, FloatArray]:
    """E, A, B >= 0 by weighted least squares for given exponents, with these; and the fitted losses."""
    p, q = np.exp(-alpha * logs.n), np.exp(-beta * logs.d)
    W = weight.sum()
    means = [float(weight @ x) / W for x in (p, q, logs.L)]
    u, v, y = (x - mean for x, mean in zip((p, q, logs.L), means, strict=True))
    wu, wv = weight * u, weight * v
    p_mean, q_mean, L_mean = means
    products = wu @ u, wv @ v, wu @ v, wu @ y, wv @ y, (weight * y) @ y
    with np.errstate(divide="ignore", invalid="ignore"):
        (E, A, B, _), det = free_least_squares(p_mean, q_mean, L_mean, *products)
    if not (det > 1e-15 * products[0] * products[1] and min(E, A, B) >= 0):
        held = nonnegative_least_squares(W, *means, *(np.array([part]) for part in products))
        E, A, B = held.E[0], held.A[0], held.B[0]
    return np.array([E, A, B, alpha, beta]), E + A * p + B * q


def prices(logs: FloatArray, y: FloatArray, exponents: FloatArray) -> FloatArray:
    r"""Price of every column, in units of its length about the mean: a correlation; shape (K, j).

    .. math:: \frac{g(e)}{\lVert y\rVert\,\lVert\tilde p(e)\rVert}, \qquad g(e) = \sum_i y_i\,e^{-e n_i}

    Parameters
    ----------
    logs : ndarray, shape (K, m)
        Centred logs of each term.
    y : ndarray, shape (m,)
        Derivative of the loss at the residuals, or any other dual vector.
    exponents : ndarray, shape (j,)
        Exponents to price.
    """
    w = np.ones_like(y)
    g, squares = _prices_and_squares(_sums(np.exp(np.multiply.outer(-exponents, logs)), y, w), w)
    return np.asarray(g / (np.sqrt(squares) * np.linalg.norm(y)))
