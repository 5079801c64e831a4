"""Expressions evaluated on numbers and arrays, with derivatives, what they share computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from scalinglab._arrays import FloatArray
from scalinglab.laws.expressions import Call, Name, Node, Num, Power, Product, Sum, children

#: A value and its derivatives in the parameters it depends on.
Jet = tuple[Any, dict[str, Any]]

#: The derivative of a parameter in itself: nothing is multiplied by this very object.
ONE = 1.0

#: Functions of one argument with their derivatives, given the argument and the value.
ELEMENTARY: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "exp": (np.exp, lambda x, y: y),
    "log": (np.log, lambda x, y: 1 / x),
    "log1p": (np.log1p, lambda x, y: 1 / (1 + x)),
    "expm1": (np.expm1, lambda x, y: y + 1),
    "sqrt": (np.sqrt, lambda x, y: 0.5 / y),
}


class Steps(NamedTuple):
    """Several expressions as one list of steps, each part once however often it occurs.

    ``steps`` holds each part with the places of what it is made of, and its jet where that is known already;
    ``ends`` the places of the expressions.
    """

    steps: tuple[tuple[Node, tuple[int, ...], Jet | None], ...]
    ends: tuple[int, ...]


@np.errstate(all="ignore")
def steps_of(nodes: Sequence[Node], known: Mapping[str, Jet]) -> Steps:
    """Write expressions as steps, to evaluate them many times; what is made of known names alone, now."""
    steps: list[tuple[Node, tuple[int, ...], Jet | None]] = []
    places: dict[Node, int] = {}

    def place(node: Node) -> int:
        if node not in places:
            inside = tuple(map(place, children(node)))
            parts = [part for at in inside if (part := steps[at][2])]
            open_ = len(parts) < len(inside) or (isinstance(node, Name) and node.id not in known)
            places[node] = len(steps)
            steps.append((node, inside, None if open_ else _of_parts(node, parts, known)))
        return places[node]

    ends = tuple(map(place, nodes))
    return Steps(tuple(steps), ends)


def jets(steps: Steps, given: Mapping[str, Jet]) -> list[Jet]:
    """Values of expressions and their derivatives, given those of each name (forward differentiation)."""
    done: list[Jet] = []
    for node, inside, known in steps.steps:
        done.append(known or _of_parts(node, [done[place] for place in inside], given))
    return [done[place] for place in steps.ends]


def jet(node: Node, given: Mapping[str, Jet]) -> Jet:
    """Value of an expression and its derivatives, given those of each name."""
    return _of_parts(node, [jet(inner, given) for inner in children(node)], given)


def value(node: Node, given: Mapping[str, Any]) -> Any:
    """Value of an expression, given that of each name; arrays broadcast."""
    return jet(node, {name: (one, {}) for name, one in given.items()})[0]


def _of_parts(node: Node, parts: list[Jet], given: Mapping[str, Jet]) -> Jet:
    """Jet of an expression from those of what it is made of."""
    match node:
        case Num(number):
            return number, {}
        case Name(name):
            return given[name]
        case Sum():
            slopes: dict[str, Any] = {}
            for _, part in parts:
                _added(slopes, part)
            return reduce(lambda total, part: total + part[0], parts[1:], parts[0][0]), slopes
        case Product():
            return reduce(_times, parts)
        case Power():
            return _raised(*parts)
        case Call("min" | "max" as which):
            (a, da), (b, db) = parts
            use = a <= b if which == "min" else a >= b
            blank = dict.fromkeys([*da, *db], 0.0)
            slopes = {name: np.where(use, da.get(name, 0.0), db.get(name, 0.0)) for name in blank}
            return np.where(use, a, b), slopes
    ((x, dx),) = parts
    function, derivative = ELEMENTARY[node.function]
    y = function(x)
    return y, _times_each(derivative(x, y), dx) if dx else {}


def _times_each(factor: Any, slopes: dict[str, Any]) -> dict[str, Any]:
    return {name: factor if slope is ONE else factor * slope for name, slope in slopes.items()}


def _times(left: Jet, right: Jet) -> Jet:
    """Product rule."""
    (a, da), (b, db) = left, right
    return a * b, _added(_times_each(b, da), _times_each(a, db))


def _added(slopes: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    for name, slope in more.items():
        slopes[name] = slopes[name] + slope if name in slopes else slope
    return slopes


def _raised(base: Jet, exponent: Jet) -> Jet:
    """Power rule, in the base and in the exponent."""
    (x, dx), (e, de) = base, exponent
    y = 1 / x if np.ndim(e) == 0 and e == -1 else x**e
    slopes: dict[str, FloatArray] = {}
    if dx:
        slopes = _times_each(e * x ** (e - 1), dx)
    if de:
        _added(slopes, _times_each(y * np.log(x), de))
    return y, slopes
