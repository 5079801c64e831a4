"""Centred logs of the runs; and many runs as a few weighted ones, where a search may start."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from scalinglab._arrays import FloatArray, blocks, held, overflow_is_refused
from scalinglab.laws.surface import LossSurface

#: Runs are sorted into this many cells along each axis.
CELLS = 64


class Columns(Protocol):
    """Whatever has sizes, tokens and losses, a row a run."""

    @property
    def N(self) -> FloatArray:
        """Parameters."""

    @property
    def D(self) -> FloatArray:
        """Training tokens."""

    @property
    def L(self) -> FloatArray:
        """Losses."""


class CentredLogs(NamedTuple):
    """Centred logs of the runs, so that no fit depends on the units of N and D.

    ``L`` has shape (n,), or (R, n) where each replicate has losses of its own.
    """

    n: FloatArray
    d: FloatArray
    L: FloatArray
    log_N0: float
    log_D0: float

    @classmethod
    def of(cls, runs: Columns) -> CentredLogs:
        """CentredLogs of N and D about their means, which become the new units."""
        n, d = np.log(runs.N), np.log(runs.D)
        log_N0, log_D0 = float(n.mean()), float(d.mean())
        n -= log_N0
        d -= log_D0
        return cls(n, d, runs.L, log_N0, log_D0)

    @overflow_is_refused
    def surface(self, E: float, A: float, B: float, alpha: float, beta: float) -> LossSurface:
        """Surface in the units of the runs from coefficients in the centred units."""
        return LossSurface(
            E=float(E),
            A=float(held("runs: A in their units", A * np.exp(alpha * self.log_N0))),
            B=float(held("runs: B in their units", B * np.exp(beta * self.log_D0))),
            alpha=float(alpha),
            beta=float(beta),
        )

    def theta(self, surface: LossSurface) -> FloatArray:
        """E, A, B, alpha, beta of a surface in the centred units, shape (5,)."""
        s = surface
        A, B = s.A * np.exp(-s.alpha * self.log_N0), s.B * np.exp(-s.beta * self.log_D0)
        return np.array([s.E, A, B, s.alpha, s.beta])

    def fitted(self, theta: FloatArray, rows: slice = slice(None)) -> FloatArray:
        """Losses of the runs by E, A, B, alpha, beta in the centred units."""
        E, A, B, alpha, beta = theta
        return np.asarray(E + A * np.exp(-alpha * self.n[rows]) + B * np.exp(-beta * self.d[rows]))


def bin_runs(
    logs: CentredLogs, weights: FloatArray | Callable[[slice], FloatArray] | None = None
) -> tuple[CentredLogs, FloatArray]:
    r"""Replace the runs of each cell of the (n, d) plane by one at their mean, with their total weight.

    The model is smooth, so within a cell of width h its mean differs from its value at the mean by
    :math:`O(h^2)`; and the scatter of the losses within cells is the same for every surface. The minima
    of the gathered runs are therefore close to those of all runs, at the cost of one pass.

    Parameters
    ----------
    logs : CentredLogs
        The runs; ``L`` of shape (n,).
    weights : ndarray, shape (n,), or callable, optional
        Weights of the runs, or what answers those of a slice of them; ones when absent.

    Returns
    -------
    few : CentredLogs
        One run a cell that holds any weight; 4096 at most. The units stay those of ``logs``.
    total : ndarray
        Weight of each cell.
    """
    corner = logs.n.min(), logs.d.min()
    width = [max(np.ptp(x) / CELLS, np.finfo(float).tiny) for x in (logs.n, logs.d)]
    sums = np.zeros((4, CELLS * CELLS))
    for rows in blocks(len(logs.n)):
        n, d = logs.n[rows], logs.d[rows]
        across, up = (
            np.minimum((x - low) / h, CELLS - 1).astype(np.intp)
            for x, low, h in zip((n, d), corner, width, strict=True)
        )
        cell = across * CELLS + up
        if weights is None:
            w = np.ones_like(n)
        else:
            w = weights[rows] if isinstance(weights, np.ndarray) else weights(rows)
        for k, column in enumerate((w, w * n, w * d, w * logs.L[rows])):
            sums[k] += np.bincount(cell, column, CELLS * CELLS)
    sums = sums[:, sums[0] > 0]
    total, means = sums[0], sums[1:] / sums[0]
    return logs._replace(n=means[0], d=means[1], L=means[2]), total


#: Exponents are sought in this box; a fit at its edge says so.
EXPONENT_RANGE = (0.01, 2.0)
