r"""One inequality: no exponents of a cell fit better than this.

Without signs of the coefficients, the root of the reduced residual sum of squares is the distance of L
from a plane that turns with the exponents. Over a small cell it cannot turn far, so one evaluation at
the centre bounds the distance in the whole cell.
"""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.projection import BLOCK, free_least_squares, moments

#: Rounding allowed for: this many times the worst case of a sum of m + 64 products in double precision.
ROUNDING = 16


def lower_bounds(logs: CentredLogs, cells: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower bound of the sum of squares in each cell; and E, A, B, RSS, rounding at its centre, (k, 5)."""
    size = max(1, BLOCK // len(logs.n))
    blocks = [_block_bounds(logs, cells[k : k + size]) for k in range(0, len(cells), size)]
    bound, centre = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return bound, centre


def _block_bounds(logs: CentredLogs, cells: FloatArray) -> tuple[FloatArray, FloatArray]:
    alpha, beta = (cells[:, 0] + cells[:, 1]) / 2, (cells[:, 2] + cells[:, 3]) / 2
    h_u, h_v = (cells[:, 1] - cells[:, 0]) / 2, (cells[:, 3] - cells[:, 2]) / 2
    state = moments(logs, None, alpha, beta)
    S, (p, q, _, _, L) = state.products.transpose(1, 2, 0), state.mean.T
    pp, qq, pq, yy = S[0, 0], S[1, 1], S[0, 1], S[4, 4]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        linear, _ = free_least_squares(p, q, L, pp, qq, pq, S[0, 4], S[1, 4], yy)
        # a column loses digits when it is centred: its raw over its centred sum of squares
        unit = _rounding(len(logs.n)) * (3 + state.W * (p**2 / pp + q**2 / qq))
        cosine = np.abs(pq) / np.sqrt(pp * qq) + unit
        slack = np.where(cosine < 1, unit * yy / (1 - cosine**2), np.inf)
        f = np.sqrt(np.maximum(linear.rss - slack, 0))

        def moves(column: int, h: FloatArray, w: float) -> tuple[FloatArray, FloatArray]:
            norm, k = np.sqrt(S[column, column]), column + 2
            speed = np.sqrt(np.maximum(S[k, k] - (S[column, k] / norm) ** 2, 0) / norm**2 + unit * w**2)
            along = (S[k, 4] - linear.A * S[0, k] - linear.B * S[1, k]) / (f * norm)
            return travel(speed, np.abs(along) + w * slack / (f * np.sqrt(yy)), h, w)

        e_u, tau_u = moves(0, h_u, np.abs(logs.n).max())
        e_v, tau_v = moves(1, h_v, np.abs(logs.d).max())
        distance = distance_bound(f, np.sqrt(yy), cosine, (e_u, e_v), (tau_u, tau_v))
    return np.fmax(distance, 0) ** 2, np.column_stack([*linear, slack])


def travel(
    speed: FloatArray,
    along: FloatArray,
    h: FloatArray,
    w: float,
) -> tuple[FloatArray, FloatArray]:
    r"""How far a unit column moves within h of its exponent: altogether (e), and along the residual (tau).

    ``speed`` is the length of its derivative, ``along`` the derivative's component along the residual, and
    w the largest size of a log: the lemma *One column moves* of the chapter. Where w h >= 1, nothing is
    known and both are infinite.
    """
    rest = np.expm1(w * h) - w * h
    e = np.where(w * h < 1, (h * speed + rest) / (1 - w * h), np.inf)
    tau = np.where(w * h < 1, (h * along + rest) / (1 - w * h), np.inf)
    return e, np.minimum(tau, e)


def distance_bound(
    f: FloatArray,
    y: FloatArray,
    cosine: FloatArray,
    e: tuple[FloatArray, FloatArray],
    tau: tuple[FloatArray, FloatArray],
) -> FloatArray:
    r"""Smallest distance of y from the plane in a cell, by the chapter's theorem; 0 or nan if unknown.

    ``f`` is the distance at the centre, ``y`` a length, ``cosine`` that of the two columns' angle.
    """
    shrink = np.sqrt(1 - cosine) - np.hypot(*e)
    return np.where(shrink > 0, f - y * np.hypot(*tau) / shrink, 0)


def _rounding(m: int) -> float:
    """Allowance for a sum of m products, relative to the product of the norms."""
    return float(ROUNDING * (m + 64) * np.finfo(float).eps / 2)


def about_midrange(logs: CentredLogs) -> CentredLogs:
    """Shift logs so that the largest size |n| is half their range."""
    n, d = (x - (x.max() + x.min()) / 2 for x in (logs.n, logs.d))
    return logs._replace(n=n, d=d)
