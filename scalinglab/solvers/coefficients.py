"""The convex half of a fit: coefficients, none negative, of given columns under squares or Huber's loss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.solvers.objectives import Loss


class Problem(NamedTuple):
    r"""Minimise :math:`F = \sum_i w_i\,\rho(L_i - E - \sum_j A_j e^{-e_j n_{ij}})` over E, A >= 0.

    ``logs`` has shape (K, m): the centred logs of each of K terms. The loss rho is Huber's, with ``delta``
    infinite for squares: then F is half the sum of squares, and ``unit`` is 2.
    """

    logs: FloatArray
    L: FloatArray
    w: FloatArray
    delta: float
    unit: float

    @classmethod
    def of(cls, logs: FloatArray, L: FloatArray, loss: Loss, weights: FloatArray | None = None) -> Problem:
        """Pose the problem of a loss in L; runs of weight zero are left out."""
        w = np.ones_like(L) if weights is None else weights
        used = w > 0
        logs, L, w = np.asarray(logs, float).reshape(-1, len(L))[:, used], L[used], w[used]
        if loss.log:
            raise ValueError(
                f"{loss} is not convex in the coefficients; squared or Huber residuals in L are."
            )
        return cls(logs, L, w, loss.knot, loss.unit)

    def rho(self, r: FloatArray) -> FloatArray:
        """Loss of each residual: its square's half, beyond delta a straight line."""
        size = np.abs(r)
        inside = np.minimum(size, self.delta)
        return np.asarray(inside * (size - inside / 2))

    def values(self, r: FloatArray) -> FloatArray:
        """F of residuals (..., m)."""
        return np.asarray(self.rho(r) @ self.w)

    def dual_values(self, y: FloatArray) -> FloatArray:
        """D(y) of vectors (..., m)."""
        return np.asarray(y @ self.L - (y * y) @ (0.5 / self.w))

    @property
    def base(self) -> float:
        """F of a constant: the scale of everything."""
        return float(self.values(self.L - self.L @ self.w / self.w.sum()))


class Mixture(NamedTuple):
    """Coefficients (k, q) of the best mixtures and their dual vectors (k, m)."""

    c: FloatArray
    y: FloatArray


def mix(c: FloatArray, X: FloatArray) -> FloatArray:
    """Mixtures of the columns, shape (k, m)."""
    return np.asarray((c[:, None] @ X)[:, 0])


def slopes(X: FloatArray, y: FloatArray) -> FloatArray:
    """Products of every column with y, shape (k, q)."""
    return np.asarray((X @ y[:, :, None])[:, :, 0])
