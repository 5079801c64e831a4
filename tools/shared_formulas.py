"""Reads each formula in pictures once, instead of once for every renderer that measures or draws it.

Matplotlib keeps what it has read with the reader, and every renderer has a reader of its own: two or three
for a figure, one for each frame of an Explorer. Importing this gives all of them one, with its grammar made.
"""

import functools

from matplotlib import textpath
from matplotlib.backends import backend_agg
from matplotlib.mathtext import MathTextParser

reader = functools.cache(MathTextParser)
reader("path").parse("$x$")
for module in (backend_agg, textpath):
    module.MathTextParser = reader
