r"""The best non-negative mixture of given columns, and the dual vector that proves it best.

Fit L by :math:`\sum_j c_j X_j`, :math:`c \ge 0`, under squares or Huber's loss. That is a convex problem; its
dual is

.. math:: \max_y\; D(y) = y \cdot L - \sum_i \frac{y_i^2}{2 w_i}, \qquad X_j \cdot y \le 0, \quad
    |y_i| \le w_i \delta,

and y is the derivative of the loss at the best residuals. Many such problems are solved at once, over a
leading axis. Squares, where the box is absent, need the Gram matrix alone: block principal pivoting. Huber's
loss takes an interior point on the dual, which stays away from the knots at :math:`|r| = \delta`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.solvers.coefficients import Mixture, Problem, mix, slopes
from scalinglab.solvers.interior_point import RIDGE, interior_point

#: A mixture from pivoting whose violation or complementarity exceeds this share of its objective is redone.
POOR = 1e-8


def best_mixture(
    problem: Problem,
    X: FloatArray,
    cost: FloatArray | None = None,
    enough: float = np.inf,
    digits: float = 1e-9,
) -> Mixture:
    r"""Minimise :math:`F(L - \sum_j c_j X_j) + \sum_j \kappa_j c_j` over :math:`c \ge 0`, k times.

    Parameters
    ----------
    problem : Problem
        Runs and loss.
    X : ndarray, shape (k, q, m)
        Columns of each mixture.
    cost : ndarray, shape (k, q), optional
        The price kappa of each coefficient: zero when absent. The dual vector then has
        :math:`X_j \cdot y \le \kappa_j`; give minus the margin by which it shall stay below zero.
    enough : float
        Where D(y) is certain to exceed this, a better y is of no use.
    digits : float
        Gap allowed, relative to F.

    Returns
    -------
    Mixture
    """
    # columns of unit length
    length = np.sqrt((X * X) @ problem.w)
    X = X / length[:, :, None]
    price = np.zeros_like(length) if cost is None else cost / length
    if np.isfinite(problem.delta):
        c, y = interior_point(problem, X, price, enough, digits)
    else:
        c, y = _by_pivoting(problem, X, price)
        poor = _poor(problem, X, price, c, y)
        if poor.any():
            c[poor], y[poor] = interior_point(problem, X[poor], price[poor], enough, digits)
    return Mixture(c / length, y)


def _by_pivoting(problem: Problem, X: FloatArray, price: FloatArray) -> Mixture:
    """Squares: the Gram matrix, pivoting, and one step of refinement on the residuals themselves."""
    weighted = X * problem.w
    gram = weighted @ X.transpose(0, 2, 1)
    diagonal = np.arange(X.shape[1])
    gram[:, diagonal, diagonal] += RIDGE
    c, used = pivot(gram, weighted @ problem.L - price)
    for last in (False, True):
        y = problem.w * (problem.L - mix(c, X))
        if not last:
            c += _solve(gram, slopes(X, y) - price, used)
    return Mixture(c, y)


def pivot(G: FloatArray, b: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    r"""Find :math:`c \ge 0` with :math:`\lambda = G c - b \ge 0` and :math:`c \cdot \lambda = 0`, k times.

    Block principal pivoting: exchange every variable of the wrong sign; after three exchanges without
    progress only the last of them, which cannot cycle for a positive definite G. Returns c and which are
    used.
    """
    c, used = np.zeros_like(b), np.ones(b.shape, bool)
    fewest, patience = np.full(len(b), b.shape[1] + 1), np.full(len(b), 3)
    tiny = 1e-13 * np.abs(b).max(axis=1, initial=0.0)
    active = np.arange(len(b))
    last = np.arange(b.shape[1])
    for _ in range(12 * b.shape[1]):
        inside = used[active]
        x = _solve(G[active], b[active], inside)
        slope = np.einsum("kij,kj->ki", G[active], x) - b[active]
        wrong = np.where(inside, x, slope) < -tiny[active, None]
        c[active] = x
        count = wrong.sum(axis=1)
        better = count < fewest[active]
        fewest[active] = np.minimum(fewest[active], count)
        patience[active] = np.where(better, 3, patience[active] - 1)
        one = last == np.where(wrong, last, -1).max(axis=1)[:, None]
        used[active] ^= np.where((patience[active] >= 0)[:, None], wrong, one & wrong)
        active = active[count > 0]
        if not len(active):
            break
    return c, used


def _solve(G: FloatArray, b: FloatArray, used: NDArray[np.bool_]) -> FloatArray:
    """Solve the equations of the variables in use; the others are zero."""
    both = used[:, :, None] & used[:, None, :]
    return np.linalg.solve(np.where(both, G, np.eye(b.shape[1])), np.where(used, b, 0.0)[..., None])[..., 0]


def _poor(
    problem: Problem, X: FloatArray, price: FloatArray, c: FloatArray, y: FloatArray
) -> NDArray[np.bool_]:
    """Where the conditions of the optimum are missed by more than a hundred-millionth of F."""
    slope = slopes(X, y) - price
    norm = np.sqrt(problem.L**2 @ problem.w)
    missed = slope.max(axis=1) * norm + np.abs(c * slope).sum(axis=1)
    return np.asarray(~(missed <= POOR * np.abs(problem.dual_values(y)) + 1e-14 * problem.base))
