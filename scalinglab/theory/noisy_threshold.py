"""Labels with noise on one threshold: their error, and the likeliest threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, finite, number, plain, shortened

#: Largest noise for which the ends of the input range are too far away to matter.
LARGEST_NOISE = 0.1

#: The teacher answers 1 above this input and 0 below.
TEACHER = 0.5


def stochastic_error(delta: ArrayLike, noise: float) -> Any:
    r"""Probability that two stochastic thresholds disagree, :math:`\delta\coth(\delta/2s)`.

    Parameters
    ----------
    delta : float or array_like
        Distance of the two thresholds, at most 1 in size.
    noise : float
        Scale s of both, positive and at most 0.1.

    Returns
    -------
    float or ndarray
        Probability that the two answers differ on a new input, :math:`2s + \delta^2/6s + \dots`; both
        thresholds well inside the input range.

    Raises
    ------
    ValueError
        If a distance or the noise is out of range.

    Notes
    -----
    Derived in the chapter *Learning curves and power laws*.

    Examples
    --------
    >>> f"{stochastic_error(0.0, 0.05):.3f} {stochastic_error(0.01, 0.05):.6f}"
    '0.100 0.100333'
    """
    size, noise = np.abs(finite("stochastic_error: delta", delta)), noise_level(noise)
    if (size > 1).any():
        raise ValueError(f"delta is {shortened(delta)}; two thresholds in [0, 1] are at most 1 apart.")
    half = size / (2 * noise)
    # below 1e-4 the series is exact to rounding, and zero is no trouble
    large, small = np.maximum(half, 1e-4), np.minimum(half, 1e-4)
    return plain(2 * noise * np.where(half > 1e-4, large / np.tanh(large), 1 + small**2 / 3))


def likeliest_threshold(x: ArrayLike, y: ArrayLike, noise: float) -> FloatArray:
    r"""Maximum-likelihood threshold of each of many machines.

    The log-likelihood of :math:`P(y = 1) = \sigma((x - w)/s)` is concave in w; its derivative is
    :math:`\sum_i [\sigma((x_i - w)/s) - y_i]/s`. Newton's steps, kept inside a bracket.

    Parameters
    ----------
    x, y : array_like, shape (machines, t)
        Inputs in [0, 1] and the teacher's answers.
    noise : float
        Scale s.

    Returns
    -------
    ndarray, shape (machines,)
        Thresholds in [0, 1].

    Raises
    ------
    ValueError
        If the shapes differ, an input lies outside [0, 1], an answer is not 0 or 1, or the noise is out of
        range.

    Examples
    --------
    >>> w = likeliest_threshold([[0.3, 0.45, 0.55, 0.7]], [[0, 1, 0, 1]], noise=0.05)
    >>> f"{w[0]:.3f}"
    '0.500'
    """
    x, y, noise = finite("x", x), finite("y", np.asarray(y, float)), noise_level(noise)
    if x.ndim != 2 or x.shape != y.shape or x.size == 0:
        raise ValueError(
            f"likeliest_threshold: shapes {x.shape} and {y.shape}; give x and y as (machines, t) each."
        )
    if x.min() < 0 or x.max() > 1 or not ((y == 0) | (y == 1)).all():
        raise ValueError("likeliest_threshold: inputs must lie in [0, 1], and answers be 0 or 1.")
    t, ones = x.shape[1], y.sum(axis=1)
    low, high = np.zeros(len(x)), np.ones(len(x))
    w = np.full(len(x), TEACHER)
    x = x / (2 * noise)
    work = np.empty_like(x)
    for _ in range(60):
        # p = (1 + tanh)/2, so sum p = (t + sum tanh)/2 and sum p(1 - p) = (t - sum tanh^2)/4
        np.tanh(np.subtract(x, w[:, None] / (2 * noise), out=work), out=work)
        score = (t + work.sum(axis=1)) / 2 - ones
        information = (t - np.einsum("ij,ij->i", work, work)) / 4
        low, high = np.where(score > 0, w, low), np.where(score < 0, w, high)
        newton = w + noise * score / np.maximum(information, 1e-300)
        inside = (newton > low) & (newton < high)
        new = np.where(score == 0, w, np.where(inside, newton, (low + high) / 2))
        moved, w = np.abs(new - w), new
        # Newton squares the error: after a step of 1e-7 it is beyond rounding
        if (moved < np.where(inside, 1e-7, 1e-10)).all():
            break
    return w


def logistic(z: FloatArray) -> FloatArray:
    """The logistic function, safe at both ends."""
    answer: FloatArray = 0.5 * (1 + np.tanh(0.5 * z))
    return answer


def noise_level(noise: float) -> float:
    """Return the scale of the noise, or raise ValueError unless the ends of the input range are far away."""
    single = number("the noise", noise)
    if not 1e-100 <= single <= LARGEST_NOISE:
        raise ValueError(f"the noise is {noise}; it must be positive and at most {LARGEST_NOISE}.")
    return single
