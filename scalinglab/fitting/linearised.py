"""A surface linearised about a fit: one pass over the runs for all that first-order theory asks."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, blocks, overflow_is_refused
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs, Columns
from scalinglab.solvers.deletions import Tangent
from scalinglab.solvers.objectives import Loss, Squared
from scalinglab.solvers.quantiles import MAD_TO_SIGMA

#: Of more runs than this, those with the largest residuals and at the ends of N and D are held, by blocks.
HELD = 1 << 13

#: Squared residuals beyond so many times a block's mean are held.
FAR = 16.0


class Linearised:
    """The model about a fit: R of its Jacobian's QR decomposition, sums of residuals, the rows worth a look.

    Columns are the derivatives of the loss, or of its log where the fit's residuals are in log L, by the
    centred parameters (E, ln A', ln B', alpha, beta). R is updated block by block: the digits that squares
    lose are the ones in question. Terms that are absent and exponents at their bounds are not free.

    Attributes
    ----------
    logs : CentredLogs
        The centre, without columns: any near the middle will do.
    free : list of int
        Places of the free parameters among the five.
    rows : ndarray of int
        The runs that are held.
    """

    def __init__(
        self, surface: LossSurface, runs: Columns, loss: Loss, logs: CentredLogs | None = None
    ) -> None:
        self.surface, self.runs, self.loss = surface, runs, loss
        if logs is None:
            first, none = slice(0, HELD), np.empty(0)
            log_N0, log_D0 = float(np.log(runs.N[first]).mean()), float(np.log(runs.D[first]).mean())
            logs = CentredLogs(none, none, none, log_N0, log_D0)
        self.logs = logs
        s, (low, high) = surface, EXPONENT_RANGE
        within = [s.A > 0 and low < s.alpha < high, s.B > 0 and low < s.beta < high]
        self.free = [k for k, here in enumerate([s.E > 0, s.A > 0, s.B > 0, *within]) if here]
        self._factor: FloatArray = np.empty((0, 5))
        self._slopes, self._squares = np.zeros(5), 0.0
        self._residuals: FloatArray | None = None
        self._held: list[tuple[NDArray[np.intp], FloatArray, FloatArray]] = []

    @classmethod
    def of(
        cls, surface: LossSurface, runs: Columns, loss: Loss, logs: CentredLogs | None = None
    ) -> Linearised:
        """The surface linearised, all runs added."""
        linearised = cls(surface, runs, loss, logs)
        for rows in blocks(len(runs.N), HELD):
            linearised.add(rows)
        return linearised

    def only(self, rows: NDArray[np.intp], runs: Columns) -> Linearised:
        """The same surface linearised, by squares and on some rows alone; ``runs`` are theirs."""
        there = Linearised(self.surface, runs, Squared(self.loss.log), self.logs)
        _, J, e = self._held[0]
        J, e = J[rows], e[rows]
        there._factor = np.asarray(np.linalg.qr(J, mode="r"))
        there._slopes, there._squares = e @ J, float(e @ e)
        there._held = [(np.arange(len(e)), J, e)]
        return there

    def at_the_end_of_its_step(self) -> Linearised | None:
        """The same tangent about the end of a short step; None where that leaves what is allowed."""
        end = self.moved(self.step)
        if end is None:
            return None
        there = Linearised(end, self.runs, self.loss, self.logs)
        rows, J, _ = self._held[0]
        there._factor, there._held = self._factor, [(rows, J, self.tangent.residuals)]
        there._squares = self.tangent.rss
        if there.free == self.free:
            vars(there).update(R_inverse=self.R_inverse, tangent=self.tangent)
        return there

    @property
    def count(self) -> int:
        """Number of runs."""
        return len(self.runs.N)

    def columns(self, runs: Columns, rows: slice | NDArray[np.intp]) -> tuple[FloatArray, ...]:
        """Jacobian of some runs, shape (m, 5), their residuals, observed minus fitted, and those in L."""
        s = self.surface
        log_N, log_D = np.log(runs.N[rows]), np.log(runs.D[rows])
        J = np.empty((5, len(log_N)))
        J[0] = 1
        P = np.multiply(s.A, np.exp(-s.alpha * log_N, out=J[1]), out=J[1])
        Q = np.multiply(s.B, np.exp(-s.beta * log_D, out=J[2]), out=J[2])
        np.multiply(self.logs.log_N0 - log_N, P, out=J[3])
        np.multiply(self.logs.log_D0 - log_D, Q, out=J[4])
        fitted = s.E + P + Q
        r = runs.L[rows] - fitted
        if not self.loss.log:
            return J.T, r, r
        return (J / fitted).T, np.log1p(r / fitted), r

    def add(self, rows: slice) -> tuple[FloatArray, ...]:
        """Add a block of runs to what is summed; returns its residuals in L to the powers 0, 1 and 2."""
        J, e, r = self.columns(self.runs, rows)
        stacked = np.concatenate([self._factor, J]) if len(self._factor) else J
        self._factor = np.asarray(np.linalg.qr(stacked, mode="r"))
        self._slopes += e @ J
        squares = e * e
        total = float(squares.sum())
        self._squares += total
        start = rows.start or 0
        if self.count <= HELD:
            self._residuals = r
            self._held.append((np.arange(start, start + len(e)), J, e))
        else:
            ends = [place for k in (3, 4) for place in (J[:, k].argmin(), J[:, k].argmax())]
            far = np.flatnonzero(squares > FAR / len(e) * total)
            kept = np.unique(np.concatenate([far, [*ends, squares.argmax()]])).astype(np.intp)
            self._held.append((kept + start, J[kept], e[kept]))
        return np.ones_like(r), r, squares if r is e else r * r

    @property
    def residuals(self) -> Any:
        """Residuals in L, to be asked for some rows: of very many runs they are computed when asked."""
        return _Residuals(self) if self._residuals is None else self._residuals

    @cached_property
    def held(self) -> tuple[NDArray[np.intp], FloatArray, FloatArray]:
        """The runs that are held, their free columns and their residuals."""
        rows, J, e = (
            parts[0] if len(parts) == 1 else np.concatenate(parts) for parts in zip(*self._held, strict=True)
        )
        return rows, J if len(self.free) == 5 else J[:, self.free], e

    @cached_property
    def R_inverse(self) -> FloatArray:
        """Inverse of R of the free columns; nan where these are dependent, to rounding."""
        R, lengths, k = self._factor, self._lengths[self.free], len(self.free)
        if k < 5:
            R = np.asarray(np.linalg.qr(R[:, self.free], mode="r"))
        if R.shape != (k, k) or not (np.abs(R.diagonal()) > 1e-11 * lengths).all():
            return np.full((k, k), np.nan)
        return np.asarray(np.linalg.inv(R / lengths) / lengths[:, None])

    @property
    def _lengths(self) -> FloatArray:
        return np.asarray(np.sqrt((self._factor**2).sum(axis=0)))

    @property
    def condition(self) -> float:
        """Condition number of the five columns after they get unit length."""
        sizes = np.linalg.svd(self._factor / self._lengths, compute_uv=False)
        return float(sizes[0] / sizes[-1]) if sizes[-1] else math.inf

    @property
    def regular(self) -> bool:
        """Whether the free columns are independent, to rounding."""
        return bool(np.isfinite(self.R_inverse).all())

    @cached_property
    def tangent(self) -> Tangent:
        """The linear model about the fit, its residuals those of least squares on it."""
        _, J, e = self.held
        Q, steps = J @ self.R_inverse, self._steps
        rss = max(self._squares - float(steps @ steps), 0.0)
        return Tangent(Q, e - Q @ steps, rss, self.count - len(self.free), self.count)

    @cached_property
    def _steps(self) -> FloatArray:
        """That step in the coordinates of the orthonormal columns."""
        return np.asarray(self._slopes[self.free] @ self.R_inverse)

    @property
    def step(self) -> FloatArray:
        """Gauss-Newton step of the five centred parameters towards the least squares of these runs."""
        step = np.zeros(5)
        step[self.free] = self.R_inverse @ self._steps
        return step

    @cached_property
    def spread(self) -> float:
        """Half a standard deviation of the residuals, by the median of their sizes: the reach of a chord."""
        _, _, e = self.held
        if len(e) < self.count:
            e = self.columns(self.runs, slice(0, HELD))[1]
        return max(MAD_TO_SIGMA * float(np.median(np.abs(e))) / 2, np.finfo(float).tiny)

    def chords(self, e: FloatArray) -> FloatArray:
        r"""Slope of :math:`\psi` at each residual, by chords of half a standard deviation to either side.

        A narrow Huber loss bends at the few runs between its corners; chords let their neighbours speak too.
        """
        return (self.loss.psi(e + self.spread) - self.loss.psi(e - self.spread)) / (2 * self.spread)

    @cached_property
    def variance(self) -> float:
        r"""Variance of one run's error as the loss sees it, the residual variance for squares.

        .. math:: s^2 = K^2\, \frac{\sum_i \psi(r_i)^2 / (n - p)}{\bigl(\overline{\psi'}\bigr)^2},
            \qquad K = 1 + \frac{p}{n}\, \frac{\operatorname{var} \psi'}{\bigl(\overline{\psi'}\bigr)^2},

        K Huber's correction for few runs: a fit lays some residuals where psi is steep.
        """
        freedom = self.count - 5
        if isinstance(self.loss, Squared):
            return self._squares / freedom
        pushes = slope = square = 0.0
        for rows in blocks(self.count, HELD):
            e = self.held[2] if self.count <= HELD else self.columns(self.runs, rows)[1]
            pushes += float((self.loss.psi(e) ** 2).sum())
            chords = self.chords(e)
            slope += float(chords.sum()) / self.count
            square += float((chords**2).sum()) / self.count
        few = 1 + 5 / self.count * (square / slope**2 - 1)
        return few**2 * pushes / freedom / slope**2

    @property
    def exact(self) -> bool:
        """Whether the residuals are no larger than the rounding of the losses: nothing stands out in them."""
        largest = 1.0 if self.loss.log else float(max(self.runs.L.max(), -self.runs.L.min()))
        return self._squares <= (1e-10 * largest) ** 2 * self.count

    @cached_property
    def remaining(self) -> float:
        """Length of that step in standard errors."""
        square, tangent = float(self._steps @ self._steps), self.tangent
        return math.sqrt(square * tangent.freedom / max(tangent.rss, np.finfo(float).tiny))

    @property
    def interior(self) -> bool:
        """Whether first-order theory holds: all parameters free and told apart, and errors to measure."""
        return len(self.free) == 5 and self.count > 5 and self.regular

    def standard_error(self, gradient: FloatArray) -> FloatArray:
        """Standard error of what has this gradient in the centred parameters, shape (..., 5); all free."""
        return np.asarray(np.sqrt(self.variance * ((gradient @ self.R_inverse) ** 2).sum(axis=-1)))

    def deletion_shifts(self) -> FloatArray:
        r"""How far the five centred parameters move when one run is left out, to first order, shape (m, 5).

        With the slopes :math:`c_i` of :math:`\psi` at the residuals, the Jacobian's rows :math:`J_i`,
        :math:`M = \sum_i c_i J_i J_i^\top` and the leverages :math:`h_i = c_i J_i^\top M^{-1} J_i`, one
        step of Newton's method from the fit is

        .. math:: \hat\theta_{(i)} - \hat\theta = -\frac{M^{-1} J_i\, \psi(r_i)}{1 - h_i},

        for squares the deletion formula of linear regression. Zero for a run that alone fixes a parameter.
        """
        _, J, e = self.held
        back, c = self.R_inverse, np.ones_like(e)
        if not isinstance(self.loss, Squared):
            c = self.chords(e)
            if len(e) == self.count:
                back = np.linalg.inv(np.linalg.qr(J * np.sqrt(c)[:, None], mode="r"))
            else:
                back = back / math.sqrt(float(c.mean()))
            e = self.loss.psi(e)
        Q = J @ back
        left = 1 - c * np.einsum("ij,ij->i", Q, Q)
        push = np.where(left > 1e-9, e / np.maximum(left, 1e-9), 0.0)
        shifts = np.zeros((len(e), 5))
        shifts[:, self.free] = -(Q * push[:, None]) @ back.T
        return shifts

    @overflow_is_refused
    def moved(self, step: FloatArray) -> LossSurface | None:
        """The surface whose centred parameters differ by a step; None where it is none."""
        s = self.surface
        alpha, beta = s.alpha + step[3], s.beta + step[4]
        A = s.A * np.exp(step[1] + step[3] * self.logs.log_N0)
        B = s.B * np.exp(step[2] + step[4] * self.logs.log_D0)
        try:
            return LossSurface(float(s.E + step[0]), float(A), float(B), float(alpha), float(beta))
        except ValueError:
            return None


class _Residuals:
    """Residuals in L of the runs that are asked for."""

    def __init__(self, of: Linearised) -> None:
        self.of = of

    def __getitem__(self, rows: slice | NDArray[np.intp]) -> FloatArray:
        return self.of.columns(self.of.runs, rows)[2]
