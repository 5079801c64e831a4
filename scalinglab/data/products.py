"""A column that is a product of others: flops_per_step * step."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray

#: Factors that a product may have.
FACTORS = 12


def product_of(text: str, names: list[Any], values: list[Any]) -> FloatArray | None:
    """Products and quotients of columns and numbers, as the user writes them; None for anything else.

    A name may hold a slash or an asterisk itself: the longest name that fits is taken at each place.

    Examples
    --------
    >>> product_of("step * 2e6", ["step", "loss"], [[10, 20], [3.1, 3.0]])
    array([20000000., 40000000.])
    """
    known = sorted((name for name in names if isinstance(name, str) and name.strip()), key=len, reverse=True)
    number = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
    result: Any = 1.0
    rest, divide, columns = text.strip(), False, 0
    for _ in range(FACTORS):
        name = next((one for one in known if rest.startswith(one.strip())), None)
        if name is not None:
            length, columns = len(name.strip()), columns + 1
            try:
                factor: Any = np.asarray(values[names.index(name)], np.float64)
            except (TypeError, ValueError):
                return None
        elif found := number.match(rest):
            length, factor = found.end(), float(found[0])
        else:
            return None
        with np.errstate(all="ignore"):
            result = result / factor if divide else result * factor
        rest = rest[length:].strip()
        if not rest:
            return np.asarray(result, np.float64) if columns else None
        if rest[0] not in "*/":
            return None
        divide, rest = rest[0] == "/", rest[1:].strip()
    return None
