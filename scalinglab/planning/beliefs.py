"""Surfaces that may be true: what a plan must be good for, when the truth is known roughly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, not_negative, positive_number, whole
from scalinglab.laws.surface import LossSurface, training_flops
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.planned_runs import surface_of

#: Half-width of a log beyond which nothing is plausible.
WIDEST = 3.0

#: Primes whose radical inverses spread points over a cube.
_PRIMES = (2, 3, 5, 7)


@within_floats
def plausible_surfaces(
    surface: LossSurface,
    C: float,
    count: int = 24,
    exponents: float = 0.2,
    excess: float = 0.4,
    ratio: float = 0.5,
) -> tuple[LossSurface, ...]:
    r"""Surfaces around a rough one: exponents, reducible loss and best D/N at one budget vary.

    Use it to plan for what may be true. Logs of the two exponents, of the reducible loss :math:`L^* - E` and
    of the best tokens per parameter at C are spread evenly around the given surface's, by a Halton sequence;
    no chance is involved. E does not matter to a plan and stays.

    Parameters
    ----------
    surface : LossSurface or SurfaceFit
        The rough idea.
    C : float
        Budget in FLOPs at which the surfaces are alike up to ``excess`` and ``ratio``; the middle of the
        sweep.
    count : int
        How many, the rough one included, which comes first.
    exponents, excess, ratio : float
        Half-widths of the logs.

    Returns
    -------
    tuple of LossSurface

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    plan_sweep : Plans for all of them.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> surfaces = plausible_surfaces(CHINCHILLA, 1e19)
    >>> exponents = [surface.alpha for surface in surfaces]
    >>> f"{len(surfaces)} surfaces, alpha {min(exponents):.2f} to {max(exponents):.2f}"
    '24 surfaces, alpha 0.28 to 0.41'
    """
    rough = surface_of("plausible_surfaces", surface)
    C = positive_number("plausible_surfaces: C", C)
    count = whole("plausible_surfaces: count", count, 1, 10_000)
    widths = [
        not_negative(f"plausible_surfaces: {name}", value)
        for name, value in (("exponents", exponents), ("excess", excess), ("ratio", ratio))
    ]
    spread = np.array([widths[0], widths[0], widths[1], widths[2]])
    if max(widths) > WIDEST:
        raise ValueError(
            "plausible_surfaces: exponents, excess and ratio are half-widths of logs; keep them below "
            f"{WIDEST:g}."
        )
    best = rough.D_opt(C) / rough.N_opt(C)
    found = [rough]
    for k in range(1, count):
        step = (2 * _halton(k) - 1) * spread
        alpha, beta, level, tokens = np.exp(step) * [rough.alpha, rough.beta, rough.L_opt(C) - rough.E, best]
        found.append(surface_at(rough.E, float(alpha), float(beta), float(level), float(tokens), C))
    return tuple(found)


def surface_at(E: float, alpha: float, beta: float, excess: float, ratio: float, C: float) -> LossSurface:
    r"""The surface with these exponents whose optimum at C has a given excess :math:`L^*-E` and D/N.

    On the frontier :math:`\alpha P = \beta R`, so the terms are :math:`P = \tfrac{\beta}{\alpha+\beta}` and
    :math:`R = \tfrac{\alpha}{\alpha+\beta}` of the excess.
    """
    N = float(np.sqrt(C / training_flops(1.0, 1.0) / ratio))
    total = alpha + beta
    A = excess * beta / total * N**alpha
    B = excess * alpha / total * (ratio * N) ** beta
    return LossSurface(E, A, B, alpha, beta)


def believed(who: str, surface: Any, C: float) -> tuple[LossSurface, ...]:
    """Surfaces to plan for: those given, or plausible ones around the one that was given."""
    if isinstance(surface, Sequence) and not isinstance(surface, str) and len(surface):
        return tuple(surface_of(who, one) for one in surface)
    return plausible_surfaces(surface_of(who, surface), C)


def _halton(place: int) -> FloatArray:
    """Radical inverses of a number in the first primes."""
    digits = []
    for prime in _PRIMES:
        rest, scale, value = place, 1.0, 0.0
        while rest:
            scale /= prime
            value += scale * (rest % prime)
            rest //= prime
        digits.append(value)
    return np.array(digits)
