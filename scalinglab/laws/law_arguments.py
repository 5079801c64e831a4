"""What a law is given beside its formula: names and ranges, checked."""

from __future__ import annotations

from typing import Any

from scalinglab._arrays import finite, of_kind, shortened


def named(what: str, given: Any) -> tuple[str, ...]:
    """Names in a tuple; a single text is one name."""
    try:
        listed = (given,) if isinstance(given, str) else tuple(given)
    except TypeError:
        raise ValueError(f"Law: {what} is {shortened(given)}; give names in a list.") from None
    for one in listed:
        of_kind(f"Law: {what}", one, str, "give names")
    return listed


def range_of(name: str, ends: Any) -> tuple[float, float]:
    """The ends of a parameter's range."""
    pair = finite(f"Law: bounds[{name!r}]", ends)
    if pair.shape != (2,) or not pair[0] < pair[1]:
        raise ValueError(f"Law: bounds[{name!r}] is {shortened(ends)}; give low < high.")
    return float(pair[0]), float(pair[1])
