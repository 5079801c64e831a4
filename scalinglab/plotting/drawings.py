"""A figure as a drawing for web pages: small, its letters as text, no name that another drawing may use."""

from __future__ import annotations

import hashlib
import io
import re

import numpy as np
from matplotlib import rc_context
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

_COORDINATES = re.compile(r'\s(?:d|x|y|points|transform)="[^"]*"')
_NUMBER = re.compile(r"-?\d+\.\d+")
_ROUND = re.compile(r'<path((?: id="[^"]*")?) d="M ([^C"]+)((?: C(?: -?[\d.]+){6}){8}) z "')
_DOTS = re.compile(r"(?:<use [^>]*/>\s*){2,}")


def thin_ticks(figure: Figure) -> None:
    """Leave out the small ticks of logarithmic axes of more than two decades.

    They have no numbers, and they are half the work of a picture: every one is laid out like a word.
    """

    def many(axis: Axis) -> bool:
        low, high = sorted(axis.get_view_interval())
        return axis.get_scale() == "log" and bool(np.log10(high / low) > 2)

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if many(axis):
                axis.set_minor_locator(NullLocator())


def written(figure: Figure) -> str:
    """Draw a figure as matplotlib writes SVG, once: to save it would draw it twice.

    Parameters
    ----------
    figure : matplotlib Figure
        Its ticks are thinned, see :func:`thin_ticks`.

    Returns
    -------
    str
        The file, without its date.
    """
    thin_ticks(figure)
    buffer, shown_on = io.StringIO(), figure.canvas
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    figure.set_canvas(shown_on)
    return buffer.getvalue()


def drawing(figure: Figure, mark: str = "") -> str:
    """Draw a figure as SVG.

    Parameters
    ----------
    figure : matplotlib Figure
        As :func:`written` draws it.
    mark : str
        See :func:`slim`.

    Returns
    -------
    str
        The ``<svg>`` element, slim.

    See Also
    --------
    slim : What is left out.
    """
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "scalinglab"}):
        return slim(written(figure), mark)


def slim(svg: str, mark: str = "") -> str:
    """Leave out of matplotlib's SVG what no page needs, so that it can stand within one.

    Comments, metadata, families of letters, size on paper and the white ground go; coordinates are
    rounded to a hundredth of a point; circles are circles, and dots that look the same say so once; names
    remain where the drawing itself refers to them, and begin with a mark, so that two drawings of a page
    have none in common. Every artist stands on a line of its own.

    Parameters
    ----------
    svg : str
        What matplotlib wrote.
    mark : str
        First letters of names; when absent, made of the content.

    Returns
    -------
    str
        The ``<svg>`` element.

    Examples
    --------
    >>> print(slim('<?xml?><svg width="1pt" viewBox="0 0 9 9"><g id="a"><path d="M 1.2345 2"/></g></svg>'))
    <svg viewBox="0 0 9 9"><g><path d="M 1.23 2"/></g></svg>
    """

    def rounded(found: re.Match[str]) -> str:
        return _NUMBER.sub(lambda one: f"{float(one[0]):.2f}".rstrip("0").rstrip("."), found[0])

    svg = svg[svg.index("<svg") :].rstrip()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style[^>]*>.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r'\s(?:width|height)="[\d.]+pt"|\sxmlns(?::\w+)?="[^"]*"|\sversion="[^"]*"', "", svg)
    svg = re.sub(r'<g id="patch_1">\s*<path[^>]*style="fill: #ffffff"/>\s*</g>', "", svg, count=1)
    svg = re.sub(r"(?<=;base64,)[^\"]*", lambda one: re.sub(r"\s", "", one[0]), svg)
    svg = _COORDINATES.sub(rounded, svg)
    svg = re.sub(r'\stransform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?|; ?(?=\")", "", svg).replace("xlink:href", "href")
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', svg))
    svg = re.sub(r'\sid="([^"]*)"', lambda one: one[0] if one[1] in used else "", svg)
    svg = re.sub(r"\n {4,}(?=<)|\n(?=[^ <])|(?<=\")\n\s*", " ", re.sub(r"\n\s*\n", "\n", svg))
    svg = re.sub(r" {2,}", " ", re.sub(r" ?(?<=>) +(?=<)", "", svg))
    svg = _DOTS.sub(_alike, _ROUND.sub(_circle, svg))
    mark = mark or "d" + hashlib.sha256(svg.encode()).hexdigest()[:6]
    return re.sub(r'(url\(#|href="#|id=")(?=\w)', rf"\g<1>{mark}-", svg)


def _circle(found: re.Match[str]) -> str:
    """A circle in the place of the eight curves that draw one."""
    name, start, curves = found.groups()
    x, low = map(float, start.split())
    numbers = [float(one) for one in curves.split() if one != "C"]
    right, high, left = numbers[10], numbers[23], numbers[34]
    r = (low - high) / 2
    if abs(right - left - 2 * r) > 0.05:
        return found[0]
    return f'<circle{name} cx="{x:.2f}" cy="{low - r:.2f}" r="{r:.2f}"'


def _alike(found: re.Match[str]) -> str:
    """Dots that look the same say so once."""
    looks = re.findall(r' style="([^"]*)"', found[0])
    if len(set(looks)) > 1 or len(looks) < found[0].count("<use"):
        return found[0]
    return f'<g style="{looks[0]}">' + re.sub(r' style="[^"]*"', "", found[0]).rstrip() + "</g>"
