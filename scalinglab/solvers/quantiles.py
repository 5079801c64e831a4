"""Quantiles that intervals and robust scores rest on."""

from __future__ import annotations

from scalinglab._arrays import share

#: A median absolute deviation of Gaussian errors times this is their standard deviation.
MAD_TO_SIGMA = 1.482602218505602


def two_sided_quantile(level: float, freedom: float) -> float:
    """Student's quantile between minus and plus which the share ``level`` of the distribution lies.

    Examples
    --------
    >>> round(two_sided_quantile(0.95, 10), 3)
    2.228
    """
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + share("level", level)) / 2))
