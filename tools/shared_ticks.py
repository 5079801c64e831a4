"""Finds the ticks of an axis once for all that ask while its Axes are laid out or drawn.

The axis asks, then its label for the room beside the numbers, then every spine, and each time ticks are
placed and numbers measured; in between none moves. Importing this also leaves out what every part of every
tick would do to no end: call listeners where nobody listens, and copy a mark's shape, which nobody changes.
"""

import functools
from collections.abc import Callable
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.markers import MarkerStyle

#: Classes whose parts behind an underscore are meant.
axis_kind: Any = Axis
mark_kind: Any = MarkerStyle

#: Of the Axes under way: ticks by axis, and boxes of their numbers by axis and renderer.
kept: tuple[dict[Any, Any], dict[Any, Any]] | None = None


def once(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ticks and boxes while Axes draw or measure; Axes within them keep their own."""

    @functools.wraps(draw)
    def keeping(*what: Any, **how: Any) -> Any:
        global kept
        outside, kept = kept, ({}, {})
        try:
            return draw(*what, **how)
        finally:
            kept = outside

    return keeping


def ticks_of(axis: Any, find: Any = axis_kind._update_ticks) -> Any:
    """The ticks that are drawn."""
    if kept is None:
        return find(axis)
    ticks, _ = kept
    if axis not in ticks:
        ticks[axis] = find(axis)
    return ticks[axis]


def boxes_of(axis: Any, ticks: Any, renderer: Any, measure: Any = axis_kind._get_ticklabel_bboxes) -> Any:
    """The boxes of their numbers."""
    if kept is None or kept[0].get(axis) is not ticks:
        return measure(axis, ticks, renderer)
    _, boxes = kept
    if (axis, renderer) not in boxes:
        boxes[axis, renderer] = measure(axis, ticks, renderer)
    return boxes[axis, renderer]


def changed(artist: Any, call: Any = Artist.pchanged) -> None:
    """Call those who listen."""
    if artist._callbacks.callbacks:
        call(artist)


def shaped(mark: Any, like: Any, shape: Any = mark_kind._set_marker) -> None:
    """Take the shape of another mark; what turns one mark alone is copied with it."""
    if isinstance(like, MarkerStyle) and like._user_transform is None:
        mark.__dict__ = dict(like.__dict__)
    else:
        shape(mark, like)


for owner, name, quick in (
    (Axis, "_update_ticks", ticks_of),
    (Axis, "_get_ticklabel_bboxes", boxes_of),
    (Axes, "draw", once(Axes.draw)),
    (Axes, "get_tightbbox", once(Axes.get_tightbbox)),
    (Artist, "pchanged", changed),
    (MarkerStyle, "_set_marker", shaped),
):
    setattr(owner, name, quick)
