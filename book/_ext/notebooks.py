"""Sphinx extension: the notebooks run side by side while pages without code are read.

`tools/execute.py` runs what the cache lacks, and a page is read as soon as its outputs are there.
"""

import os
import subprocess
import sys
from pathlib import Path

from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.errors import ExtensionError
from sphinx.util import logging

EXECUTE = Path(__file__).parents[2] / "tools" / "execute.py"
SAY = logging.getLogger(__name__)


class Running:
    """The notebooks under way: ``python tools/execute.py``, which names each page that is ready."""

    def __init__(self, folder):
        self.ready = set()
        self.process = subprocess.Popen(
            [sys.executable, EXECUTE, folder],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            # more threads in each of several kernels would only wait for each other
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def wait_for(self, page):
        """Wait until the outputs of a page are in the cache."""
        while page not in self.ready:
            line = self.process.stdout.readline()
            if not line:
                raise ExtensionError(f"{page} has no outputs: what went wrong stands above.")
            words = line.split()
            self.ready.add(words[1])
            if words[0] == "ran":
                SAY.info(line.strip())

    def end(self, failed):
        """Wait for its end, which is near unless the build has failed."""
        if failed:
            self.process.terminate()
        self.process.communicate()


def begin(app, env, docnames):
    """Run the notebooks, the longest first, and read before them the pages that wait for none."""
    sizes = {}
    for name in docnames:
        page = Path(env.doc2path(name))
        if is_myst_markdown_notebook(page.read_text(encoding="utf-8")):
            sizes[name] = page.stat().st_size
    docnames.sort(key=lambda name: (name in sizes, -sizes.get(name, 0)))
    if sizes and app.config.nb_execution_mode == "cache":
        app.notebooks = Running(Path(app.env.mystnb_config.execution_cache_path).parent)


def wait(app, docname, source):
    """Wait for the outputs of a page that is about to be read."""
    if app.notebooks is not None and is_myst_markdown_notebook(source[0]):
        app.notebooks.wait_for(f"{docname}.md")


def finish(app, failed):
    """Leave nothing running when all pages are read, and when the build ends before that."""
    if app.notebooks is not None:
        app.notebooks.end(failed)
        app.notebooks = None


def setup(app):
    """Register with Sphinx."""
    app.notebooks = None
    app.connect("env-before-read-docs", begin)
    app.connect("source-read", wait)
    app.connect("env-updated", lambda app, env: finish(app, None))
    app.connect("build-finished", finish)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
