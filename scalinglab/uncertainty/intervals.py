"""The form in which covariance, profile and bootstrap return an interval."""

from __future__ import annotations

from typing import Any, NamedTuple


class Interval(NamedTuple):
    """The two ends of an interval, ``low`` and ``high``; numbers, or arrays of one shape."""

    low: Any
    high: Any
