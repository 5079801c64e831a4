"""Kaplan's loss against compute beside Chinchilla's: two forms, their local exponents, their crossings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab import published
from scalinglab.surface import FloatArray, PowerLaw, positive


@dataclass(frozen=True)
class ComputeLaw:
    r"""Loss against compute: a floor and power laws above it, :math:`L(C) = E + \sum_i k_i C^{-m_i}`.

    Parameters
    ----------
    E : float
        The floor; zero for a pure power law.
    terms : tuple of PowerLaw
        Falling terms, with negative exponents; compute in FLOPs.

    Notes
    -----
    Compared in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> law = ComputeLaw(1.69, (PowerLaw(1071.4, -0.15355),))
    >>> f"{law(1e24):.4f}, local exponent {law.local_exponent(1e24):.4f}"
    '1.9112, local exponent 0.0178'
    """

    E: float
    terms: tuple[PowerLaw, ...]

    def __call__(self, C: ArrayLike) -> Any:
        """Loss at C FLOPs."""
        return self.E + sum(term(C) for term in self.terms)

    def local_exponent(self, C: ArrayLike) -> Any:
        r"""Return :math:`-d\ln L/d\ln C` at C FLOPs."""
        return sum(-term.exponent * term(C) for term in self.terms) / self(C)


def kaplan_compute_law() -> ComputeLaw:
    r"""Kaplan's loss against compute, in FLOPs: :math:`L = (C_c/C)^{0.05}` with :math:`C_c` in PF-days.

    Returns
    -------
    ComputeLaw
        No floor, one term with coefficient :math:`(3.1\times10^8 \cdot 8.64\times10^{19})^{0.05}`.

    Notes
    -----
    Eq. 1.3 of :cite:t:`kaplan2020`; its compute is the least that reaches a loss, for non-embedding
    parameters. Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{kaplan_compute_law().terms[0].coefficient:.5f}"
    '26.38723'
    """
    law = published.KAPLAN_L_C_MIN
    return ComputeLaw(0.0, (PowerLaw((law.scale * published.PF_DAY) ** law.exponent, -law.exponent),))


def chinchilla_note_law() -> ComputeLaw:
    """Chinchilla's loss against compute as :cite:t:`vance2022` writes it, with two unequal exponents.

    Returns
    -------
    ComputeLaw
        Floor 1.69 and two terms.

    Notes
    -----
    The exact frontier is ``FloorLaw.of_frontier(CHINCHILLA)``; the chapter *Kaplan or Chinchilla?* says
    where they differ.

    Examples
    --------
    >>> f"{chinchilla_note_law()(1e24):.4f}"
    '1.9145'
    """
    return ComputeLaw(published.CHINCHILLA.E, published.VANCE_CHINCHILLA)


def crossings(
    first: Callable[[Any], Any], second: Callable[[Any], Any], low: float = 1e15, high: float = 1e30
) -> FloatArray:
    """Every compute between low and high at which two curves meet.

    Parameters
    ----------
    first, second : callable
        Functions of compute; a constant is ``lambda C: 1.69 + 0 * C``.
    low, high : float
        Range of compute in FLOPs. Crossings closer than a thousandth of its log are not told apart.

    Returns
    -------
    ndarray
        Ascending, empty if the curves do not meet.

    Notes
    -----
    Used in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> [f"{C:.1e}" for C in crossings(kaplan_compute_law(), chinchilla_note_law())]
    ['2.5e+19', '2.0e+21']
    """
    from scipy.optimize import brentq

    def gap(x: Any) -> Any:
        return first(np.exp(x)) - second(np.exp(x))

    if not high > low:
        raise ValueError(f"crossings: the range {low!r} to {high!r} is empty; give low < high.")
    x = np.linspace(np.log(positive("low", low)), np.log(positive("high", high)), 1001)
    sign = np.sign(gap(x))
    steps = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    found = [brentq(gap, x[i], x[i + 1], xtol=1e-13) for i in steps]
    return np.asarray(np.exp(np.sort(np.concatenate([found, x[sign == 0]]))))
