"""Sphinx extension: pages are written beside their preparation, if there is a processor for it.

A second process writes ten pages while the first resolves the links of the next ten. Reading stays in one
process: it waits for the notebooks, which take what processors there are.
"""

import os
import sys


def share(app, env):
    """Allow a second process from now on."""
    processors = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    app.parallel = min(processors, 2)


def setup(app):
    """Register with Sphinx."""
    app.connect("env-updated", share)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
