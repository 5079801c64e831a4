"""Profile of a parameter of any law: the lowest sum of squares at each of its values."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FitError
from scalinglab.laws.expressions import Num
from scalinglab.solvers.objectives import square_roots
from scalinglab.solvers.separable import descents


class HeldParameter:
    """A law's fit with one parameter held at a value, the others fitted anew.

    A nonlinear parameter is a coordinate of the search, held there. A coefficient becomes a number of the
    formula, which leaves a law with one parameter less; its search starts where the last one ended.
    """

    def __init__(self, fit: LawFit, name: str) -> None:
        self.fit, self.name = fit, name
        self.y, self.root = fit.target, square_roots(fit.target_loss, fit.target)
        self.place = fit.model.law.nonlinear.index(name) if name in fit.model.law.nonlinear else None
        self.near: dict[float, FloatArray] = {fit[name]: fit.coordinates}

    @property
    def edges(self) -> tuple[float, float]:
        """Where the parameter is sought; coefficients of fixed sign end at zero."""
        if self.place is None:
            signed = f"{self.name}'" in self.fit.model.law.free
            return (-np.inf if signed else 0.0, np.inf)
        ends = np.array([self.fit.model.low, self.fit.model.high])
        low, high = self.fit.model.parameters(ends)[:, self.place]
        return float(low), float(high)

    @property
    def beyond(self) -> tuple[float, float]:
        """What is told of an end that the runs leave open: of a scale zero and infinity, else the bound."""
        bounded = self.place is None or self.name in self.fit.law.bounds
        return (0.0, np.inf) if not bounded and self.fit.model.in_logs[self.place] else self.edges

    def lowest(self, value: float) -> float:
        """Sum of squares that the other parameters leave."""
        start = self.near[min(self.near, key=lambda known: abs(known - value))]
        model = self.fit.model
        along = None
        if self.place is None:
            held = self.fit.law.with_number(self.name, Num(value))
            model = held.model(self.fit.model.data)
            known = dict(zip(self.fit.model.law.nonlinear, start, strict=True))
            start = np.array([known.get(one, 0.0) for one in model.law.nonlinear])
        else:
            start = start.copy()
            start[self.place] = np.log(value) if model.in_logs[self.place] else value
            along = np.arange(len(start)) != self.place
        ends = descents(
            model, self.y * self.root, start[None], model.free, self.root, along=along, tolerance=1e-8
        )
        if self.place is not None:
            self.near[value] = ends.u[0]
        return float(ends.rss[0])


def held_parameter(fit: LawFit, name: str) -> HeldParameter:
    """The parameter to profile, or FitError where there is nothing to hold."""
    if name in fit.undetermined or name not in fit.names:
        raise FitError(
            f"profile: {name} is {'not determined' if name in fit.undetermined else 'no fitted parameter'}; "
            f"there are {', '.join(one for one in fit.names if one not in fit.undetermined)}."
        )
    if any("/" in one and name in one.removeprefix("ln ").split("/") for one in fit.model.law.nonlinear):
        raise FitError(
            f"profile: {name} is a coefficient inside a power, known through its ratio to another; take "
            "covariance(fit), or profile the exponents."
        )
    return HeldParameter(fit, name)
