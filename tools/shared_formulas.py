"""Reads each formula and measures each word of pictures once, not once for every renderer that asks.

Matplotlib keeps what it has read and measured with the renderer, and a figure has two or three of them, an
Explorer one for each of its frames; the height of a font's lines it looks up anew for every word. Importing
this gives all renderers one reader, with its grammar made, and one memory.
"""

import functools

from matplotlib import textpath
from matplotlib.backends import backend_agg
from matplotlib.ft2font import FT2Font
from matplotlib.mathtext import MathTextParser

reader = functools.cache(MathTextParser)
reader("path").parse("$x$")
for module in (backend_agg, textpath):
    module.MathTextParser = reader

once = functools.lru_cache(4096)
FT2Font.get_sfnt_table = once(FT2Font.get_sfnt_table)
measured = once(textpath.text_to_path.get_text_width_height_descent)
textpath.TextToPath.get_text_width_height_descent = lambda _, *what: measured(*what)
