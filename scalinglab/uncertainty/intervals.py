"""The two ends of an interval, and Student's quantile."""

from __future__ import annotations

from typing import Any, NamedTuple

from scipy.special import stdtrit


class Interval(NamedTuple):
    """The two ends of an interval."""

    low: Any
    high: Any


def quantile(level: float, freedom: int) -> float:
    """Two-sided quantile of Student's distribution."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a probability between 0 and 1, for instance 0.9.")
    return float(stdtrit(freedom, (1 + level) / 2))
