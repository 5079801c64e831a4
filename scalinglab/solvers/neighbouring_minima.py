r"""Along the valley of an end: minima beside each other, which Huber's loss has far beyond its knot.

Where many residuals lie beyond the knot the objective is nearly a sum of absolute values. It has a minimum
wherever the fit passes through a few runs, and along the valley in which E trades with a term these lie in a
row, a thousandth apart in value. So each exponent is moved away from the end, the other parameters follow by
reweighted least squares, and steps start there.
"""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.newton import Optimum, newton
from scalinglab.solvers.objectives import Loss

#: Factors by which an exponent is moved, up and down.
FACTORS = np.exp([0.15, 0.4, 0.9])

#: Reweighted steps in which the others follow, and by how much an exponent may change in each.
TURNS, PACE = 4, 0.3

#: Starts higher than the end by more than this share are not worth the steps; so many are, the lowest first.
WORTH, MOST = 0.1, 8

#: Share of the residuals beyond the knot up to which a loss counts as one of squares.
FEW = 0.1

#: Rounds of starts, and Newton steps from each, at most.
ROUNDS, STEPS = 4, 40

#: An end is lower if by more than this share.
GAIN = 1e-9


def along_valleys(logs: CentredLogs, loss: Loss, optimum: Optimum) -> Optimum:
    """The end of a search, or a lower minimum in its valley."""
    for _ in range(ROUNDS):
        starts = valley_starts(logs, loss, optimum)
        ends = [newton(logs, loss, start, STEPS, optimum.objective) for start in starts]
        best = min(ends, key=lambda end: end.objective, default=optimum)
        if not best.objective < optimum.objective * (1 - GAIN):
            break
        optimum = best if best.arrived else newton(logs, loss, best.theta)
    return optimum


def valley_starts(logs: CentredLogs, loss: Loss, end: Optimum) -> list[FloatArray]:
    """Starts E, A, B, alpha, beta along the valley, lowest first; none where few residuals are far."""
    r = logs.fitted(end.theta) - logs.L
    if not (np.abs(r) > loss.knot).mean() > FEW:
        return []
    starts, values = [], []
    for term in (0, 1):
        if end.theta[1 + term]:
            theta, value = _followed(logs, loss, end.theta, r, term)
            starts += list(theta)
            values += value.tolist()
    worth = (1 + WORTH) * float(loss.rho(r).sum())
    order = sorted((k for k, value in enumerate(values) if value <= worth), key=lambda k: values[k])
    return [starts[k] for k in order[:MOST]]


def _followed(
    logs: CentredLogs, loss: Loss, end: FloatArray, r: FloatArray, term: int
) -> tuple[FloatArray, FloatArray]:
    """The best parameters (k, 5) met while the others follow the exponent of a term, and their objectives."""
    moved, other = (logs.d, logs.n) if term else (logs.n, logs.d)
    places = [0, 1 + term, 2 - term, 3 + term, 4 - term]  # of E, both amplitudes, both exponents
    low, high = EXPONENT_RANGE
    exponent = np.clip(end[3 + term] * np.r_[1 / FACTORS, FACTORS], low, high)
    k = len(exponent)
    alone = end[2 - term] == 0
    follower, amplitude = np.full(k, end[4 - term]), np.full(k, end[2 - term])
    X = np.ones((k, 4, len(moved)))
    X[:, 1] = np.exp(np.multiply.outer(-exponent, moved))
    X[:, 2] = 0 if alone else np.exp(-end[4 - term] * other)
    weight = np.tile(loss.weight(r), (k, 1))
    theta, lowest = np.tile(end, (k, 1)), np.full(k, np.inf)
    diagonal = np.arange(4)
    for _ in range(TURNS):
        X[:, 3] = -amplitude[:, None] * other * X[:, 2]  # the slope in the exponent that follows
        weighted = X * weight[:, None]
        gram = weighted @ X.transpose(0, 2, 1)
        gram[:, diagonal, diagonal] *= 1 + 1e-10
        gram[:, diagonal, diagonal] += np.finfo(float).tiny
        c = np.linalg.solve(gram, (weighted @ logs.L)[..., None])[..., 0]
        change = np.clip(c[:, 3], -PACE * follower, PACE * follower)
        follower = np.clip(follower + change, low, high)
        c = np.maximum(c[:, :3], 0)
        amplitude = c[:, 2]
        if not alone:
            X[:, 2] = np.exp(np.multiply.outer(-follower, other))
        r = (c[:, None] @ X[:, :3])[:, 0] - logs.L
        weight = loss.weight(r)
        value = loss.rho(r).sum(axis=1)
        lower = value < lowest
        lowest[lower] = value[lower]
        theta[np.ix_(lower, places)] = np.column_stack([c, exponent, follower])[lower]
    return theta, lowest
