"""The two ends of an interval."""

from __future__ import annotations

from typing import Any, NamedTuple


class Interval(NamedTuple):
    """The two ends of an interval."""

    low: Any
    high: Any
