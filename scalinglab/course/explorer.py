"""Explorer: a picture with a slider, live in a kernel, drawn beforehand in the static page."""

from __future__ import annotations

import base64
import html
import io
import itertools
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

import numpy as np

from scalinglab._arrays import finite, function, of_kind
from scalinglab._extras import needs
from scalinglab._text import typeset

_serial = itertools.count(1)

#: Pixels at the rim of a picture where nothing may stand.
RIM = 3


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
    The whole element stays below 150 KB: frames are WebP pictures. What it needs comes with
    ``scalinglab[notebook]``.
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

    def frames(self) -> list[tuple[str, str, str]]:
        """Draw every value: text of the value, data address of the picture, sentence."""
        drawn, place = [], None
        for value in self.values:
            picture, sentence, place = _frame(self.draw, value, "webp", place)
            drawn.append((typeset(self.show(value)), picture, sentence))
        return drawn

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """The live widget where a person sits at the kernel, static HTML where the book is built."""
        if "SCALINGLAB_STATIC" in os.environ:
            return {"text/plain": self.label, "text/html": self.to_html()}
        bundle: dict[str, Any] = self.to_widget()._repr_mimebundle_()
        return bundle

    def to_html(self) -> str:
        """The static element: slider, picture, sentence, and the few lines that join them."""
        frames = self.frames()
        middle = len(frames) // 2
        name = f"explorer-{next(_serial)}"
        value, picture, sentence = frames[middle]
        escape = html.escape
        data = json.dumps(
            [[v, p, s] for v, p, s in frames], separators=(",", ":"), ensure_ascii=False
        ).replace("</", "<\\/")
        return f"""<figure class="explorer" id="{name}">
<div class="explorer-control"><label for="{name}-slider">{escape(self.label)}</label>
<input type="range" id="{name}-slider" min="0" max="{len(frames) - 1}" value="{middle}" step="1" \
aria-valuetext="{escape(value)}">
<output for="{name}-slider" class="explorer-value">{escape(value)}</output></div>
<img src="{picture}" alt="{escape(self.alt)}">
<figcaption class="explorer-readout" aria-live="polite">{escape(sentence)}</figcaption>
<script type="application/json">{data}</script>
<script>(function () {{
  var root = document.getElementById("{name}");
  var frames = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  var slider = root.querySelector("input");
  slider.addEventListener("input", function () {{
    var frame = frames[+slider.value];
    root.querySelector("output").textContent = frame[0];
    slider.setAttribute("aria-valuetext", frame[0]);
    root.querySelector("img").src = frame[1];
    root.querySelector("figcaption").textContent = frame[2];
  }});
}})();</script>
</figure>"""

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
        picture = widgets.Image(format="png", layout={"max_width": "100%"})
        readout = widgets.HTML()

        def redraw(change: Any = None) -> None:
            address, sentence, _ = _frame(self.draw, slider.value, "png")
            picture.value = base64.b64decode(address.split(",", 1)[1])
            picture.alt = self.alt
            readout.value = html.escape(sentence)

        slider.observe(redraw, names="value")
        redraw()
        return widgets.VBox([slider, picture, readout])


def _frame(
    draw: Callable[[float], str], value: float, kind: str, place: Bbox | None = None
) -> tuple[str, str, Bbox | None]:
    """Draw one value; returns the picture as a data address, the sentence, and the place of its Axes.

    Line drawings have few colours: a WebP without loss on a palette is both sharper and smaller than
    one with loss.
    """
    with needs("notebook"):
        import matplotlib.pyplot as plt
        from PIL import Image

    plt.close("all")
    sentence = typeset(draw(value))
    figure = plt.gcf()
    figure.set_dpi(115)
    pixels, place = _pixels(figure, place)
    picture = Image.fromarray(pixels)
    plt.close(figure)
    buffer = io.BytesIO()
    if kind == "webp":
        palette = picture.quantize(32, dither=Image.Dither.NONE)
        palette.convert("RGB").save(buffer, "webp", lossless=True, quality=25, method=3)
    else:
        picture.save(buffer, kind)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f"data:image/{kind};base64,{encoded}", sentence, place


def _pixels(figure: Figure, place: Bbox | None) -> tuple[Any, Bbox | None]:
    """Draw a figure; returns its pixels, and the place that its only Axes has found.

    To lay a picture out takes longer than to draw it. Axes that stand alone are put in the place that
    those of the frame before had found, and stay there unless something then reaches the rim.
    """
    with needs("notebook"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.layout_engine import ConstrainedLayoutEngine

    canvas = FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    # its children are its patch and the Axes: no second Axes, title or legend of its own
    constrained = isinstance(engine, ConstrainedLayoutEngine)
    alone = constrained and len(figure.get_children()) == 1 + len(figure.axes) == 2
    if alone and place is not None:
        figure.set_layout_engine("none")
        figure.axes[0].set_position(place)
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())[..., :3]
        rim = np.ones(pixels.shape[:2], bool)
        rim[RIM:-RIM, RIM:-RIM] = False
        if np.all(pixels[rim] == pixels[0, 0]):
            return pixels, place
        figure.set_layout_engine(engine)
        figure.axes[0].set_in_layout(True)
    canvas.draw()  # savefig would lay out and draw twice
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    return pixels, figure.axes[0].get_position(original=True) if alone else None
