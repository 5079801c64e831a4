"""Units that columns of a table are counted in, and the factor that each stands for."""

from __future__ import annotations

import re
from typing import Any

from scalinglab._arrays import shortened

#: What computes are counted in, in FLOPs.
UNITS = {
    "MFLOP": 1e6,
    "GFLOP": 1e9,
    "TFLOP": 1e12,
    "PFLOP": 1e15,
    "EFLOP": 1e18,
    "ZFLOP": 1e21,
    "YFLOP": 1e24,
    "petaFLOP/s-days": 8.64e19,
    "petaFLOP/s-hours": 3.6e18,
    "teraFLOP/s-days": 8.64e16,
}

#: What a loss may be counted in; no fit converts one into another, for that takes bytes per token.
LOSS_UNITS = ("nats per token", "bits per token", "bits per byte")

_LOSSES = {
    "nats": "nats per token",
    "nat": "nats per token",
    "nats/token": "nats per token",
    "bits": "bits per token",
    "bits/token": "bits per token",
    "bits/byte": "bits per byte",
    "bpb": "bits per byte",
} | {unit: unit for unit in LOSS_UNITS}

_SCALES = {
    1e3: ("k", "thousand", "thousands"),
    1e6: ("m", "mn", "million", "millions"),
    1e9: ("b", "g", "bn", "billion", "billions"),
    1e12: ("t", "tn", "trillion", "trillions"),
}
COUNTS = {word: size for size, words in _SCALES.items() for word in words}
_PREFIXES = {"m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24}
_LONG = {
    long: _PREFIXES[short]
    for short, long in zip("mgtpezy", ("mega", "giga", "tera", "peta", "exa", "zetta", "yotta"), strict=True)
}
_SECONDS = {"second": 1.0, "hour": 3600.0, "day": 86400.0}


def power_of_ten(word: str) -> float | None:
    """The number that 1e18 or 10^18 writes; None for another word."""
    found = re.fullmatch(r"x?(?:1e|10\^|10\*\*)\+?(\d{1,2})", word)
    return None if found is None else float(f"1e{found[1]}")


def flops_of(words: str) -> float | None:
    """FLOPs in a unit of compute, written as people do: gflops, EFLOP, PF-days, petaflop/s-days; or None."""
    text = re.sub(r"[\s_/.-]+", "", words.lower())
    found = re.fullmatch(
        r"(mega|giga|tera|peta|exa|zetta|yotta|[mgtpezy])?f(?:lops?)?(?:s?(day|hour|second)s?)?", text
    )
    if found is None or (text in ("f", "flops", "flop") and not found[1]):
        return 1.0 if text in ("flops", "flop") else None
    if found[1] is None or (len(found[1]) == 1 and "flop" not in text and not found[2]):
        return None
    return (_LONG | _PREFIXES)[found[1]] * _SECONDS.get(found[2] or "", 1.0)


def factor_of(letter: str, unit: Any) -> tuple[float, str]:
    """What to multiply a column by so that it counts parameters, tokens or FLOPs, and the unit's name.

    A loss keeps its numbers: its unit is said, not converted.

    Raises
    ------
    ValueError
        If there is no such unit for the letter.

    Examples
    --------
    >>> factor_of("N", "M"), factor_of("C", "PF-days"), factor_of("L", "bpb")
    ((1000000.0, 'M'), (8.64e+19, 'PF-days'), (1.0, 'bits per byte'))
    """
    if isinstance(unit, str):
        said = unit.strip()
        if letter == "L" and said.lower() in _LOSSES:
            return 1.0, _LOSSES[said.lower()]
        if letter in "ND" and said.lower() in COUNTS:
            return COUNTS[said.lower()], said
        if letter == "C" and (flops := flops_of(said)) is not None:
            return flops, said
    if letter in ("N", "D", "C"):
        try:
            size = power_of_ten(unit.strip()) if isinstance(unit, str) else None
            size = float(unit) if size is None and not isinstance(unit, bool) else size
        except (TypeError, ValueError):
            size = None
        if size is not None and 0 < size < 1e40:
            return size, f"{size:g}"
    choices = {
        "L": "nats, bits/token or bits/byte",
        "C": "GFLOP, EFLOP, PF-days or the like, or a number of FLOPs",
    }.get(letter, "k, M, B or T, or a number")
    raise ValueError(f"units: {letter} is in {shortened(unit)}; give {choices}.")
