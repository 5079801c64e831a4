"""Runs that do not belong to the rest of a fit, sought so that they cannot hide each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.fitting.linearised import HELD, Linearised
from scalinglab.solvers.centred_logs import CentredLogs, Columns
from scalinglab.solvers.deletions import MOST, beyond, chance_beyond, set_aside, strangers
from scalinglab.solvers.newton import newton
from scalinglab.solvers.objectives import Huber, Squared

#: A run that was left out with others stays out if chance puts a run so far from the rest this often.
READMITTED = 0.01

#: A refit has arrived where its next step, the last, is so short, in standard errors; while runs are sought
#: the tangent will do where the step is that short.
ARRIVED, NEAR = 0.3, 3.0

#: A robust fit is much closer if its typical residual is below this share of the other's.
CLOSER = 0.7

#: Exponents from which a robust fit starts where that by squares ends at an edge, and its steps at most.
USUAL, STEPS = 0.35, 40


class Some(NamedTuple):
    """Columns of some of the runs."""

    N: FloatArray
    D: FloatArray
    L: FloatArray

    @classmethod
    def of(cls, runs: Columns, rows: NDArray[np.intp]) -> Some:
        """The columns at these rows."""
        return cls(runs.N[rows], runs.D[rows], runs.L[rows])


class OddRuns(NamedTuple):
    """Runs that do not belong to the rest, the furthest first, and the rest.

    ``heights`` are how far they lie above the surface of the rest, in L; ``scores`` the same in standard
    errors. ``rest`` is the surface linearised about the least-squares fit of the others; None where none is
    odd, and of very many runs.
    """

    rows: NDArray[np.intp]
    heights: FloatArray
    scores: FloatArray
    rest: Linearised | None


NONE = OddRuns(np.empty(0, np.intp), np.empty(0), np.empty(0), None)


def odd_runs(found: Linearised) -> OddRuns:
    """Runs that chance does not put where they are, given the surface of the rest.

    One run is tested by its deletion residual, two that hide each other by their common deletion
    (:func:`strangers`); what does not belong is left out, the rest is fitted again, and so on. Where
    residuals are longer-tailed than chance makes them, those beyond four robust standard deviations are set
    aside together, and taken back one by one as long as they pass. At the end each is judged by the fit of
    the rest, so that none is blamed for its neighbour.
    """
    if not found.regular or found.exact or found.tangent.freedom < 2:
        return NONE
    if found.count > HELD:
        return _of_many(found)
    here, out = found if len(found.free) == 5 else _off_the_edge(found), np.empty(0, np.intp)
    rest = np.arange(found.count)
    while len(out) < MOST * found.count:
        places = strangers(here.tangent) or (set_aside(here.tangent) if not len(out) else ())
        if not len(places):
            break
        out, kept = np.concatenate([out, rest[list(places)]]), np.delete(np.arange(len(rest)), places)
        rest = rest[kept]
        here = here.only(kept, Some.of(found.runs, rest))
        if not (here.regular and here.remaining < NEAR):
            here = refitted(here)
        if not here.regular or here.tangent.freedom < 2:
            return NONE
    if not len(out):
        return NONE
    here = refitted(here)
    while True:
        if not here.regular or here.tangent.freedom < 1:  # nothing left to judge by
            return NONE
        scores, heights = judged(here, Some.of(found.runs, out))
        belong = np.array([2 * chance_beyond(abs(t), here.tangent.freedom) > READMITTED for t in scores])
        if not belong.any():
            break
        rest, out = np.sort(np.concatenate([rest, out[belong]])), out[~belong]
        if not len(out):
            return NONE
        here = refitted(Linearised.of(here.surface, Some.of(found.runs, rest), here.loss, here.logs))
    order = np.argsort(-np.abs(scores), kind="stable")
    return OddRuns(out[order], heights[order], scores[order], here)


def _off_the_edge(found: Linearised) -> Linearised:
    """A robust fit, linearised, if that is at no edge or much closer: runs far off may push a fit there."""
    logs, log = CentredLogs.of(found.runs), found.loss.log
    X = np.stack([np.ones_like(logs.n), np.exp(-USUAL * logs.n), np.exp(-USUAL * logs.d)], axis=1)
    coefficients = np.linalg.lstsq(X, logs.L, rcond=None)[0]
    start = np.array([*np.maximum(coefficients, 1e-2 * logs.L.min()), USUAL, USUAL])
    end = logs.surface(*newton(logs, Huber(found.spread, log), start, STEPS).theta)
    there = Linearised.of(end, found.runs, Squared(log), found.logs)
    better = len(there.free) == 5 or there.spread < CLOSER * found.spread
    return there if better and there.regular else found


def refitted(here: Linearised) -> Linearised:
    """Least squares of the runs of a surface linearised nearby: by Gauss-Newton steps, else by Newton's."""
    for _ in range(4):
        if not here.regular or len(here.free) < 5 or here.remaining < ARRIVED:
            break
        there = here.moved(here.step)
        if there is None:
            break
        here = Linearised.of(there, here.runs, here.loss, here.logs)
    if here.regular and here.remaining < ARRIVED and (settled := here.at_the_end_of_its_step()):
        return settled
    logs = CentredLogs.of(here.runs)
    end = newton(logs, here.loss, logs.theta(here.surface))
    return Linearised.of(logs.surface(*end.theta), here.runs, here.loss, here.logs)


def judged(rest: Linearised, runs: Columns) -> tuple[FloatArray, FloatArray]:
    """How far other runs lie from a fit: in standard errors of that difference, and in L."""
    J, e, r = rest.columns(runs, slice(None))
    Q = J[:, rest.free] @ rest.R_inverse
    s2 = max(rest.tangent.rss / rest.tangent.freedom, np.finfo(float).tiny)  # a rest that is met exactly
    return e / np.sqrt(s2 * (1 + np.einsum("ij,ij->i", Q, Q))), r


def _of_many(found: Linearised) -> OddRuns:
    """Odd runs of very many: none of them moves the fit of the rest, so none is left out before the next."""
    rows, _, _ = found.held
    tangent, out = found.tangent, np.zeros(len(rows), bool)
    t = tangent.deletion_residuals
    while odd := beyond(tangent, np.where(out, 0.0, t)):
        out[odd] = True
        gone = float((tangent.residuals[odd] ** 2 / (1 - tangent.leverage[odd])).sum())
        tangent = tangent._replace(rss=max(tangent.rss - gone, 0.0), freedom=tangent.freedom - len(odd))
        t = tangent.deletion_residuals
    if not out.any():
        return NONE
    order = np.flatnonzero(out)[np.argsort(-np.abs(tangent.residuals[out]), kind="stable")]
    scores = tangent.residuals[order] / (tangent.rss / tangent.freedom) ** 0.5
    return OddRuns(rows[order], found.columns(found.runs, rows[order])[2], scores, None)
