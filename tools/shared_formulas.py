"""Reads each formula and measures each word of pictures once, not once for every renderer that asks.

Matplotlib keeps what it has read and measured with the renderer, and a figure has two or three of them, an
Explorer one for each of its frames; the height of a font's lines it looks up anew for every word. Importing
this gives all renderers one reader and one memory, and draws a picture in the book's style with the powers
of ten: every kernel would open the fonts and read these formulas once more.
"""

import functools
import io
from pathlib import Path

from matplotlib import style, textpath
from matplotlib.backends import backend_agg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.mathtext import MathTextParser
from matplotlib.ticker import LogLocator

HOUSE = Path(__file__).parents[1] / "scalinglab" / "plotting" / "house.mplstyle"

reader = functools.cache(MathTextParser)
for module in (backend_agg, textpath):
    module.MathTextParser = reader

once = functools.lru_cache(4096)
FT2Font.get_sfnt_table = once(FT2Font.get_sfnt_table)
measured = once(textpath.text_to_path.get_text_width_height_descent)
textpath.TextToPath.get_text_width_height_descent = lambda _, *what: measured(*what)

with style.context([HOUSE, {"svg.fonttype": "none"}]):
    figure = Figure()
    axes = figure.subplots()
    axes.set(xscale="log", xlim=(1e14, 1e26), xlabel="x", ylabel="y")
    axes.xaxis.set_major_locator(LogLocator(numticks=99))
    figure.get_tightbbox()
    FigureCanvasSVG(figure).print_svg(io.StringIO())
