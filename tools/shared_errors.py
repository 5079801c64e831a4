"""Formats an error once, so that what IPython learns from its first one is known wherever this was imported.

It asks every module for its file and compiles the expressions that colour Python: as much work as many a
page has.
"""

import sys

from IPython.core.ultratb import VerboseTB

try:
    raise NotImplementedError("nobody reads this")
except NotImplementedError:
    VerboseTB(theme_name="linux").structured_traceback(*sys.exc_info())
