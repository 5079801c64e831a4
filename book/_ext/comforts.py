"""Sphinx extension: what a chapter offers besides reading.

The download button offers the executed notebook; ``{{ minutes.surface }}`` in a page is the time that
the chapter states; and the one key ``public_repository`` turns launch buttons on.
"""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]


def chapter_minutes():
    """Chapter -> minutes it says it takes."""
    stated = {
        path.stem: re.search(r"\*\*Time\*\*:\s+(\d+)\s+minutes", path.read_text(encoding="utf-8"))
        for path in (ROOT / "notebooks").glob("*.md")
    }
    return {name: int(found[1]) for name, found in stated.items() if found}


def configure(app, config):
    """Give pages the minutes of the chapters, and launch buttons if the book has a public address."""
    config.myst_substitutions = {**config.myst_substitutions, "minutes": chapter_minutes()}
    if config.public_repository:
        options = config.html_theme_options
        options["repository_url"] = config.public_repository
        options["launch_buttons"] = {
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        }


def offer_notebook(app, pagename, templatename, context, doctree):
    """Let the download button offer the executed notebook of a page that has one."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.is_file():
        return
    target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(executed, target)
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("public_repository", "", "html", [str])
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", offer_notebook, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
