"""A separated law on given runs: its columns as arrays, many parameters at once, with derivatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, overflow_is_refused
from scalinglab.laws.expressions import names
from scalinglab.laws.jets import ONE, Jet, Steps, jet, jets, steps_of, value
from scalinglab.laws.separation import CENTRE, LOG, Column, Separated


class LogLinear(NamedTuple):
    """A column that is ``factor * exp(theta[moving] @ slopes + at_zero)``, arrays over the runs."""

    factor: FloatArray
    moving: NDArray[np.intp]
    slopes: FloatArray
    at_zero: FloatArray


class Evaluated(NamedTuple):
    """Columns of R parameter vectors: ``Phi`` (R, K, n), ``offset`` (R, n) or None.

    ``slopes`` lists (k, j, array that broadcasts to (R, n)): the derivative of column k in parameter j;
    k is -1 for the offset.
    """

    Phi: FloatArray
    offset: FloatArray | None
    slopes: list[tuple[int, int, FloatArray]]

    def moved(self, c: FloatArray, parameters: int) -> FloatArray:
        """Derivative of the fitted values in each nonlinear parameter, shape (R, p, n)."""
        R, _, n = self.Phi.shape
        D = np.zeros((R, parameters, n))
        for k, j, slope in self.slopes:
            D[:, j] += slope if k < 0 else c[:, k, None] * slope
        return D


@dataclass(frozen=True, eq=False)
class Model:
    """A separated law with the columns of some runs.

    Parameters
    ----------
    law : Separated
        The law, taken apart.
    data : mapping of str to ndarray, shape (n,)
        Its variables.
    low, high : ndarray, shape (p,)
        Bounds of the nonlinear parameters, in the coordinates of the search.
    in_logs : ndarray of bool, shape (p,)
        Which nonlinear parameters are searched in their logarithm.
    """

    law: Separated
    data: Mapping[str, FloatArray]
    low: FloatArray
    high: FloatArray
    in_logs: Any
    known: dict[str, Jet] = field(init=False, repr=False)
    runs: int = field(init=False)
    closed: list[LogLinear | None] = field(init=False, repr=False)
    others: Steps = field(init=False, repr=False)

    def __post_init__(self) -> None:
        known: dict[str, Jet] = {name: (column, {}) for name, column in self.data.items()}
        runs = len(next(iter(self.data.values())))
        for name, base in self.law.logs.items():
            column = np.broadcast_to(np.asarray(value(base, self.data), float), (runs,))
            if not (column > 0).all():
                row = int(np.argmin(column > 0))
                shown = name.removeprefix(LOG)
                raise ValueError(
                    f"Law: {shown} is {column[row]:g} in row {row} and is raised to a fitted exponent, which "
                    "needs it positive; leave the run out or rewrite the term."
                )
            logs = np.log(column)
            known[name] = (logs - logs.mean(), {})
            known[CENTRE + name.removeprefix(LOG)] = (float(logs.mean()), {})
        object.__setattr__(self, "known", known)
        object.__setattr__(self, "runs", runs)
        every = (*self.law.columns, *self.law.offsets)
        object.__setattr__(self, "closed", [self._closed(column) for column in every])
        others = [column.node for column in every if column.slopes is None]
        object.__setattr__(self, "others", steps_of(others, known))

    def _closed(self, column: Column) -> LogLinear | None:
        """What is the same at all parameters of a log-linear column; None for others."""
        if column.slopes is None:
            return None
        zero: dict[str, Jet] = {name: (0.0, {}) for name in self.law.nonlinear}
        Z = np.zeros((len(self.law.nonlinear), self.runs))
        for name, slope in column.slopes.items():
            Z[self.law.nonlinear.index(name)] = jet(slope, self.known)[0]
        at_zero = np.empty(self.runs)
        at_zero[:] = jet(column.exponent, {**self.known, **zero})[0]
        factor = np.broadcast_to(np.asarray(jet(column.factor, self.known)[0], float), (self.runs,))
        moving = np.flatnonzero(Z.any(axis=1))
        return LogLinear(factor, moving, Z[moving], at_zero)

    @property
    def free(self) -> Any:
        """Which coefficients may have either sign, shape (K,)."""
        return np.array([name in self.law.free for name in self.law.coefficients], bool)

    def parameters(self, u: FloatArray) -> FloatArray:
        """Nonlinear parameters from search coordinates, (..., p)."""
        return np.where(self.in_logs, np.exp(np.where(self.in_logs, u, 0.0)), u)

    def coordinates(self, theta: FloatArray) -> FloatArray:
        """Search coordinates from nonlinear parameters, (..., p)."""
        return np.where(self.in_logs, np.log(np.where(self.in_logs, theta, 1.0)), theta)

    @overflow_is_refused
    def evaluate(self, u: FloatArray, slopes: bool = True) -> Evaluated:
        """Columns, offset and derivatives at R points, shape (R, p)."""
        theta = self.parameters(u)
        stretch = np.where(self.in_logs, theta, 1.0)
        given = dict(self.known)
        for j, name in enumerate(self.law.nonlinear):
            slope = stretch[:, j, None] if self.in_logs[j] else ONE
            given[name] = (theta[:, j, None], {name: slope} if slopes else {})
        K = len(self.law.columns)
        Phi = np.empty((len(u), K, self.runs))
        offset: FloatArray | None = None
        found: list[tuple[int, int, FloatArray]] = []
        others = iter(jets(self.others, given))
        for k, closed in enumerate(self.closed):
            place = k if k < K else -1
            moves: dict[int, Any] = {}
            if closed is not None:
                factor, moving, Z, at_zero = closed
                values = factor * np.exp(theta[:, moving] @ Z + at_zero)
                if slopes:
                    moves = {
                        j: values * (stretch[:, j, None] * z if self.in_logs[j] else z)
                        for j, z in zip(moving.tolist(), Z, strict=True)
                    }
            else:
                values, part = next(others)
                moves = {self.law.nonlinear.index(name): slope for name, slope in part.items()}
            if place >= 0:
                Phi[:, k] = values
            else:
                offset = values + (0.0 if offset is None else offset)
                offset = np.broadcast_to(offset, (len(u), self.runs))
            found += [(place, j, slope) for j, slope in moves.items()]
        return Evaluated(Phi, offset, found)

    def recovered(self, c: FloatArray, u: FloatArray) -> tuple[dict[str, Any], FloatArray]:
        """Parameters of the formula (arrays of shape (R,)) and their derivatives, (R, P, K + p).

        The derivatives are those in the coefficients and the search coordinates.
        """
        theta = self.parameters(u)
        stretch = np.where(self.in_logs, theta, 1.0)
        given: dict[str, Jet] = {name: one for name, one in self.known.items() if name.startswith(CENTRE)}
        inner = (*self.law.coefficients, *self.law.nonlinear)
        values = (*c.T, *theta.T)
        steps = (*np.ones_like(c.T), *stretch.T)
        for name, one, step in zip(inner, values, steps, strict=True):
            given[name] = (one, {name: step})
        answers: dict[str, Any] = {}
        G = np.zeros((len(c), len(self.law.recovered), len(inner)))
        with np.errstate(all="ignore"):
            for row, (name, node) in enumerate(self.law.recovered.items()):
                answer, slopes = jet(node, given)
                answers[name] = np.broadcast_to(np.asarray(answer, float), (len(c),))
                for inside, slope in slopes.items():
                    G[:, row, inner.index(inside)] = slope
        return answers, G

    def belongs(self, *columns: int) -> list[int]:
        """Nonlinear parameters that some of these columns depend on and no other column does."""
        used = [set(names(column.node)) for column in (*self.law.columns, *self.law.offsets)]
        own = set().union(*(one for place, one in enumerate(used) if place in columns))
        others = set().union(*(one for place, one in enumerate(used) if place not in columns))
        return [j for j, name in enumerate(self.law.nonlinear) if name in own - others]
