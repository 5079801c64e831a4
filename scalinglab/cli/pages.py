"""A page that needs no network: light and dark, readable in print and by a screen reader; its pictures."""

from __future__ import annotations

import base64
import html
import platform
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import numpy as np

from scalinglab._text import typeset
from scalinglab.cli.writing import progress_bar
from scalinglab.fitting.results import FitError

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --line: #d0d4da; --soft: #57606a;
  --card: #fff; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ee; --paper: #14181d; --line: #3a424d; --soft: #a9b2bd; --card: #f4f5f6; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1.25rem 4rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.answer { font-size: 1.25rem; border-left: .3rem solid #0072b2; padding: .2rem 0 .2rem .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; white-space: nowrap; }
caption { text-align: left; padding-bottom: .3rem; }
small, figcaption, .soft { color: var(--soft); } td small { display: block; }
figure { margin: 1.2rem 0; } figure img { background: var(--card); border-radius: .3rem; max-width: 100%;
  height: auto; padding: .4rem; } figcaption { font-size: .92rem; max-width: 46rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr));
  gap: 0 1.5rem; }
li { margin: .3rem 0; max-width: 50rem; } pre { white-space: pre-wrap; font-size: .85rem; }
a { color: inherit; }
@media print { body { max-width: none; padding: 0; } h2, figure { break-inside: avoid; } }
"""


def whole_page(title: str, parts: Iterable[str]) -> str:
    """The page of these parts."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><article>{''.join(parts)}</article></main></body></html>\n"
    )


def listed(title: str, sentences: Iterable[str]) -> str:
    """Sentences as a list below a heading."""
    items = "".join(f"<li>{html.escape(typeset(one))}</li>" for one in sentences)
    return f"<h2>{html.escape(title)}</h2><ul>{items}</ul>"


def wide_table(label: str, names: Iterable[str], rows: str, caption: str = "") -> str:
    """A table that scrolls sideways where it is wider than the page."""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in names)
    above = f'<caption class="soft">{caption}</caption>' if caption else ""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{label}"><table>{above}'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def pictures_of(drawings: Iterable[tuple[str, str, Callable[[], Any]]]) -> str:
    """Pictures side by side, each from its alternative text, its caption and what draws it."""
    import matplotlib as mpl

    from scalinglab import plotting

    found, drawings = [], list(drawings)
    with mpl.rc_context(), progress_bar("pictures", len(drawings)) as began:
        mpl.use("agg")
        plotting.use_style()
        mpl.rcParams.update(
            {"svg.fonttype": "none", "svg.hashsalt": "scalinglab", "font.family": "sans-serif"}
        )
        for alt, caption, draw in drawings:
            began(caption.partition(":")[0])
            if picture := _drawn(draw):
                found.append(
                    f'<figure><img src="{picture}" alt="{html.escape(alt)}">'
                    f"<figcaption>{html.escape(caption)}</figcaption></figure>"
                )
    return f'<h2>Pictures</h2><div class="pictures">{"".join(found)}</div>'


def _drawn(draw: Callable[[], Any]) -> str:
    """A picture as a data address; empty if it cannot be drawn."""
    import matplotlib.pyplot as plt

    from scalinglab.plotting.drawings import written

    try:
        axes = draw()
    except (ValueError, FitError, np.linalg.LinAlgError):
        return ""
    picture = written(axes.figure)
    plt.close(axes.figure)
    return "data:image/svg+xml;base64," + base64.b64encode(picture.encode()).decode()


def made_by(command: str) -> list[str]:
    """Versions, and the command that made a page."""
    lines = [
        f"scalinglab {version('scalinglab')}, numpy {np.__version__}, Python {platform.python_version()}"
    ]
    return [*lines, command] if command else lines
