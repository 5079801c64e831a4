"""Runs that do not belong to the rest: tests of one run and of two, in the closed form of a deletion."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.solvers.quantiles import MAD_TO_SIGMA

#: How often errors that are Gaussian and alike are said to hold a run, or two, that do not belong.
ALARMS_ONE, ALARMS_TWO = 0.004, 0.006

#: Of these alarms the share spent on runs above the rest: a run that was not finished, spiked or was trained
#: badly lies above, and hardly anything makes a loss too good.
ABOVE = 0.9

#: Standard errors that nobody looks at twice: of seven runs one lies so far from the rest too often.
PLAUSIBLE = 2.5

#: Pairs are sought among so many runs at most: those furthest off, and those that pull hardest.
FURTHEST, HARDEST = 20, 16

#: Residuals beyond so many robust standard deviations are set aside before the rest is fitted; the share of
#: the runs that may be.
SET_ASIDE, MOST = 4.0, 0.4

#: Leverage so near one that a run's loss is met whatever it is.
ALONE = 1 - 1e-9


class Tangent(NamedTuple):
    r"""Linear model about a fit: some rows of its orthonormal columns Q, and what the losses leave.

    ``residuals`` are those of least squares on the tangent, and so are ``rss`` and ``freedom`` of all runs;
    the rows held may be fewer than ``runs``.
    """

    Q: FloatArray
    residuals: FloatArray
    rss: float
    freedom: int
    runs: int

    @property
    def leverage(self) -> FloatArray:
        """Diagonal of the hat matrix: how much of its own loss each fitted loss is made of."""
        return np.asarray(np.einsum("ij,ij->i", self.Q, self.Q))

    @property
    def deletion_residuals(self) -> FloatArray:
        r"""How far each run lies from the fit of the others, in standard errors of that difference.

        .. math:: t_i = \frac{e_i}{s_{(i)} \sqrt{1 - h_i}}, \qquad
            (\nu - 1)\, s_{(i)}^2 = \sum_j e_j^2 - \frac{e_i^2}{1 - h_i},

        of Student's distribution with :math:`\nu - 1` degrees of freedom where errors are Gaussian. Zero for
        a run that alone fixes a parameter.
        """
        free = 1 - np.minimum(self.leverage, ALONE)
        drop = self.residuals**2 / free
        rest = np.maximum(self.rss - drop, 1e-30 * self.rss) / max(self.freedom - 1, 1)
        t = self.residuals / np.sqrt(np.maximum(free * rest, np.finfo(float).tiny))
        return np.where(free > 2 * (1 - ALONE), t, 0.0)


def strangers(tangent: Tangent) -> tuple[int, ...]:
    """The run, or the two, that chance does not put so far from the rest; places among the rows held."""
    if tangent.freedom < 2 or not tangent.rss > 0:
        return ()
    t = tangent.deletion_residuals
    worst = max(float(t.max()), -float(t.min()))
    # those not half as far as the worst may only be in its shadow
    return tuple(beyond(tangent, t, worst / 2)) or _pair(tangent, t)


def beyond(tangent: Tangent, t: FloatArray, least: float = 0.0) -> list[int]:
    """Rows so far from the rest, by their deletion residuals, that chance rarely puts one there."""
    size = np.abs(t)
    if math.erfc(size.max() / math.sqrt(2)) / 2 * tangent.runs > ALARMS_ONE:
        return []  # too near even for a normal distribution, whose tails are shorter
    from scipy.special import stdtr

    far = np.flatnonzero(size > max(least, PLAUSIBLE))
    chance = stdtr(tangent.freedom - 1, -size[far]) * tangent.runs
    return [int(row) for row in far[chance <= ALARMS_ONE * np.where(t[far] > 0, ABOVE, 1 - ABOVE)]]


def set_aside(tangent: Tangent) -> tuple[int, ...]:
    """Runs that a robust fit leaves far off, less those that the others take back; mostly none.

    Only where the residuals are longer-tailed than chance makes them is a robust fit made: least absolute
    deviations on the tangent. What it leaves beyond four robust standard deviations is set aside, and the
    nearest is taken back as long as the fit of the rest does not find it further off than chance would put
    one of all runs.
    """
    y, far = tangent.residuals, np.zeros(len(tangent.residuals), bool)
    typical = MAD_TO_SIGMA * _middle(np.abs(y))
    if (tangent.rss / tangent.runs) ** 0.5 > (1 + 2 / tangent.runs**0.5) * typical > 0:
        size = np.abs(_least_absolute(tangent))
        far = size > SET_ASIDE * MAD_TO_SIGMA * _middle(size)
    while 0 < far.sum() < MOST * len(far):
        Q, R = np.linalg.qr(tangent.Q[~far])
        if len(Q) < len(R.T) or np.abs(R.diagonal()).min() < 1e-6:
            return ()
        e = y - tangent.Q @ np.linalg.solve(R, Q.T @ y[~far])
        freedom = int((~far).sum()) - len(R)
        if freedom < 1:
            return ()
        pull = ((tangent.Q[far] @ np.linalg.inv(R)) ** 2).sum(axis=1)
        t = np.abs(e[far]) / np.sqrt(float(e[~far] @ e[~far]) / freedom * (1 + pull))
        least = int(np.argmin(t))
        side = ABOVE if e[np.flatnonzero(far)[least]] > 0 else 1 - ABOVE
        if tangent.runs * chance_beyond(float(t[least]), freedom) <= side * ALARMS_ONE:
            return tuple(np.flatnonzero(far).tolist())
        far[np.flatnonzero(far)[least]] = False
    return ()


def _least_absolute(tangent: Tangent, rounds: int = 6) -> FloatArray:
    """Residuals of least absolute deviations on the tangent, by reweighted squares."""
    y = e = tangent.residuals
    for _ in range(rounds):
        size = np.abs(e)
        weighted = (tangent.Q / np.maximum(size, 0.3 * _middle(size) + 1e-300)[:, None]).T
        e = y - tangent.Q @ np.linalg.solve(weighted @ tangent.Q, weighted @ y)
    return np.asarray(e)


def _middle(values: FloatArray) -> float:
    """The middle of some values, the lower of two."""
    half = (len(values) - 1) // 2
    return float(np.partition(values, half)[half])


def chance_beyond(t: float, freedom: int) -> float:
    """Chance that Student's t exceeds a value; bounded by one where that is not worth a look."""
    if t < PLAUSIBLE:
        return 1.0
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))


def _pair(tangent: Tangent, t: FloatArray) -> tuple[int, ...]:
    r"""The two runs whose deletion lowers the sum of squares most, if chance would not do so.

    With :math:`M = 1 - Q Q^\top` on the two, the sum falls by :math:`e^\top M^{-1} e`. The share B of it that
    falls has :math:`P(B > x) = (1 - x)^{(\nu - 2)/2}`; both runs lie above the rest, independently of B, with
    chance :math:`1/4 + \arcsin(\varrho)/2\pi`, where :math:`\varrho` is the correlation of their estimated
    heights :math:`M^{-1} e`.
    """
    if tangent.freedom < 3:
        return ()
    rows = _candidates(tangent, t)
    Q, e = tangent.Q[rows], tangent.residuals[rows]
    M = np.eye(len(rows)) - Q @ Q.T
    m = M.diagonal()
    size = np.multiply.outer(m, m)
    det = size - M**2
    met = det > 1e-9 * size  # the two do not fix a parameter by themselves; on the diagonal never
    height = m * e[:, None] - M * e  # of the row's run, times det, if the column's is the other
    fall = height * e[:, None]
    share = np.where(met, (fall + fall.T) / np.where(met, det * tangent.rss, 1.0), 0.0)
    pairs = tangent.runs * (tangent.runs - 1) / 2
    above = (height > 0) & (height.T > 0)
    for allowed, alarms in ((above, ABOVE), (~above, 1 - ABOVE)):
        best = divmod(int(np.argmax(np.where(allowed, share, 0.0))), len(rows))
        direction = 0.25 - math.asin(M[best] / math.sqrt(size[best])) / math.tau if allowed is above else 1
        left = max(1 - float(share[best]), 0.0)
        if met[best] and pairs * direction * left ** ((tangent.freedom - 2) / 2) <= alarms * ALARMS_TWO:
            return int(rows[best[0]]), int(rows[best[1]])
    return ()


def _candidates(tangent: Tangent, t: FloatArray) -> NDArray[np.intp]:
    """Rows among which pairs are sought: all, or those furthest off and those that pull hardest."""
    if len(t) <= FURTHEST + HARDEST:
        return np.arange(len(t))
    pull = np.abs(tangent.residuals) / (1 - np.minimum(tangent.leverage, ALONE))
    furthest = np.argpartition(-np.abs(t), FURTHEST)[:FURTHEST]
    pull[furthest] = -1.0
    return np.concatenate([furthest, np.argpartition(-pull, HARDEST)[:HARDEST]])
