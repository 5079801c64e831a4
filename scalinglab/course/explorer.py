"""Explorer: a picture with a slider, live in a kernel, drawn beforehand in the static page."""

from __future__ import annotations

import base64
import functools
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

from scalinglab._arrays import finite, function, of_kind
from scalinglab._extras import needs
from scalinglab._text import typeset

_serial = itertools.count(1)

#: Limits of one Axes.
Limits = tuple[tuple[float, float], tuple[float, float]]

#: Inches at the rim of a picture where nothing may stand.
RIM = 0.02


class Explorer:
    """A picture with a slider.

    In a live kernel the slider is an ipywidget that redraws; in the static page it steps through
    frames drawn beforehand, with no kernel and no network; in print the middle frame stands alone.

    Parameters
    ----------
    draw : callable
        ``draw(value)`` draws the picture for one value and returns a sentence that reads it out (the
        picture is the current matplotlib figure).
    values : sequence of float
        Positions of the slider, at most 40.
    label : str
        What the slider sets, with its unit.
    alt : str
        What the picture shows whatever the value, for readers who do not see it.
    show : callable, optional
        Text of a value beside the slider; ``"{:g}"`` when absent.

    Notes
    -----
    Axes keep still: at every position they have the limits that hold what is drawn at all of them, so that
    an effect that grows is seen to grow. The whole element stays below 150 KB: frames are drawings whose
    common parts are kept once. What it needs comes with ``scalinglab[notebook]``.
    """

    def __init__(
        self,
        draw: Callable[[float], str],
        values: Sequence[float],
        label: str,
        alt: str,
        show: Callable[[float], str] = "{:g}".format,
    ) -> None:
        function("Explorer: draw", draw, "a value")
        function("Explorer: show", show, "a value")
        of_kind("Explorer: label", label, str, "give a text")
        of_kind("Explorer: alt", alt, str, "give a text")
        values = finite("Explorer: values", values).tolist() if not isinstance(values, list) else values
        of_kind("Explorer: values", values, list, "give 2 to 40 of them")
        if not 2 <= len(values) <= 40:
            raise ValueError(f"Explorer: {len(values)} values; give 2 to 40.")
        self.draw = draw
        self.values = list(values)
        self.label = label
        self.alt = alt
        self.show = show

    def frames(self, mark: str = "frame") -> list[tuple[str, str, str]]:
        """Draw every value: text of the value, picture as SVG, sentence."""
        with needs("notebook"):
            from scalinglab.plotting.drawings import drawing, thin_ticks

        drawn = [_drawn(self.draw, value) for value in self.values]
        limits = _limits([figure for figure, _ in drawn])
        for figure, _ in drawn:
            _keep_still(figure, limits)
            thin_ticks(figure)
        _settle([figure for figure, _ in drawn])
        return [
            (typeset(self.show(value)), drawing(figure, mark), sentence)
            for value, (figure, sentence) in zip(self.values, drawn, strict=True)
        ]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The live widget where a person sits at the kernel, static HTML where the book is built."""
        if "SCALINGLAB_STATIC" in os.environ:
            paper = os.environ["SCALINGLAB_STATIC"] == "paper"
            return {"text/plain": self.label, "text/html": self.to_still() if paper else self.to_html()}
        bundle: dict[str, Any] = self.to_widget()._repr_mimebundle_()
        return bundle

    def to_still(self) -> str:
        """The middle frame as a PNG picture, with its value and its sentence: what paper can hold."""
        middle = self.values[len(self.values) // 2]
        figure, sentence = _drawn(self.draw, middle)
        _keep_still(figure, self._limits)
        text, escape = typeset(self.show(middle)), html.escape
        return f"""<figure class="explorer"><label>{escape(self.label)}</label><output>{escape(text)}</output>
{self._image(figure, 220)}
<figcaption>{escape(sentence)}</figcaption></figure>"""

    def to_html(self) -> str:
        """The static element: slider, picture, sentence, and the few lines that join them."""
        name = f"explorer-{next(_serial)}"
        frames = self.frames(name)
        middle = len(frames) // 2
        value, picture, sentence = frames[middle]
        escape = html.escape
        kept: dict[str, int] = {}
        steps = [
            [text, said, [kept.setdefault(part, len(kept)) for part in svg.split("\n")]]
            for text, svg, said in frames
        ]
        data = json.dumps([list(kept), steps], separators=(",", ":"), ensure_ascii=False).replace(
            "</", "<\\/"
        )
        return f"""<figure class="explorer" id="{name}">
<div class="explorer-control"><label for="{name}-slider">{escape(self.label)}</label>
<input type="range" id="{name}-slider" min="0" max="{len(frames) - 1}" value="{middle}" step="1" \
aria-valuetext="{escape(value)}">
<output for="{name}-slider" class="explorer-value">{escape(value)}</output></div>
<div class="explorer-picture" role="img" aria-label="{escape(self.alt)}">{picture}</div>
<figcaption class="explorer-readout" aria-live="polite">{escape(sentence)}</figcaption>
<script type="application/json">{data}</script>
<script>(function () {{
  var root = document.getElementById("{name}");
  var data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  var slider = root.querySelector("input");
  slider.addEventListener("input", function () {{
    var frame = data[1][+slider.value];
    root.querySelector("output").textContent = frame[0];
    slider.setAttribute("aria-valuetext", frame[0]);
    root.querySelector("figcaption").textContent = frame[1];
    var parts = frame[2].map(function (k) {{ return data[0][k]; }});
    root.querySelector(".explorer-picture").innerHTML = parts.join("\\n");
  }});
}})();</script>
</figure>"""

    def _image(self, figure: Figure, dpi: int) -> str:
        """A figure as a PNG picture, no wider than its place, with the words that stand for it."""
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
        picture = base64.b64encode(buffer.getvalue()).decode()
        alt = html.escape(self.alt)
        return f'<img src="data:image/png;base64,{picture}" alt="{alt}" style="max-width: 100%">'

    @functools.cached_property
    def _limits(self) -> list[Limits]:
        """The limits that hold what is drawn at every value."""
        return _limits([_drawn(self.draw, value)[0] for value in self.values])

    def to_widget(self) -> Any:
        """The live element: an ipywidgets slider that redraws."""
        with needs("notebook"):
            import ipywidgets as widgets

        texts = [typeset(self.show(value)) for value in self.values]
        middle = len(self.values) // 2
        slider = widgets.SelectionSlider(
            options=list(zip(texts, self.values, strict=True)),
            index=middle,
            description=self.label,
            style={"description_width": "initial"},
            layout={"width": "32em"},
            continuous_update=True,
        )
        picture, readout = widgets.HTML(), widgets.HTML()

        def redraw(change: Any = None) -> None:
            figure, sentence = _drawn(self.draw, slider.value)
            _keep_still(figure, self._limits)
            picture.value = self._image(figure, 115)
            readout.value = html.escape(sentence)

        slider.observe(redraw, names="value")
        redraw()
        return widgets.VBox([slider, picture, readout])


def _drawn(draw: Callable[[float], str], value: float) -> tuple[Figure, str]:
    """The figure of one value, which pyplot knows no more, and its sentence."""
    with needs("notebook"):
        import matplotlib.pyplot as plt

    plt.close("all")
    sentence = typeset(draw(value))
    figure = plt.gcf()
    plt.close(figure)
    return figure, sentence


def _limits(figures: Sequence[Figure]) -> list[Limits]:
    """Of every Axes the limits that hold those of all figures; none where their Axes differ in number."""
    if len({len(figure.axes) for figure in figures}) > 1:
        return []

    def widest(pairs: list[tuple[float, float]]) -> tuple[float, float]:
        low, high = min(min(pair) for pair in pairs), max(max(pair) for pair in pairs)
        return (low, high) if pairs[0][0] <= pairs[0][1] else (high, low)

    return [
        (widest([one.get_xlim() for one in same]), widest([one.get_ylim() for one in same]))
        for same in zip(*(figure.axes for figure in figures), strict=True)
    ]


def _keep_still(figure: Figure, limits: list[Limits]) -> None:
    """Set the limits of every Axes."""
    for axes, (x, y) in zip(figure.axes, limits, strict=False):
        axes.set(xlim=x, ylim=y)


def _settle(figures: Sequence[Figure]) -> None:
    """Put Axes that stand alone in one place for all figures.

    To lay a figure out takes longer than to draw it. The place is that which the first has found, narrowed
    by that of every later one in which something reaches the rim. An axis that reads as one before it takes
    as much room, and is not measured again.
    """
    with needs("notebook"):
        from matplotlib.layout_engine import ConstrainedLayoutEngine
        from matplotlib.transforms import Bbox

    place: Bbox | None = None
    measured = set()
    for figure in figures:
        engine = figure.get_layout_engine()
        # its children are its patch and the Axes: no second Axes, title or legend of its own
        if not isinstance(engine, ConstrainedLayoutEngine) or len(figure.get_children()) != 2:
            return
        axes, (width, height) = figure.axes[0], figure.get_size_inches()
        words = tuple(map(_words, (axes.xaxis, axes.yaxis)))
        if place is not None:
            figure.set_layout_engine("none")
            axes.set_position(place)
            on, axes.axison = axes.axison, axes.axison and words not in measured
            seen = figure.get_tightbbox()
            axes.axison = on
            if min(seen.x0, seen.y0, width - seen.x1, height - seen.y1) >= RIM:
                measured.add(words)
                continue
            figure.set_layout_engine(engine)
            axes.set_in_layout(True)
        engine.execute(figure)
        found = axes.get_position(original=True)
        place = found if place is None else Bbox.intersection(place, found)
        measured = {words}
    if place is None:  # no figures, or Axes that have no room in common
        return
    for figure in figures:
        figure.set_layout_engine("none")
        figure.axes[0].set_position(place)


def _words(axis: Axis) -> tuple[str, ...]:
    """What stands along an axis: its label, its numbers."""
    return axis.get_label_text(), *axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs()))
