"""Sphinx extension: the built site needs no network, and its notebooks run with no reader present."""

import os
import shutil
import sys
from pathlib import Path

# a module name with a hyphen cannot be imported by a statement; find its files instead
MATHJAX = "sphinx-mathjax-offline/static/mathjax"
NEEDED = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")


def copy_mathjax(app, exception):
    """Copy the part of MathJax that the pages load: the component and its fonts."""
    if exception or app.builder.format != "html":
        return
    source = next(p for p in (Path(entry, MATHJAX) for entry in sys.path) if p.is_dir())
    target = Path(app.outdir, "_static", "mathjax")
    for name in NEEDED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, target / name)


def drop_thebe(app, pagename, templatename, context, doctree):
    """Leave out the scripts of live cells: the book has no server, and its theme adds them twice."""
    context["script_files"] = [
        script
        for script in context["script_files"]
        if "thebe" not in f"{script.filename} {script.attributes.get('body')}".lower()
    ]


def setup(app):
    """Register with Sphinx."""
    # notebooks are executed in child processes: Explorers draw their frames and start no widgets
    os.environ["SCALINGLAB_STATIC"] = "1"
    # and draw inline, whatever backend the caller's shell asks for
    os.environ.pop("MPLBACKEND", None)
    app.add_js_file("first.js", priority=300)  # after Sphinx's own options, before all others
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
