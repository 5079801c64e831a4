"""The allocation that a law implies: the lowest loss that a cost leaves, with what proves it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scalinglab._arrays import (
    FloatArray,
    held,
    number,
    of_kind,
    overflow_is_refused,
    positive_number,
    shortened,
)
from scalinglab.laws.expressions import (
    Name,
    Node,
    Num,
    Power,
    Product,
    Sum,
    children,
    names,
    parse,
    substitute,
)
from scalinglab.laws.jets import jet, value

#: Sizes and token counts among which an allocation is sought.
WIDEST = (1.0, 1e24)

#: Points of a scan, and how often it is made, finer the second time.
SCAN, ZOOMS = 241, 2


@dataclass(frozen=True)
class Optimum:
    """The best allocation of a cost under a law.

    Attributes
    ----------
    C : float
        What may be spent, in the unit of the cost.
    at : mapping of str to float
        The best value of each variable that was free.
    loss : float
        The loss there.
    balance : float
        Certificate of first-order optimality: what is left of the slope of the loss along the budget, as a
        share of the slopes it is made of; zero to rounding at an optimum.
    closed_form : bool
        Whether the allocation follows from a formula; else from a search.
    """

    C: float
    at: Mapping[str, float]
    loss: float
    balance: float
    closed_form: bool

    def __getitem__(self, name: str) -> float:
        return self.at[name]

    def __repr__(self) -> str:
        shown = "  ".join(f"{name} {one:.4g}" for name, one in self.at.items())
        how = "closed form" if self.closed_form else f"search, first-order balance {self.balance:.1g}"
        return f"at {self.C:.3g}: {shown}  loss {self.loss:.4f} ({how})"


@overflow_is_refused
def optimum(
    law: Node,
    C: float,
    cost: str = "6*N*D",
    over: Sequence[str] = ("N", "D"),
    given: Mapping[str, float] | None = None,
) -> Optimum:
    r"""Minimise a law, its parameters put in, where a cost has the value C.

    Where the law is a function of :math:`A N^{-\alpha} + B D^{-\beta}` and the cost a multiple of ND, the
    closed form is :math:`N^* = G\,(C/6)^{\beta/(\alpha+\beta)}`. Else the budget's curve is scanned in
    ln N and the slope of the loss along it brought to zero.

    Parameters
    ----------
    law : expression
        The law, of variables alone.
    C : float
        What may be spent.
    cost : str
        What a run costs, a formula of the same variables that rises with those in ``over``.
    over : sequence of str
        One or two variables that are free.
    given : mapping of str to float, optional
        The others.

    Raises
    ------
    ValueError
        If a variable is missing, or there is no best allocation inside the range searched.
    """
    C = positive_number("optimum: C", C)
    of_kind("optimum: given", given, (Mapping, type(None)), 'give {"U": 1e11} or the like')
    of_kind("optimum: over", over, (str, list, tuple), "give one or two names in a list")
    fixed = {str(name): number(f"optimum: given[{name!r}]", one) for name, one in (given or {}).items()}
    over = (over,) if isinstance(over, str) else tuple(over)
    if not over or len(over) > 2 or not all(isinstance(name, str) for name in over):
        raise ValueError(f"optimum: over is {shortened(over)}; give one or two variables.")
    if both := sorted(set(fixed) & set(over)):
        raise ValueError(f"optimum: given holds {both[0]}, which over names too: give it or free it.")
    price = substitute(parse(cost, "optimum: cost"), {name: Num(one) for name, one in fixed.items()})
    law = substitute(law, {name: Num(one) for name, one in fixed.items()})
    if missing := sorted((set(names(law)) | set(names(price))) - set(over)):
        raise ValueError(
            f"optimum: {missing[0]} has no value from parameters or given, and the law or the cost uses it; "
            f'give it, given={{"{missing[0]}": ...}}, or add it to over.'
        )
    if set(over) - set(names(price)):
        raise ValueError(f"optimum: the cost {cost} does not depend on {', '.join(over)}; it must.")
    found = _closed_form(law, price, over, C) if len(over) == 2 else None
    closed = found is not None
    if found is None:
        found = _searched(law, price, over, C)
    at = dict(zip(over, found, strict=True))
    exact = {name: np.float64(one) for name, one in at.items()}
    loss = float(value(law, exact))
    held(f"optimum: the allocation at C = {C:.3g}", np.array([loss, *found]))
    return Optimum(C, at, loss, _balance(law, price, exact), closed)


def _closed_form(law: Node, price: Node, over: tuple[str, ...], C: float) -> list[float] | None:
    """Both variables where the law is a function of a sum of two powers, and the cost of their product."""
    match price:
        case Product((Num(rate), Name(one), Name(other))) if {one, other} == set(over):
            pass
        case _:
            return None
    inner = _only_place(law, set(over))
    if not isinstance(inner, Sum):
        return None
    terms: dict[str, tuple[float, float]] = {}
    for term in inner.terms:
        match term:
            case Product((Num(size), Power(Name(name), Num(power)))) if size > 0 and power < 0:
                terms[name] = size, -power
            case Power(Name(name), Num(power)) if power < 0:
                terms[name] = 1.0, -power
            case Num():
                pass
            case _:
                return None
    if set(terms) != set(over):
        return None
    (A, alpha), (B, beta) = (terms[name] for name in over)
    log_G = np.log(alpha * A / (beta * B)) / (alpha + beta)
    log_N = log_G + beta / (alpha + beta) * np.log(C / rate)
    return [float(np.exp(log_N)), float(np.exp(np.log(C / rate) - log_N))]


def _only_place(law: Node, variables: set[str]) -> Node:
    """The smallest part of a law that holds all its variables, if they come in nowhere else."""
    holding = [part for part in children(law) if names(part).keys() & variables]
    if (len(holding) == 1 and not isinstance(law, Power)) or (
        isinstance(law, Power) and len(holding) == 1 and holding[0] is law.base
    ):
        return _only_place(holding[0], variables)
    return law


def _searched(law: Node, price: Node, over: tuple[str, ...], C: float) -> list[float]:
    """The variables at the lowest loss along the budget's curve."""
    low, high = np.log(WIDEST)

    def spent(logs: Sequence[FloatArray]) -> FloatArray:
        at = {name: np.exp(one) for name, one in zip(over, logs, strict=True)}
        return np.asarray(np.log(np.maximum(value(price, at), 1e-300)) - np.log(C))

    if len(over) == 1:
        (x,) = _solved(lambda x: spent([x]), np.array([low]), np.array([high]))
        if not np.isfinite(x):
            raise ValueError(f"optimum: no {over[0]} from {WIDEST[0]:g} to {WIDEST[1]:g} costs {C:.3g}.")
        return [float(np.exp(x))]

    def beside(x: FloatArray) -> FloatArray:
        return _solved(lambda y: spent([x, y]), np.full_like(x, low), np.full_like(x, high))

    def along(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        y = beside(x)
        at = dict(zip(over, (np.exp(x), np.exp(y)), strict=True))
        loss = np.where(np.isfinite(y), np.broadcast_to(value(law, at), x.shape), np.inf)
        return y, np.where(np.isfinite(loss), loss, np.inf)

    ends = low, high
    for zoom in range(ZOOMS):
        x = np.linspace(*ends, SCAN)
        _, loss = along(x)
        k = int(np.argmin(loss))
        reachable = np.flatnonzero(np.isfinite(loss))
        if not len(reachable):
            raise ValueError(f"optimum: C is {C:.3g}, and nothing in the range costs that; check its unit.")
        if zoom == ZOOMS - 1 and k in (reachable[0], reachable[-1]):  # the first scan may step over the end
            raise ValueError(
                f"optimum: the loss falls along the whole budget to {over[0]} = {np.exp(x[k]):.3g}, so this "
                "law has no best allocation; look at its concerns, or bound its exponents."
            )
        ends = x[max(k - 1, 0)], x[min(k + 1, SCAN - 1)]

    def slope(x: float) -> float:
        (y,) = beside(np.array([x]))
        at = dict(zip(over, (np.exp(x), np.exp(float(y))), strict=True))
        (a, b), (p, q) = _slopes(law, at), _slopes(price, at)
        return float(a - b * p / q)

    x_best = float(x[k])
    if slope(ends[0]) < 0 < slope(ends[1]):
        a, b = ends
        for _ in range(60):
            x_best = (a + b) / 2
            if x_best in (a, b):
                break
            a, b = (x_best, b) if slope(x_best) < 0 else (a, x_best)
    (y,) = beside(np.array([x_best]))
    return [float(np.exp(x_best)), float(np.exp(y))]


def _solved(f: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray) -> FloatArray:
    """Roots of rising functions between two ends, regula falsi with a lasting end halved; nan without one."""
    at_low, at_high = f(low), f(high)
    outside = (at_low > 0) | (at_high < 0)
    kept = np.zeros(low.shape, int)
    for _ in range(100):
        x = np.clip(
            low - at_low * (high - low) / np.where(at_high > at_low, at_high - at_low, 1.0), low, high
        )
        y = f(x)
        above = y > 0
        low, high = np.where(above, low, x), np.where(above, x, high)
        at_high = np.where(above, y, np.where(kept == -1, at_high / 2, at_high))
        at_low = np.where(above, np.where(kept == 1, at_low / 2, at_low), y)
        kept = np.where(above, 1, -1)
        if (outside | (np.abs(y) < 1e-14) | (high - low < 1e-14 * np.abs(high))).all():
            break
    return np.where(outside, np.nan, x)


def _slopes(node: Node, at: Mapping[str, float]) -> list[Any]:
    """Derivatives in the logarithm of each variable."""
    _, slopes = jet(node, {name: (one, {name: one}) for name, one in at.items()})
    return [slopes.get(name, 0.0) for name in at]


def _balance(law: Node, price: Node, at: Mapping[str, float]) -> float:
    """What is left of the slope along the budget, beside what it is made of."""
    if len(at) == 1:
        return 0.0
    (a, b), (p, q) = _slopes(law, at), _slopes(price, at)
    whole = abs(a) + abs(b * p / q)
    return float(abs(a - b * p / q) / whole) if whole else 0.0
