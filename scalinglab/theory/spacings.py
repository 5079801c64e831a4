"""Spacing of the two budgets that measure an extrapolation best, in closed form."""

from __future__ import annotations

import numpy as np

from scalinglab._arrays import of_kind, one_of
from scalinglab.laws.surface import LossSurface

#: The root of :math:`e^x (x - 1) = 1`.
SPACING_ROOT = 1.2784645427610738


def budget_spacing(surface: LossSurface, per: str = "FLOP") -> float:
    r"""Best ratio of two budgets to extrapolate, :math:`e^{x/(\gamma + 1/2)}` with :math:`e^x(x-1) = 1`.

    Two runs at one budget, as far to both sides of its best size at each budget, measure by their difference
    how far that budget lies from the target, with an error that grows like :math:`C^\gamma`, since the curve
    flattens. Two such pairs are extrapolated along a line in ln C. With :math:`\kappa = \gamma + 1/2` when
    compute is what runs out, :math:`\kappa = \gamma` when runs are, the error at a target in the distance a
    of the lower budget is proportional to

    .. math:: 2a\,\frac{1 + e^{\kappa s}}{s} - 1

    in the distance s of the logs of the budgets: least at :math:`\kappa s = x`, whatever a is.

    Parameters
    ----------
    surface : LossSurface
        Only its :math:`\gamma` matters; derived for equal exponents.
    per : {"FLOP", "run"}
        What runs out.

    Returns
    -------
    float
        Larger over smaller budget; neither the target nor the reach matters.

    Raises
    ------
    ValueError
        If ``per`` is something else.

    See Also
    --------
    elfving_optimum : The optimum without such restrictions, by linear programming.

    Notes
    -----
    Derived in the chapter *Designing a sweep*. Such a pair of budgets sees no misfit: it is a guide to how
    far budgets should lie apart, and no design.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> f"{budget_spacing(CHINCHILLA):.2f} per FLOP, {budget_spacing(CHINCHILLA, per='run'):.0f} per run"
    '7.07 per FLOP, 4130 per run'
    """
    of_kind("budget_spacing: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    one_of("budget_spacing: per", per, ("FLOP", "run"))
    return float(np.exp(SPACING_ROOT / (surface.gamma + (0.5 if per == "FLOP" else 0.0))))
