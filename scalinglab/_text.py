"""Numbers written out: counts such as 16.1T, powers of ten, minus signs, per cent."""

from __future__ import annotations

import math
import re

from scalinglab._arrays import number, of_kind, whole

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(text: str) -> str:
    """Typeset the numbers of a text: 10²² for ``1e+22``, a minus sign for a hyphen, 30 % for 30%, ∞ for inf.

    A zero is written without a sign and without a power. Code between backticks stays as it is.

    See Also
    --------
    format_count : One number of parameters or tokens in short.

    Examples
    --------
    >>> print(typeset("1e+22 FLOPs, -0.5 at 1e-07, `x = 1e+22`"))
    10²² FLOPs, −0.5 at 10⁻⁷, `x = 1e+22`
    >>> print(typeset("-2.5"))
    −2.5
    >>> typeset("6e+22").split("\N{NO-BREAK SPACE}")
    ['6', '×', '10²²']
    >>> print(typeset("off by 0e+00, -0.00 in logs; from 3e+00 to inf"))
    off by 0, 0.00 in logs; from 3 to ∞
    >>> typeset("30% of it") == "30\N{NO-BREAK SPACE}% of it"
    True
    """
    of_kind("typeset: text", text, str, "give a text")

    def power(number: re.Match[str]) -> str:
        mantissa, exponent = number.groups()
        if float(mantissa) == 0 or int(exponent) == 0:
            return mantissa
        ten = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
        return ten if float(mantissa) == 1 else f"{mantissa}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{ten}"

    pieces = re.split("(`[^`]*`)", text)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)\b", power, pieces[i])
        pieces[i] = re.sub(r"(?<![\w./\\])inf(?!\w)", "∞", pieces[i])
        pieces[i] = re.sub(r"(?<![^\s(])[+-](?=0(?:\.0+)?(?!\w|[.,]\d))", "", pieces[i])
        pieces[i] = re.sub(r"(?<![^\s(])-(?=[\d∞])", "\N{MINUS SIGN}", pieces[i])
        pieces[i] = re.sub(r"(?<=[\d∞]) ?%", "\N{NO-BREAK SPACE}%", pieces[i])
    return "".join(pieces)


def format_count(value: float, digits: int = 3) -> str:
    """Write a number of parameters or tokens in short, with the letters k, M, B and T.

    Parameters
    ----------
    value : float
        The number; an infinite one is written ``inf``, one that is not known ``nan``.
    digits : int
        Significant digits.

    See Also
    --------
    typeset : All numbers of a text.

    Examples
    --------
    >>> format_count(6.217e11), format_count(1.61e13), format_count(58.72e6)
    ('622B', '16.1T', '58.7M')
    >>> format_count(0.0), format_count(3.8e25), format_count(float("inf"))
    ('0', '3.8e+25', 'inf')
    """
    digits = whole("format_count: digits", digits, 1, 15)
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}"
    value = number("format_count: value", value) + 0.0
    rounded = float(f"{value:.{digits}g}")
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size <= abs(rounded) < 1e16:
            return f"{rounded / size:.{max(digits, 5)}g}{letter}"
    return f"{value:.{digits}g}"


def with_error(value: float, error: float) -> str:
    """Write a number with its standard error: digits follow the error, of which two are shown.

    Without an error, four significant digits; where the error is beyond the sixth digit, six.

    Examples
    --------
    >>> with_error(0.309999, 0.012345), with_error(59.138, 13.4), with_error(0.801, 0.7593)
    ('0.310 ± 0.012', '59 ± 13', '0.80 ± 0.76')
    >>> with_error(2069400.0, 531000.0), with_error(0.34, 1e-15), with_error(0.34567, math.nan)
    ('(2.07 ± 0.53)e+06', '0.34', '0.3457')
    """
    if not (math.isfinite(value) and math.isfinite(error)):
        return f"{value:.4g}"
    value, error = value + 0.0, abs(error)
    if error <= 5e-7 * abs(value):
        return f"{value:.6g}"
    size = float(f"{max(abs(value), error):.1e}")
    if not 1e-4 <= size < 1e5:
        power = math.floor(math.log10(size))
        half = 10.0 ** (power // 2), 10.0 ** (power - power // 2)  # 10^-324 is zero, its root is not
        return f"({with_error(value / half[0] / half[1], error / half[0] / half[1])})e{power:+03d}"
    decimals = 1 - math.floor(math.log10(error))
    if float(f"{error:.1e}") >= 10 ** (2 - decimals):  # 0.0996 has its two digits at 0.10
        decimals -= 1
    return " ± ".join(f"{round(one, decimals) + 0.0:.{max(decimals, 0)}f}" for one in (value, error))
