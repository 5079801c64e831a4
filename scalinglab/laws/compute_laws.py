"""Laws of loss against compute, a floor and power laws above it: Kaplan's and Chinchilla's as printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import floats, held, shortened
from scalinglab.laws import published
from scalinglab.laws.power_laws import PowerLaw


@dataclass(frozen=True)
class ComputeLaw:
    r"""Loss against compute: a floor and power laws above it, :math:`L(C) = E + \sum_i k_i C^{-m_i}`.

    Parameters
    ----------
    E : float
        The floor; zero for a pure power law.
    terms : tuple of PowerLaw
        Falling terms, with negative exponents; compute in FLOPs. One or more.

    Raises
    ------
    ValueError
        If E is negative or not finite, or if a term does not fall.

    See Also
    --------
    kaplan_compute_law, chinchilla_note_law
    law_crossings : Where two such laws give the same loss.
    SaturatingPowerLaw : One term above a floor, with its curvature.

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

    def __post_init__(self) -> None:
        E = floats("ComputeLaw: E", self.E)
        if E.ndim or not 0 <= E < np.inf:
            raise ValueError(
                f"ComputeLaw: E is {shortened(self.E)}; the floor must be a finite number, zero or more."
            )
        object.__setattr__(self, "E", float(E))
        if not (isinstance(self.terms, tuple) and self.terms and all(map(_falls, self.terms))):
            raise ValueError(
                f"ComputeLaw: terms is {shortened(self.terms)}; give a tuple of "
                "PowerLaw(coefficient, exponent), each "
                "with a positive coefficient and a negative exponent."
            )

    def __call__(self, C: ArrayLike) -> Any:
        """Loss at C FLOPs."""
        return held("ComputeLaw: the loss at this C", self.E + sum(term(C) for term in self.terms))

    def local_exponent(self, C: ArrayLike) -> Any:
        r"""Local exponent :math:`-d\ln L/d\ln C` at C FLOPs."""
        return sum(-term.exponent * term(C) for term in self.terms) / self(C)


def kaplan_compute_law() -> ComputeLaw:
    r"""Kaplan's loss against compute, in FLOPs: :math:`L = (C_c/C)^{0.05}` with :math:`C_c` in PF-days.

    Returns
    -------
    ComputeLaw
        No floor, one term with coefficient :math:`(3.1\times10^8 \cdot 8.64\times10^{19})^{0.05}`.

    See Also
    --------
    chinchilla_note_law : Chinchilla's counterpart.

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

    See Also
    --------
    kaplan_compute_law : Kaplan's counterpart.
    SaturatingPowerLaw : Its ``of_frontier(CHINCHILLA)`` is the exact frontier, with one exponent.

    Notes
    -----
    Where it differs from the exact frontier is shown in the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> f"{chinchilla_note_law()(1e24):.4f}"
    '1.9145'
    """
    return ComputeLaw(published.CHINCHILLA.E, published.VANCE_CHINCHILLA)


def _falls(term: object) -> bool:
    """Whether a term is a power law that falls."""
    return isinstance(term, PowerLaw) and term.coefficient > 0 and term.exponent < 0
