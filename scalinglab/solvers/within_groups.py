r"""Variable projection with a free level for every group of runs, :math:`L = e_j + A\,p + B\,q` in group j.

For given exponents the best levels are the groups' means of :math:`L - Ap - Bq`. Put in, they leave least
squares of the losses less their group's mean on the columns less theirs (Frisch and Waugh), so whatever a
group's runs share falls out of the problem. What remains is solved as the problem with one level is: two
coefficients, not negative, in closed form, and two exponents by a map, steps and a polish.

Runs come sorted by group; ``starts`` says where each group begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs, bin_runs
from scalinglab.solvers.faces import FLOOR, TIE, cannot_tie
from scalinglab.solvers.levenberg_marquardt import levenberg_marquardt
from scalinglab.solvers.pricing import GAIN, PEAKS, PRICES, ROUNDS
from scalinglab.solvers.projection import PRODUCT, Moments, Products, moments
from scalinglab.solvers.variable_projection import MANY, START_EXPONENTS, distinct, valleys

Starts = NDArray[np.intp]

#: Newton steps of a polish, at most.
POLISH = 60


class GroupedOptimum(NamedTuple):
    """Parameters (A, B, alpha, beta) in centred units, the levels of the groups and the sum of squares."""

    theta: FloatArray
    levels: FloatArray
    objective: float


def within(X: FloatArray, starts: Starts, weights: FloatArray | None = None) -> FloatArray:
    """Columns, shape (..., n), less their mean in every group; a group without weight stays as it is."""
    sizes = np.diff(starts, append=X.shape[-1])
    if weights is None:
        means = np.add.reduceat(X, starts, axis=-1) / sizes
    else:
        total = np.add.reduceat(weights, starts, axis=-1)
        means = np.add.reduceat(X * weights, starts, axis=-1) / np.where(total > 0, total, np.inf)
    return np.asarray(X - np.repeat(means, sizes, axis=-1))


def _chunks(starts: Starts, runs: int) -> Iterator[tuple[slice, Starts]]:
    """Slices of whole groups, no longer than a matrix product unless a group is, with their starts."""
    ends = np.append(starts[1:], runs)
    first = 0
    while first < len(starts):
        last = max(first + 1, int(np.searchsorted(ends, starts[first] + PRODUCT, "right")))
        yield slice(int(starts[first]), int(ends[last - 1])), starts[first:last] - starts[first]
        first = last


def moments_within(
    starts: Starts,
    logs: CentredLogs,
    weights: FloatArray | None,
    alpha: FloatArray,
    beta: FloatArray,
) -> Moments:
    """What :func:`moments` answers, but with products about the means of every group.

    The mean of L is given as one and those of the columns as zero, so that the constant of
    :func:`nonnegative_least_squares` is free: it stands for the levels, which are gone.
    """
    R, runs = len(alpha), len(logs.n)
    W, products = np.zeros(R), np.zeros((R, 5, 5))
    for rows, begin in _chunks(starts, runs):
        part = logs._replace(n=logs.n[rows], d=logs.d[rows], L=logs.L[..., rows])
        w = None if weights is None else weights[:, rows]
        if len(begin) == 1:
            with np.errstate(divide="ignore", invalid="ignore"):  # a group that was not drawn
                alone = moments(part, w, alpha, beta)
            W += alone.W
            products += np.where(alone.W[:, None, None] > 0, alone.products, 0)
            continue
        X = np.empty((R, 5, len(part.n)))
        np.exp(np.multiply.outer(-alpha, part.n), out=X[:, 0])
        np.exp(np.multiply.outer(-beta, part.d), out=X[:, 1])
        np.multiply(X[:, 0], part.n, out=X[:, 2])
        np.multiply(X[:, 1], part.d, out=X[:, 3])
        X[:, 4] = part.L
        X = within(X, begin, None if w is None else w[:, None])
        W += len(part.n) if w is None else w.sum(axis=1)
        products += (X if w is None else X * w[:, None]) @ X.transpose(0, 2, 1)
    return Moments(W, np.tile([0.0, 0.0, 0.0, 0.0, 1.0], (R, 1)), products)


def search_within(logs: CentredLogs, starts: Starts) -> tuple[GroupedOptimum, tuple[str, ...]]:
    """Lowest end of a search from every valley of the map, and the exponents the runs can do without."""
    few, few_starts, weights = _gathered(logs, starts) if len(logs.n) > MANY else (logs, starts, None)
    products = map_within(few, few_starts, START_EXPONENTS, weights)
    _, _, _, alpha, beta = valleys(products).T
    row = None if weights is None else weights[None]
    found = levenberg_marquardt(few, alpha, beta, row, moments_of=partial(moments_within, few_starts))
    order = np.argsort(found.rss, kind="stable")
    pairs = distinct(np.column_stack([found.A, found.B, found.rss, found.alpha, found.beta])[order])
    ends = [_refined(logs, starts, pair[3:], weights is not None) for pair in pairs]
    best = min(ends, key=lambda end: end.objective)
    for _ in range(ROUNDS):
        alpha, beta = _worthwhile(few, few_starts, weights, best).T
        if not len(alpha):
            break
        found = levenberg_marquardt(few, alpha, beta, row, moments_of=partial(moments_within, few_starts))
        k = int(np.argmin(found.rss))
        pair = np.array([found.alpha[k], found.beta[k]])
        again = _refined(logs, starts, pair, weights is not None)
        if not again.objective < best.objective * (1 - GAIN):
            break
        best = again
    faces = []
    for term, alone in enumerate(_alone(products)):
        tie = not cannot_tie(float(products.LL - alone.max()), best.objective, float(products.LL))
        exponent = START_EXPONENTS[np.argmax(alone)]
        faces.append(_face(logs, starts, exponent, term) if tie else best._replace(objective=np.inf))
    lowest = min(best, *faces, key=lambda end: end.objective)
    level = lowest.objective + max(TIE * lowest.objective, FLOOR * float(products.LL))
    spare = tuple(
        letter for letter, face in zip(("alpha", "beta"), faces[::-1], strict=True) if face.objective <= level
    )
    return lowest, spare


def _worthwhile(
    logs: CentredLogs, starts: Starts, weights: FloatArray | None, end: GroupedOptimum
) -> FloatArray:
    """Pairs of exponents, (m, 2), one moved to where its column would lower the objective, or half-way."""
    A, B, alpha, beta = end.theta
    r = logs.L - A * np.exp(-alpha * logs.n) - B * np.exp(-beta * logs.d)
    r = within(r, starts, weights)
    pairs: list[tuple[float, float]] = []
    for place, x in enumerate((logs.n, logs.d)):
        P = within(np.exp(np.multiply.outer(-PRICES, x)), starts, weights)
        weighted = P if weights is None else P * weights
        price, length = weighted @ r, np.einsum("er,er->e", weighted, P)
        gain = np.maximum(price, 0) ** 2 / np.where(length > 0, length, np.inf)
        fenced = np.pad(gain, 1)
        peaks = (gain > GAIN * end.objective) & (gain >= fenced[:-2]) & (gain >= fenced[2:])
        for peak in PRICES[peaks][np.argsort(-gain[peaks])][:PEAKS]:
            moved = (peak, np.sqrt(peak * (beta if place else alpha)))
            pairs += [(alpha, value) if place else (value, beta) for value in moved]
    return np.array(pairs).reshape(-1, 2)


def _alone(products: Products) -> tuple[FloatArray, FloatArray]:
    """By how much either term alone lowers the sum of squares, at every exponent of a map."""
    of_N, of_D = (
        np.ravel(np.maximum(xL, 0) ** 2 / np.where(xx > 0, xx, np.inf))
        for xL, xx in ((products.pL, products.pp), (products.qL, products.qq))
    )
    return of_N, of_D


def _refined(logs: CentredLogs, starts: Starts, pair: FloatArray, gathered: bool) -> GroupedOptimum:
    """Steps in the exponents on all runs where only gathered ones were seen, then the polish."""
    alpha, beta = (np.array([exponent]) for exponent in pair)
    of = partial(moments_within, starts)
    if gathered:
        end = levenberg_marquardt(logs, alpha, beta, moments_of=of)
        alpha, beta = end.alpha, end.beta
    linear = of(logs, None, alpha, beta).linear()
    return polished(logs, starts, np.array([linear.A[0], linear.B[0], alpha[0], beta[0]]))


def _face(logs: CentredLogs, starts: Starts, exponent: float, term: int) -> GroupedOptimum:
    """The best fit by one term alone: where all runs of the other are infinitely large, it vanishes."""
    gone = np.full_like(logs.n, 1e6)
    face = logs._replace(n=gone) if term else logs._replace(d=gone)
    both = np.array([exponent])
    end = levenberg_marquardt(face, both, both, moments_of=partial(moments_within, starts))
    start = np.array([end.A[0], end.B[0], end.alpha[0], end.beta[0]])
    start[1 - term] = 0.0
    return polished(logs, starts, start)


def _gathered(logs: CentredLogs, starts: Starts) -> tuple[CentredLogs, Starts, FloatArray]:
    """The runs of every group gathered into cells of the (n, d) plane, where that makes them fewer."""
    parts = []
    for start, stop in zip(starts, np.append(starts[1:], len(logs.n)), strict=True):
        part = logs._replace(n=logs.n[start:stop], d=logs.d[start:stop], L=logs.L[start:stop])
        parts.append(bin_runs(part) if stop - start > MANY else (part, np.ones(stop - start)))
    n, d, L = (np.concatenate([getattr(part, name) for part, _ in parts]) for name in ("n", "d", "L"))
    sizes = np.array([len(weights) for _, weights in parts])
    few = logs._replace(n=n, d=d, L=L)
    return few, np.cumsum(sizes) - sizes, np.concatenate([weights for _, weights in parts])


def map_within(
    logs: CentredLogs, starts: Starts, exponents: FloatArray, weights: FloatArray | None
) -> Products:
    """Products about the group means for every pair of exponents: one matrix product over the runs."""
    k = len(exponents)
    X = np.concatenate([np.multiply.outer(-exponents, logs.n), np.multiply.outer(-exponents, logs.d)])
    X = within(np.exp(X, out=X), starts, weights)
    y = within(logs.L, starts, weights)
    weighted = X if weights is None else X * weights
    squares, with_L = np.einsum("ir,ir->i", weighted, X), weighted @ y
    W = float(len(y) if weights is None else weights.sum())
    LL = float(y @ y if weights is None else (weights * y) @ y)
    (pp, qq), (pL, qL) = ((both[:k, None], both[k:]) for both in (squares, with_L))
    zero = np.zeros((1, 1))
    return Products(W, zero, zero, 1.0, pp, qq, weighted[:k] @ X[k:].T, pL, qL, LL)


def polished(logs: CentredLogs, starts: Starts, theta: FloatArray) -> GroupedOptimum:
    """Newton's method on A, B and the exponents, on the residuals themselves, from a good start.

    A term that is absent stays absent; an exponent at its bound that presses against it stays there.
    """
    low = np.array([0.0, 0.0, EXPONENT_RANGE[0], EXPONENT_RANGE[0]])
    high = np.array([np.inf, np.inf, EXPONENT_RANGE[1], EXPONENT_RANGE[1]])
    here = _expand(logs, starts, theta)
    for _ in range(POLISH):
        value, gradient, newton, gauss = here
        absent = np.tile(theta[:2] <= 0, 2)
        held = absent | ((theta <= low) & (gradient > 0)) | ((theta >= high) & (gradient < 0))
        step = _downhill(~held, gradient, newton, gauss)
        size, arrived = 1.0, True
        while size > 1e-9:
            trial = np.clip(theta + size * step, low, high)
            there = _expand(logs, starts, trial)
            if there[0] < value:
                arrived = value - there[0] <= 1e-15 * value
                theta, here = trial, there
                break
            size /= 4
        if arrived:
            break
    A, B, alpha, beta = theta
    rest = logs.L - A * np.exp(-alpha * logs.n) - B * np.exp(-beta * logs.d)
    levels = np.add.reduceat(rest, starts) / np.diff(starts, append=len(rest))
    return GroupedOptimum(theta, levels, here[0])


def _expand(
    logs: CentredLogs, starts: Starts, theta: FloatArray
) -> tuple[float, FloatArray, FloatArray, FloatArray]:
    """Sum of squares, half its gradient (4,), half its Hessian (4, 4) and the Gauss-Newton part of that."""
    A, B, alpha, beta = theta
    value, gradient, gauss, bent = 0.0, np.zeros(4), np.zeros((4, 4)), np.zeros((4, 4))
    for rows, begin in _chunks(starts, len(logs.n)):
        n, d = logs.n[rows], logs.d[rows]
        p, q = np.exp(-alpha * n), np.exp(-beta * d)
        X = np.stack([p, q, -A * n * p, -B * d * q, A * p + B * q - logs.L[rows]])
        X = within(X, begin)
        J, r = X[:4], X[4]
        value += float(r @ r)
        gradient += J @ r
        gauss += J @ J.T
        for k, x, column, amplitude in ((0, n, p, A), (1, d, q, B)):
            first, second = -(x * column) @ r, amplitude * (x * x * column) @ r
            bent[k, k + 2] += first
            bent[k + 2, k] += first
            bent[k + 2, k + 2] += second
    return value, gradient, gauss + bent, gauss


def _downhill(
    free: NDArray[np.bool_], gradient: FloatArray, newton: FloatArray, gauss: FloatArray
) -> FloatArray:
    """Newton step of the free parameters; a Gauss-Newton step where the Hessian is not positive."""
    scale = free / np.sqrt(np.maximum(gauss.diagonal(), np.finfo(float).tiny))
    units, rest = scale[:, None] * scale, np.diag(1.0 - free)
    for matrix, damping in ((newton, 0.0), (gauss, 1e-12), (gauss, 1e-4)):
        try:
            scaled = matrix * units + rest + damping * np.eye(4)
            np.linalg.cholesky(scaled)
            return np.asarray(-np.linalg.solve(scaled, gradient * scale) * scale)
        except np.linalg.LinAlgError:
            continue
    return np.asarray(-gradient * scale**2)


def response_within(
    logs: CentredLogs, starts: Starts, A: float, B: float, alpha: float, beta: float
) -> FloatArray:
    r"""Response H of :math:`(\ln A, \ln B, \alpha, \beta)` to errors of the losses, to first order; (4, n).

    With the Jacobian less its group means, :math:`\tilde J`, it is the pseudo-inverse :math:`\tilde J^+`: a
    centring is a projection, so :math:`\tilde J^+` answers the errors themselves as it answers centred ones.
    """
    p, q = A * np.exp(-alpha * logs.n), B * np.exp(-beta * logs.d)
    Q, R = np.linalg.qr(within(np.stack([p, q, -logs.n * p, -logs.d * q]), starts).T)
    return np.asarray(np.linalg.solve(R, Q.T))
