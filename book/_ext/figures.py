"""Sphinx extension: figures stand in the page itself and take their colours from it, light or dark.

What a cell drew as SVG becomes part of the page, its letters set in the page's copy of the fonts that
measured them. Black is the colour of the page's text, white its ground; every other colour has a partner of
the same hue for the dark page. Frames of Explorers likewise.
"""

import base64
import functools
import io
import math
import re
from pathlib import Path

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

#: Text and ground of a dark page.
INK, GROUND = (0xCE, 0xD6, 0xDD), (0x12, 0x12, 0x12)
#: Colours that one drawing may have; the stylesheet counts as far.
MOST = 128
#: Letters of the fonts that pages carry: Latin, Greek, sub- and superscripts, arrows and mathematics.
LETTERS = [*range(0x20, 0x180), *range(0x370, 0x400), *range(0x2010, 0x2300), 0x25CF, *range(0x27E8, 0x27EA)]
FONTS = {"DejaVuSans": "figures.woff", "DejaVuSans-Oblique": "figures-italic.woff"}
RASTER = re.compile(r'(<image [^>]*href="data:image/png;base64,)([^"]*)("[^>]*?)/>')
COLOUR = re.compile(r"(?<=fill: |roke: |olor: )#[0-9a-f]{6}")


def linear(value):
    """A channel of sRGB from 0 to 255 as an amount of light from 0 to 1."""
    value /= 255
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def channel(light):
    """The channel of an amount of light."""
    value = 12.92 * light if light <= 0.0031308 else 1.055 * max(light, 0) ** (1 / 2.4) - 0.055
    return round(255 * value)


def contrast(one, other):
    """The ratio of two colours' luminances, after WCAG."""
    dark, light = sorted(
        sum(w * linear(c) for w, c in zip((0.2126, 0.7152, 0.0722), rgb, strict=True)) for rgb in (one, other)
    )
    return (light + 0.05) / (dark + 0.05)


def channels(colour):
    """The three channels of ``#rrggbb``."""
    return tuple(int(colour[k : k + 2], 16) for k in (1, 3, 5))


def of_hue(lightness, chroma, hue):
    """The colour of Oklab's coordinates, with less chroma where a screen cannot show it."""
    while True:
        a, b = chroma * math.cos(hue), chroma * math.sin(hue)
        x, y, z = (
            (lightness + u * a + v * b) ** 3
            for u, v in (
                (0.3963377774, 0.2158037573),
                (-0.1055613458, -0.0638541728),
                (-0.0894841775, -1.2914855480),
            )
        )
        light = (
            4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
            -1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
            -0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z,
        )
        if all(-1e-3 <= one <= 1.001 for one in light):
            return tuple(min(max(channel(one), 0), 255) for one in light)
        chroma *= 0.95


@functools.cache
def in_the_dark(colour):
    """The partner of a colour on a dark page: the same hue, dark for light and light for dark."""
    rgb = channels(colour)
    if max(rgb) - min(rgb) < 8:
        share = sum(rgb) / 765
        mixed = (round(ink + share * (ground - ink)) for ink, ground in zip(INK, GROUND, strict=True))
        return "#" + "".join(f"{one:02x}" for one in mixed)
    r, g, b = map(linear, rgb)
    x, y, z = (
        math.cbrt(u * r + v * g + w * b)
        for u, v, w in (
            (0.4122214708, 0.5363325363, 0.0514459929),
            (0.2119034982, 0.6806995451, 0.1073969566),
            (0.0883024619, 0.2817188376, 0.6299787005),
        )
    )
    lightness = 0.2104542553 * x + 0.7936177850 * y - 0.0040720468 * z
    p = 1.9779984951 * x - 2.4285922050 * y + 0.4505937099 * z
    q = 0.0259040371 * x + 0.7827717662 * y - 0.8086757660 * z
    found = of_hue(0.90 - 0.45 * lightness, math.hypot(p, q), math.atan2(q, p))
    return "#" + "".join(f"{one:02x}" for one in found)


def themed(drawn):
    """A drawing with names for its colours, and the style that says what they are: light, and dark."""
    found = []

    def named(colour):
        if colour[0] == "#000000":
            return "currentColor"
        if colour[0] == "#ffffff":
            return "var(--figure-ground)"
        if colour[0] not in found:
            found.append(colour[0])
        return f"var(--c{found.index(colour[0])})"

    drawn = COLOUR.sub(named, drawn)
    if len(found) > MOST:
        raise ValueError(f"a drawing has {len(found)} colours; the stylesheet knows {MOST}.")
    return drawn, ";".join(f"--l{k}:{one};--d{k}:{in_the_dark(one)}" for k, one in enumerate(found))


def both(found):
    """A raster within a drawing, such as a colour bar, and its partner for the dark page."""
    import numpy as np
    from PIL import Image

    start, data, end = found.groups()
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA"))
    colours, which = np.unique(pixels[..., :3].astype(int) @ (65536, 256, 1), return_inverse=True)
    partners = [channels(in_the_dark(f"#{one:06x}")) for one in colours]
    mapped = np.dstack([np.array(partners, np.uint8)[which.reshape(pixels.shape[:2])], pixels[..., 3]])
    buffer = io.BytesIO()
    Image.fromarray(mapped).save(buffer, "png", optimize=True)
    dark = base64.b64encode(buffer.getvalue()).decode()
    return f'{start}{data}{end} class="by-day"/>{start}{dark}{end} class="by-night"/>'


@functools.cache
def slimmed(svg):
    """A slim drawing, worked out once for the page and for the notebook it offers."""
    from scalinglab.plotting.drawings import slim

    return slim(svg)


def inline(svg, alt):
    """A drawing as an element of the page."""
    drawn, style = themed(slimmed(svg))
    drawn = RASTER.sub(both, drawn)
    alt = nodes.Text(alt).astext().replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return drawn.replace("<svg ", f'<svg class="figure" role="img" aria-label="{alt}" style="{style}" ', 1)


class Inline(SphinxPostTransform):
    """Put drawings of cells into the page, and give those of Explorers their colours."""

    default_priority = 210
    formats = ("html",)

    def run(self, **kwargs):
        """Visit every picture and every Explorer of the document."""
        for image in list(self.document.findall(nodes.image)):
            path = Path(self.app.srcdir, image["uri"])
            if path.suffix == ".svg" and "jupyter_execute" in path.parts:
                drawn = inline(path.read_text(encoding="utf-8"), image.get("alt", ""))
                image.replace_self(nodes.raw("", drawn, format="html"))
        for raw in self.document.findall(nodes.raw):
            if (text := raw.astext()).startswith('<figure class="explorer"'):
                drawn, style = themed(text)
                drawn = drawn.replace("<figure ", f'<figure style="{style}" ', 1)
                raw.replace_self(nodes.raw("", drawn, format="html"))


def stylesheet():
    """The rules that choose between the light and the dark colour of every name."""
    light, dark = (";".join(f"--c{k}:var(--{mode}{k})" for k in range(MOST)) for mode in "ld")
    where = "svg.figure,.explorer"
    shown = "html[data-theme=dark] :is(svg.figure,.explorer)"
    night = "html[data-theme=dark]"
    rasters = f"{night} .by-day{{display:none}}{night} .by-night{{display:inline}}"
    return f"{where}{{{light}}}\n.by-night{{display:none}}\n@media screen{{{shown}{{{dark}}}{rasters}}}\n"


def write_fonts(target):
    """Write the letters that figures may use, out of the fonts that measured them."""
    import matplotlib
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    for name, file in FONTS.items():
        if (target / file).exists():
            continue
        with TTFont(
            Path(matplotlib.get_data_path(), "fonts/ttf", f"{name}.ttf"), recalcTimestamp=False
        ) as font:
            subset = Subsetter(Options(layout_features=["kern"], hinting=False, notdef_outline=True))
            subset.options.drop_tables.append("FFTM")
            subset.populate(unicodes=LETTERS)
            subset.subset(font)
            font.flavor = "woff"
            font.save(target / file)


def write_static(app, exception):
    """Write the stylesheet of colours and the fonts."""
    if exception or app.builder.format != "html":
        return
    target = Path(app.outdir, "_static")
    (target / "figures.css").write_text(stylesheet(), encoding="utf-8")
    write_fonts(target)


def setup(app):
    """Register with Sphinx."""
    app.add_post_transform(Inline)
    app.add_css_file("figures.css")
    app.connect("build-finished", write_static)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
