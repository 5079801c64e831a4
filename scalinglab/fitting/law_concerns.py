"""What speaks against the fit of a law: terms that vanish or cancel, exponents at an end, valleys, ties."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray
from scalinglab.data.runs import Runs
from scalinglab.fitting.concerns import MOST
from scalinglab.fitting.run_concerns import erring_together
from scalinglab.laws.expressions import Name, names
from scalinglab.laws.formulas import Law
from scalinglab.laws.models import Model
from scalinglab.laws.parameter_roles import FALLING
from scalinglab.solvers.full_steps import Refined
from scalinglab.solvers.law_search import fill
from scalinglab.solvers.objectives import Loss, residuals, square_roots
from scalinglab.solvers.separable import Ends, descents

#: A change of the law is worth a sentence if it lowers the sum of squares by so many times what chance would.
WORTH = 10.0

#: Terms cancel where their sum varies by less than this share of what each varies by.
CANCEL = 0.05

#: Scaled condition number above which a combination of parameters is hardly determined.
CONDITION_LIMIT = 1e4

#: Values at which a valley is looked at, and the share of the objective within which it counts as flat.
SOUNDINGS, FLAT = 13, 0.01


class Evidence:
    """A fitted law with all that its concerns look at."""

    def __init__(
        self, law: Law, model: Model, runs: Runs, y: FloatArray, loss: Loss, best: Refined, condition: float
    ) -> None:
        self.law, self.model, self.runs, self.y, self.best = law, model, runs, y, best
        self.condition = condition
        self.free = model.free
        self.dead = model.belongs(*np.flatnonzero(best.c == 0).tolist())
        at = model.evaluate(best.u[None])
        self.terms = best.c[:, None] * at.Phi[0]
        fitted = self.terms.sum(axis=0) + (0.0 if at.offset is None else at.offset[0])
        r = residuals(loss, fitted, y)
        self.root = square_roots(loss, y, r)
        self.rss = float((((fitted - y) * self.root) ** 2).sum())
        self.residuals = -r
        self.freedom = max(len(y) - len(model.law.recovered), 1)

    def searched(
        self,
        model: Model,
        starts: FloatArray,
        free: NDArray[np.bool_] | None = None,
        along: NDArray[np.bool_] | None = None,
    ) -> Ends:
        """Sums of squares that other laws, or other signs, reach from near this fit."""
        signs = self.free if free is None else free
        return descents(model, self.y * self.root, starts.copy(), signs, self.root, along=along)

    def value(self, name: str) -> float:
        """A nonlinear parameter at the minimum."""
        return float(self.model.parameters(self.best.u[None])[0, self.model.law.nonlinear.index(name)])

    def worth(self, rss: float, parameters: int = 1) -> bool:
        """Whether a law with more parameters is better by more than chance would make it."""
        left = rss / max(self.freedom - parameters, 1)
        return bool((self.rss - rss) / parameters > WORTH * left and self.rss > 1e-20 * (self.y**2).sum())


def law_concerns(evidence: Evidence, minima: int) -> list[str]:
    """Reasons to distrust the fit of a law, the weightiest first, each with cause and remedy; six at most."""
    found: list[str] = []
    looked: list[Callable[[Evidence], list[str]]] = [
        _vanished,
        _cancelling,
        _at_an_end,
        _valleys,
        _trading,
        _tied,
        _freedom,
        _one_curve,
        _shared,
    ]
    for look in looked:
        found += look(evidence)
    if minima > 1:
        found.append(
            f"{minima - 1} other minim{'um is' if minima == 2 else 'a are'} within 1 % of the lowest: these "
            "runs do not choose between them. Look at fit.minima, and report what all of them recommend."
        )
    return found[:MOST]


def _shown(name: str) -> str:
    return name.removesuffix("'")


def _vanished(e: Evidence) -> list[str]:
    """Coefficients at zero: those that want the other sign, and those that are not needed."""
    found = []
    at_end = (e.best.u <= e.model.low) | (e.best.u >= e.model.high)
    for k in np.flatnonzero(~e.free):
        if e.best.c[k] > 0 and not any(at_end[j] for j in e.model.belongs(int(k))):
            continue
        name = _shown(e.model.law.coefficients[k])
        own = e.model.belongs(int(k))
        idle = [e.model.law.nonlinear[j] for j in own]
        starts = np.repeat(e.best.u[None], 12, axis=0)
        starts[:, own] = fill(e.model.low[own], e.model.high[own], 12)
        signs = e.free.copy()
        signs[k] = True
        ends = e.searched(e.model, starts, signs)
        low = int(np.argmin(ends.rss))
        wants = float(ends.c[low, k])
        if wants < 0 and e.worth(float(ends.rss[low]), 1 + len(own)):
            bent = (
                " A law that can say so and stays monotone is E + (A/N**a + B/D**b)**k."
                if {"N", "D"} <= set(e.law.names_of(e.runs.extra))
                else ""
            )
            found.append(
                f"{name} wants to be negative ({wants:.2g} at the middle of the runs) and is held at zero"
                f"{'' if e.best.c[k] == 0 else ' or above'}. Let it, "
                f'with free=("{name}",), or drop the term.{bent}'
            )
        elif e.best.c[k] == 0:
            lost = (
                f"; {' and '.join(idle)} {'is' if len(idle) == 1 else 'are'} not determined" if idle else ""
            )
            found.append(
                f"{name} is zero: these runs do not show its term{lost}. Drop the term, or add runs over a "
                "wider range of what it depends on."
            )
    return found


def _cancelling(e: Evidence) -> list[str]:
    """Two terms of opposite signs of which little is left."""
    moved = e.terms - e.terms.mean(axis=1, keepdims=True)
    size = np.sqrt((moved**2).mean(axis=1))
    for k in range(len(size)):
        for j in range(k):
            left = float(np.sqrt(((moved[j] + moved[k]) ** 2).mean()))
            whole = size[j] + size[k]
            if left < CANCEL * whole and min(size[j], size[k]) > 0.2 * whole:
                one, other = (_shown(e.model.law.coefficients[i]) for i in (j, k))
                return [
                    f"the terms of {one} and {other} cancel to within {left / whole:.0%}: together they say "
                    "less than either does. Tie their exponents, or drop one."
                ]
    return []


def _at_an_end(e: Evidence) -> list[str]:
    """Parameters at an end of where they are sought."""
    found = []
    for j, name in enumerate(e.model.law.nonlinear):
        if j in e.dead or e.model.low[j] < e.best.u[j] < e.model.high[j]:
            continue
        value = float(e.model.parameters(e.best.u[None])[0, j])
        shown = name if "/" not in name else f"the ratio {name.removeprefix('ln ')}"
        if e.law.role(name, e.runs.extra) == FALLING and e.best.u[j] == e.model.low[j]:
            found.append(
                f"{shown} fell to its bound {value:g}: over these runs that power is a logarithm, "
                "and no floor can be told from it. Fix the floor, or add runs over a wider range."
            )
        else:
            found.append(
                f"{shown} stands at its bound {value:g}: these runs ask for more, or say nothing. Widen it, "
                f'bounds={{"{name}": ...}}, or fix it.'
            )
    return found


def _valleys(e: Evidence) -> list[str]:
    """Scales that the runs leave open on one side."""
    found = []
    for j, name in enumerate(e.model.law.nonlinear):
        low, high = e.model.low[j], e.model.high[j]
        if j in e.dead or not e.model.in_logs[j] or not low < e.best.u[j] < high:
            continue
        values = np.linspace(low, high, SOUNDINGS)
        starts = np.repeat(e.best.u[None], SOUNDINGS, axis=0)
        starts[:, j] = values
        ends = e.searched(e.model, starts, along=np.arange(len(e.best.u)) != j)
        near = ends.rss <= e.rss * (1 + FLAT)
        side = "up" if near[-1] else "down" if near[0] else ""
        if not side:
            continue
        inner = np.exp(values[near])
        span = (
            f"from {min(inner.min(), e.value(name)):.3g} to infinity"
            if side == "up"
            else f"from zero to {max(inner.max(), e.value(name)):.3g}"
        )
        found.append(
            f"{name} {span} fits within 1 % of the best: these runs do not bound it. Ask "
            f'profile(fit, "{name}"), and add runs where it matters most.'
        )
    return found


def _trading(e: Evidence) -> list[str]:
    """Parameters that trade off."""
    if not e.condition > CONDITION_LIMIT or _cancelling(e):
        return []
    return [
        f"parameters trade off (scaled condition number {e.condition:.1e}): single ones are hardly known, "
        "the losses "
        "at the runs are. Quote predictions, tie or fix a parameter, or add runs over wider ranges."
    ]


def _tied(e: Evidence) -> list[str]:
    """Ties that the runs speak against."""
    found = []
    for name, other in e.law.tie.items():
        if not isinstance(e.law.tied_to(name), Name):
            continue
        loose = e.law.without_tie(name)
        model = loose.model(e.model.data)
        known = dict(zip(e.model.law.nonlinear, e.best.u, strict=True))
        start = np.array([known.get(one, known.get(other, 0.0)) for one in model.law.nonlinear])
        ends = e.searched(model, start[None])
        if e.worth(float(ends.rss[0])):
            at = dict(zip(model.law.nonlinear, model.parameters(ends.u)[0], strict=True))
            found.append(
                f"the tie {name} = {other} costs {e.rss / ends.rss[0] - 1:.1%} of the sum of squares: untied "
                f"they are {at[name]:.3g} and {at[other]:.3g}. Drop the tie, or say why it holds."
            )
    return found


def _freedom(e: Evidence) -> list[str]:
    """Few runs for the parameters."""
    parameters = len(e.model.law.recovered)
    if len(e.y) - parameters >= parameters:
        return []
    return [
        f"{len(e.y)} runs for {parameters} parameters leave {len(e.y) - parameters} to judge the fit by; add "
        "runs before you rely on it."
    ]


def _one_curve(e: Evidence) -> list[str]:
    """A term in N and D together, on runs of which D follows from N at every budget."""
    mixed = [
        _shown(column.coefficient)
        for column in e.model.law.columns
        if {"ln N", "ln D"} <= set(names(column.node)) and column.slopes is not None
    ]
    budgets, member = e.runs.by_budget()
    if not mixed or len(budgets) > len(e.y) / 3:
        return []
    product = np.log(e.runs.N * e.runs.D)
    spread = product - (np.bincount(member, product) / np.bincount(member))[member]
    if np.abs(spread).max() > 0.05:
        return []
    return [
        f"N and D move together at every budget, and the term of {mixed[0]} depends on both: its exponents "
        "are far less certain than from a full grid. Add runs off the IsoFLOP curves."
    ]


def _shared(e: Evidence) -> list[str]:
    """The budget whose runs err together most."""
    if math.sqrt((e.residuals**2).sum() / e.freedom) <= 1e-10 * np.abs(e.y).max():
        return []
    budgets, member = e.runs.by_budget()
    sums = np.array([np.bincount(member, e.residuals**k) for k in range(3)])
    return erring_together(budgets, sums, e.freedom, "law", 'Ask covariance(fit, errors="shared").')
