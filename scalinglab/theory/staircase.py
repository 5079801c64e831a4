"""The envelope of training curves in closed form: where two sizes cross, and its staircase's exponent."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import (
    held,
    matched,
    of_kind,
    positive,
    positive_number,
    positive_range,
    positive_row,
    shortened,
    whole,
)
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface


def size_crossover(surface: LossSurface, smaller: ArrayLike, larger: ArrayLike) -> Any:
    r"""Compute at which the training curves of two sizes cross.

    Along a curve :math:`D = C/6N`, so two of them meet where

    .. math::
        \Bigl(\frac{C}{6}\Bigr)^{\beta} = \frac{B}{A}\;
        \frac{N_2^{\beta} - N_1^{\beta}}{N_1^{-\alpha} - N_2^{-\alpha}}.

    Parameters
    ----------
    surface : LossSurface
        The truth.
    smaller, larger : float or array_like
        Sizes :math:`N_1 < N_2`; they broadcast.

    Returns
    -------
    float or ndarray
        Budget below which the smaller is better, and above which the larger is.

    Raises
    ------
    ValueError
        If a smaller size is not below its larger one.

    See Also
    --------
    staircase_exponent : The exponent that follows from the crossings of neighbouring sizes.

    Notes
    -----
    Computed as :math:`C^*(\sqrt{N_1N_2})\,e^{-\delta/a}`, in which no digits cancel: :math:`C^*(N)` is
    the budget for which N is best, and :math:`\delta` is :func:`step_shift`. Derived in the chapter
    *Approach 1: the envelope of training curves*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> C = size_crossover(CHINCHILLA, 1e9, 2e9)
    >>> loss = CHINCHILLA.loss([1e9, 2e9], C / (6 * np.array([1e9, 2e9])))
    >>> f"{C:.3g} FLOPs, losses {loss[0]:.6f} and {loss[1]:.6f}"
    '5.68e+20 FLOPs, losses 2.390919 and 2.390919'
    """
    of_kind("size_crossover: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    n1, n2 = matched(
        smaller=np.log(positive("size_crossover: smaller", smaller)),
        larger=np.log(positive("size_crossover: larger", larger)),
    )
    if not np.all(n1 < n2):
        raise ValueError("size_crossover: each smaller size must be below its larger one; swap or drop them.")
    best = (n1 + n2) / 2 - step_shift(surface.alpha, surface.beta, n2 - n1)
    with np.errstate(over="ignore"):
        C = FLOPS_PER_PARAMETER_TOKEN * np.exp((best - np.log(surface.G)) / surface.a)
    return held("size_crossover: the compute where smaller and larger cross", C, 0)[()]


def step_shift(alpha: float, beta: float, h: ArrayLike) -> Any:
    r"""Shift of a step of the envelope against the frontier, in :math:`\ln N`.

    .. math::
        \delta = \frac{1}{\alpha + \beta}\,
        \ln\frac{\sinh(\alpha h/2)\,/\,\alpha}{\sinh(\beta h/2)\,/\,\beta}
        = \frac{(\alpha - \beta)\,h^2}{24} + O(h^4)

    Parameters
    ----------
    alpha, beta : float
        Exponents of the surface.
    h : float or array_like
        Log of the ratio of neighbouring sizes.

    Returns
    -------
    float or ndarray
        Where two curves cross, the best size is the geometric mean of theirs times exp(-shift), so over
        whole steps the envelope's size is too big by exp(shift) on average.

    See Also
    --------
    vertex_shift : The counterpart for parabolas.

    Notes
    -----
    Derived in the chapter *Approach 1: the envelope of training curves*.

    Examples
    --------
    >>> f"{step_shift(0.34, 0.28, np.log(2)):.6f}, {0.06 * np.log(2) ** 2 / 24:.6f}"
    '0.001200, 0.001201'
    """
    alpha, beta = positive_number("step_shift: alpha", alpha), positive_number("step_shift: beta", beta)
    h = positive("step_shift: h", h)[()]
    with np.errstate(over="ignore"):
        least, most = np.min(h, initial=1) * min(alpha, beta), np.max(h, initial=0) * max(alpha, beta)
    if not (least > 1e-300 and most < 1e300):
        raise ValueError(
            f"step_shift: h is {shortened(h)} for alpha {alpha:g} and beta {beta:g}; their products are "
            "beyond what a float can hold."
        )

    def log_sinhc(x: Any) -> Any:
        # sinh overflows at 710; below, the direct form keeps all its digits
        return np.log(-np.expm1(-2 * x) / (2 * x)) + x

    return (log_sinhc(alpha * h / 2) - log_sinhc(beta * h / 2)) / (alpha + beta)


def staircase_exponent(
    sizes: ArrayLike,
    switches: ArrayLike,
    low: float,
    high: float,
    points: int | None = None,
) -> float:
    r"""Least-squares exponent of a staircase of sizes over budgets equally spaced in ln C.

    A jump of :math:`h_i = \ln(N_{i+1}/N_i)` at the budget :math:`C_i`, with a share :math:`\tau_i` of the
    budgets below it, adds its part to the slope:

    .. math::
        \hat a = \frac{1}{W} \sum_i 6\,\tau_i (1 - \tau_i)\,h_i, \qquad W = \ln\frac{C_{\max}}{C_{\min}}.

    On n points the right-hand side has a factor :math:`n/(n+1)`.

    Parameters
    ----------
    sizes : array_like, shape (m,)
        Sizes of the steps, ascending.
    switches : array_like, shape (m - 1,)
        Budgets at which one gives way to the next.
    low, high : float
        Range of the budgets.
    points : int, optional
        Number of budgets; a continuum when absent.

    Returns
    -------
    float
        The exponent Approach 1 reports.

    See Also
    --------
    size_crossover : Where the sizes switch on a surface.
    fit_approach1 : The fit itself.

    Notes
    -----
    Derived in the chapter *Approach 1: the envelope of training curves*.

    Examples
    --------
    >>> f"{staircase_exponent([1, 2, 4], [10, 40], low=5, high=80):.4f}"
    '0.5625'
    """
    low, high = positive_range("staircase_exponent: low, high", (low, high))
    sizes = positive_row("staircase_exponent: sizes", sizes)
    switches = positive("staircase_exponent: switches", switches)
    if not (np.diff(sizes) > 0).all() or switches.shape != (len(sizes) - 1,):
        raise ValueError(
            "staircase_exponent: sizes must ascend, with one of switches between two; there are "
            f"{len(sizes)} sizes, and switches has shape {switches.shape}."
        )
    with np.errstate(over="ignore"):
        spans = held("staircase_exponent: high or switches over low", np.append(switches, high) / low, 0)
    h, W = np.diff(np.log(sizes)), np.log(high / low)
    tau = np.clip(np.log(spans[:-1]) / W, 0, 1)
    points = None if points is None else whole("staircase_exponent: points", points, 2, 10**9)
    if points is None:
        return float(np.sum(6 * tau * (1 - tau) * h) / W)
    tau = np.ceil(tau * (points - 1)) / points
    return float(points / (points + 1) * np.sum(6 * tau * (1 - tau) * h) / W)
