"""Numbers written out: counts such as 16.1T, powers of ten, minus signs, per cent."""

from __future__ import annotations

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
