r"""Covariance when errors are shared within budgets, with its small-sample correction and its freedom.

A budget is the unit of chance: the runs of one may err together in any way, budgets independently. With the
response H of a fit and the residuals r, both cut into budgets, the sandwich is
:math:`\sum_j (H_j r_j)(H_j r_j)^\top`. Residuals are smaller than errors, since the fit bends towards them,
most where a budget has much influence. Bell and McCaffrey enlarge them,

.. math:: V = \sum_j (H_j A_j r_j)(H_j A_j r_j)^\top, \qquad A_j = (I - P_{jj})^{-1/2},

with the hat matrix P, which makes V unbiased if the errors are in truth independent and alike (CR2). Few
budgets make V itself uncertain: a statistic's variance is taken to have the degrees of freedom of the
multiple of :math:`\chi^2` with its mean and variance (Satterthwaite), often fewer than half the budgets.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray

#: A direction counts as decided by one budget alone if less than this share of it is left to the others.
ALONE = 1e-8


class Clustered(NamedTuple):
    r"""A covariance (k, k), and what its degrees of freedom for any statistic follow from.

    ``own`` and ``turned``, shape (g, k, k), are :math:`B_j B_j^\top` and :math:`B_j Q_j` of each budget with
    :math:`B_j = H_j A_j` and an orthonormal basis Q of the Jacobian's columns.
    """

    matrix: FloatArray
    own: FloatArray
    turned: FloatArray

    def freedom(self, gradient: FloatArray) -> FloatArray:
        r"""Degrees of freedom of the variance of statistics with these gradients, shape (..., k).

        With independent errors the variance is a quadratic form whose matrix has the non-zero eigenvalues of
        :math:`K_{jl} = \delta_{jl}\, c^\top B_j B_j^\top c - c^\top B_j Q_j\, Q_l^\top B_l^\top c`; the
        freedom is :math:`(\operatorname{tr} K)^2 / \operatorname{tr} K^2`.
        """
        t = np.einsum("...k,gkm->...gm", gradient, self.turned)
        K = -t @ np.swapaxes(t, -1, -2)
        diagonal = np.einsum("...k,gkm,...m->...g", gradient, self.own, gradient)
        K[..., np.arange(len(self.own)), np.arange(len(self.own))] += diagonal
        return np.asarray(np.trace(K, axis1=-2, axis2=-1) ** 2 / (K**2).sum(axis=(-2, -1)))


def clustered(H: FloatArray, r: FloatArray, member: NDArray[np.intp]) -> Clustered | int:
    """The covariance CR2 of a fit with response H, shape (k, n); or the first budget that decides alone."""
    Q = np.linalg.qr(H.T)[0]
    V, own, turned = np.zeros((len(H), len(H))), [], []
    for j in range(int(member.max()) + 1):
        rows = np.flatnonzero(member == j)
        U, sizes, _ = np.linalg.svd(Q[rows], full_matrices=False)
        left = 1 - sizes**2
        if left.min() < ALONE:
            return j
        enlarged = U * (1 / np.sqrt(left) - 1)
        B = H[:, rows] + (H[:, rows] @ enlarged) @ U.T
        score = B @ r[rows]
        V += np.outer(score, score)
        own.append(B @ B.T)
        turned.append(B @ Q[rows])
    return Clustered(V, np.array(own), np.array(turned))
