"""Compute that an uncertain allocation is expected to waste."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import finite, flag, floats, matched, plain
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.planned_runs import surface_of

#: Nodes of the Gauss-Hermite rule.
NODES = 64


@within_floats
def expected_waste(surface: LossSurface, error: ArrayLike, bias: ArrayLike = 0.0, exact: bool = True) -> Any:
    r"""Expected deadweight loss of an allocation whose error in :math:`\ln N` is Gaussian.

    With :math:`u = \ln(\hat N/N^*)`, of mean b (the bias) and standard deviation s (the error), the share of
    the compute that is wasted,

    .. math::
        \text{DCL}(u) = 1 - \Bigl(\frac{\beta e^{-\alpha u} + \alpha e^{\beta u}}{\alpha + \beta}
                        \Bigr)^{-1/\gamma},

    is averaged by Gauss-Hermite quadrature; or to second order,
    :math:`\tfrac{\alpha + \beta}{2}(b^2 + s^2)`.

    Parameters
    ----------
    surface : LossSurface or SurfaceFit
        The truth; only its exponents matter.
    error : float or array_like
        Standard deviation s of :math:`\ln \hat N`; that of :math:`\ln \hat D` is the same.
    bias : float or array_like
        Mean b of :math:`\ln(\hat N/N^*)`.
    exact : bool
        Average the whole curve; otherwise the second order, which is within 3 % up to an error of 0.25.

    Returns
    -------
    float or ndarray
        A share of the budget.

    Raises
    ------
    ValueError
        If the error is negative.

    See Also
    --------
    deadweight_loss : Of one allocation.
    predict_error : The error of a planned study.

    Notes
    -----
    Exact is the average; that the error is Gaussian is an assumption. The chapter *What an error costs*
    derives the curve, *Designing a sweep* uses it.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> f"{expected_waste(CHINCHILLA, 0.2):.2%}, {expected_waste(CHINCHILLA, 0.2, exact=False):.2%}"
    '1.22%, 1.24%'
    """
    s = surface_of("expected_waste", surface)
    flag("expected_waste: exact", exact)
    error, bias = finite("expected_waste: error", error), floats("expected_waste: bias", bias)
    if (error < 0).any():
        raise ValueError("expected_waste: error is a standard deviation; it must not be negative.")
    error, bias = matched(error=error, bias=finite("expected_waste: bias", bias))
    if not exact:
        return plain((s.alpha + s.beta) / 2 * (bias**2 + error**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    u = bias[..., None] + error[..., None] * nodes
    return plain(waste_of_shift(s.alpha, s.beta, u) @ weights / weights.sum())


def waste_of_shift(alpha: Any, beta: Any, u: Any) -> Any:
    """Deadweight loss of N* exp(u) on a surface of these exponents, the curve of ``expected_waste``."""
    total = alpha + beta
    excess = np.logaddexp(np.log(beta / total) - alpha * u, np.log(alpha / total) + beta * u)
    return -np.expm1(-excess * total / (alpha * beta))
