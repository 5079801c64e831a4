"""Numbers written out: counts such as 16.1T, powers of ten, minus signs, per cent."""

from __future__ import annotations

import math
import re

from scalinglab._arrays import number, of_kind, whole

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(text: str) -> str:
    """Typeset the numbers of a text: 10²² for ``1e+22``, a minus sign for a hyphen, 30 % for 30%.

    Code between backticks stays as it is.

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
    >>> typeset("30% of it") == "30\N{NO-BREAK SPACE}% of it"
    True
    """
    of_kind("typeset: text", text, str, "give a text")

    def power(number: re.Match[str]) -> str:
        mantissa, exponent = number.groups()
        ten = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
        return ten if float(mantissa) == 1 else f"{mantissa}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}{ten}"

    pieces = re.split("(`[^`]*`)", text)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)\b", power, pieces[i])
        pieces[i] = re.sub(r"(?<![^\s(])-(?=\d)", "\N{MINUS SIGN}", pieces[i])
        pieces[i] = re.sub(r"(?<=\d) ?%", "\N{NO-BREAK SPACE}%", pieces[i])
    return "".join(pieces)


def format_count(value: float, digits: int = 3) -> str:
    """Write a number of parameters or tokens in short, with the letters k, M, B and T.

    Parameters
    ----------
    value : float
        The number.
    digits : int
        Significant digits.

    See Also
    --------
    typeset : All numbers of a text.

    Examples
    --------
    >>> format_count(6.217e11), format_count(1.61e13), format_count(58.72e6)
    ('622B', '16.1T', '58.7M')
    """
    value, digits = number("format_count: value", value), whole("format_count: digits", digits, 1, 15)
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * (1 - 0.5 * 10**-digits):
            return (
                f"{value / size:.{digits}g}{letter}"
                if value < 999.5 * size
                else f"{value / size:.0f}{letter}"
            )
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
    if not math.isfinite(error):
        return f"{value:.4g}"
    if error <= 5e-7 * abs(value):
        return f"{value:.6g}"
    size = max(abs(value), error)
    if not 1e-4 <= size < 1e5:
        power = math.floor(math.log10(size))
        return f"({with_error(value / 10**power, error / 10**power)})e{power:+03d}"
    decimals = 1 - math.floor(math.log10(error))
    if float(f"{error:.1e}") >= 10 ** (2 - decimals):  # 0.0996 has its two digits at 0.10
        decimals -= 1
    if decimals >= 0:
        return f"{value:.{decimals}f} ± {error:.{decimals}f}"
    return f"{round(value, decimals):.0f} ± {round(error, decimals):.0f}"
