"""Intersections of two laws: where they give the same loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from scalinglab._arrays import FloatArray, held, positive_number, shortened
from scalinglab.laws.power_laws import PowerLaw


def law_crossings(
    first: Callable[[Any], Any], second: Callable[[Any], Any], low: float = 1e15, high: float = 1e30
) -> FloatArray:
    """Every compute between low and high at which two laws give the same loss.

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

    Raises
    ------
    ValueError
        If the range is empty, if a curve is not a function of compute that is finite on it, or if the two
        are one curve.

    See Also
    --------
    where_laws_meet : In closed form, for one law in compute and one in tokens, both without a floor.

    Notes
    -----
    Curves that touch without crossing are missed unless they do so on the grid of 1001 points. Used in
    the chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import chinchilla_note_law, kaplan_compute_law
    >>> [f"{C:.1e}" for C in law_crossings(kaplan_compute_law(), chinchilla_note_law())]
    ['2.5e+19', '2.0e+21']
    """
    from scipy.optimize import brentq

    def gap(x: Any) -> Any:
        return first(np.exp(x)) - second(np.exp(x))

    ends = positive_number("law_crossings: low", low), positive_number("law_crossings: high", high)
    if not ends[1] > ends[0]:
        raise ValueError(
            f"law_crossings: the range {shortened(low)} to {shortened(high)} is empty; give low < high."
        )
    for name, curve in (("first", first), ("second", second)):
        if not callable(curve):
            raise ValueError(
                f"law_crossings: {name} is {shortened(curve)}; give a function of compute in FLOPs."
            )
    x = np.linspace(np.log(ends[0]), np.log(ends[1]), 1001)
    try:
        difference = np.broadcast_to(np.asarray(gap(x)).astype(float, casting="same_kind"), x.shape)
    except Exception as error:  # whatever a curve may raise
        raise ValueError(
            f"law_crossings: the curves do not give one loss for each compute ({shortened(error)}); a "
            "constant is lambda C: 1.69 + 0 * C."
        ) from error
    if not np.isfinite(difference).all():
        raise ValueError(
            "law_crossings: a curve is not finite everywhere between low and high; narrow the range."
        )
    sign = np.sign(difference)
    if (sign[:-1] == 0).all():
        raise ValueError("law_crossings: the two curves are one and the same between low and high; give two.")
    steps = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    found = [brentq(gap, x[i], x[i + 1], xtol=1e-13) for i in steps]
    return np.asarray(np.exp(np.sort(np.concatenate([found, x[sign == 0]]))))


class LossLaw(Protocol):
    """A printed law ``L = (scale / x)^exponent``."""

    @property
    def scale(self) -> float:
        """Amount of the resource at which the loss is one nat."""

    @property
    def exponent(self) -> float:
        """The exponent."""


@dataclass(frozen=True)
class Intersection:
    """Where two laws without a floor meet: compute, tokens and the loss that both give there."""

    C: float
    D: float
    L: float


def where_laws_meet(compute: LossLaw, data: LossLaw, tokens: PowerLaw) -> Intersection:
    r"""Intersection of a law in compute with a law in tokens, both without a floor.

    Beyond it the first promises a lower loss to a budget than the second allows its tokens. Put
    :math:`D = d\,C^q` into :math:`(C_c/C)^{\alpha_C} = (D_c/D)^{\alpha_D}` and take logs:

    .. math:: \ln C = \frac{\alpha_C \ln C_c - \alpha_D \ln (D_c/d)}{\alpha_C - q\,\alpha_D} .

    Parameters
    ----------
    compute, data : LossLaw
        Loss against compute and against tokens, such as ``published.KAPLAN_L_C_MIN`` and
        ``published.KAPLAN_L_D``.
    tokens : PowerLaw
        Tokens that go with a compute, :math:`D = d\,C^q`.

    Returns
    -------
    Intersection
        In the units of the laws.

    Raises
    ------
    ValueError
        If an argument is not a law, or the law of compute does not fall faster than that of its tokens: it
        never overtakes.

    See Also
    --------
    law_crossings : All crossings of any two functions of compute.

    Notes
    -----
    The contradiction of :cite:t:`kaplan2020`, eq. 6.8; the chapter *Learning curves and power laws*.

    Examples
    --------
    >>> from scalinglab.laws import published
    >>> laws = published.KAPLAN_L_C_MIN, published.KAPLAN_L_D
    >>> meeting = where_laws_meet(*laws, published.KAPLAN_D_OPT)
    >>> f"{meeting.C:.3g} PF-days, {meeting.D:.2g} tokens, {meeting.L:.3f} nats"
    '1.12e+04 PF-days, 2.5e+11 tokens, 1.668 nats'
    """
    for name, law in (("compute", compute), ("data", data)):
        for part in ("scale", "exponent"):
            positive_number(f"where_laws_meet: {part} of {name}", getattr(law, part, np.nan))
    if not isinstance(tokens, PowerLaw):
        raise ValueError(
            f"where_laws_meet: tokens is {shortened(tokens)}; give PowerLaw(coefficient, exponent)."
        )
    difference = compute.exponent - tokens.exponent * data.exponent
    if difference <= 0:
        raise ValueError(
            "where_laws_meet: with these tokens the loss against compute falls no faster than the loss "
            "its tokens allow; the laws never contradict each other."
        )
    offset = data.exponent * np.log(data.scale / tokens.coefficient)
    with np.errstate(over="ignore"):
        C = float(np.exp((compute.exponent * np.log(compute.scale) - offset) / difference))
    held("where_laws_meet: the compute at which these laws of compute, data and tokens meet", C, 0)
    return Intersection(C, float(tokens(C)), float((compute.scale / C) ** compute.exponent))
