"""Sphinx extension: what a chapter offers besides reading.

The download button offers the executed notebook; ``{{ minutes.surface }}`` in a page is the time that
the chapter states; and the one key ``public_repository`` turns launch buttons on.
"""

import re
from pathlib import Path

import nbformat
from jupyter_cache import get_cache

ROOT = Path(__file__).parents[2]
#: What a drawing needs where no page gives it.
ALONE = (
    'xmlns="http://www.w3.org/2000/svg" style="background: #fff" font-family="DejaVu Sans, sans-serif" '
    'stroke-linejoin="round"'
)


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


def with_outputs(app, path):
    """The executed notebook of a page; what came from the cache is written without its outputs."""
    notebook = nbformat.read(path, as_version=4)
    if not any(cell.get("outputs") for cell in notebook.cells):
        _, notebook = get_cache(path_of_cache(app)).merge_match_into_notebook(notebook)
    return notebook


def path_of_cache(app):
    """Where executed notebooks are kept between builds."""
    return app.config.nb_execution_cache_path or str(Path(app.outdir).parent / ".jupyter_cache")


def lighten(notebook):
    """Leave the frames of Explorers and digits that no eye sees out of a notebook: it draws them itself."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if 'class="explorer"' in data.get("text/html", ""):
                del data["text/html"]
                data["text/markdown"] = "*Run this cell: a slider appears.*"
            if "image/svg+xml" in data:
                data["image/svg+xml"] = alone(data["image/svg+xml"])


def alone(svg):
    """A slim drawing that stands in no page: with its ground, and a family for its letters."""
    from figures import slimmed

    return slimmed(svg).replace("<svg ", f"<svg {ALONE} ", 1)


def offer_notebook(app, pagename, templatename, context, doctree):
    """Let the download button offer the executed notebook of a page that has one."""
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.is_file():
        return
    notebook = with_outputs(app, executed)
    lighten(notebook)
    target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    context["ipynb_source"] = f"{pagename}.ipynb"


def drop_ballast(app, exception):
    """Remove what no page loads: maps for debugging the theme, fonts for browsers of another age."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    for ballast in (*static.rglob("*.map"), *static.glob("vendor/fontawesome/webfonts/*.ttf")):
        ballast.unlink()
    for sheet in static.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        kept = re.sub(r",\s*url\([^)]*\.ttf\) format\([^)]*\)", "", text)
        if kept != text:
            sheet.write_text(kept, encoding="utf-8")
    for drawing in Path(app.outdir, "_images").glob("*.svg"):
        drawing.write_text(alone(drawing.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app):
    """Register with Sphinx."""
    app.add_config_value("public_repository", "", "html", [str])
    app.connect("config-inited", configure, priority=900)
    app.connect("html-page-context", offer_notebook, priority=100)
    app.connect("build-finished", drop_ballast)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
