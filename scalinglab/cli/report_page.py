"""The answer as one page: no network, light and dark, readable in print and by a screen reader."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import platform
import re
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from scalinglab._extras import needs
from scalinglab._text import typeset
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.reporting.answers import Answer
from scalinglab.reporting.checklists import checklist
from scalinglab.reporting.printed_answers import sections, table, title_of
from scalinglab.uncertainty.profiles import profile

#: More runs than this are drawn as a sample.
DRAWN = 5000

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


def report_page(found: Answer, command: str = "", table_path: Path | None = None) -> str:
    """The page, whole: tables, sentences, pictures, and how to make it again."""
    with needs("plot"):
        import matplotlib as mpl

    from scalinglab import plotting

    title = title_of(found)
    pictures = []
    with mpl.rc_context():
        mpl.use("agg")
        plotting.use_style()
        mpl.rcParams.update(
            {"svg.fonttype": "none", "svg.hashsalt": "scalinglab", "font.family": "sans-serif"}
        )
        for alt, caption, draw in _pictures(found):
            if picture := _drawn(draw):
                pictures.append(
                    f'<figure><img src="{picture}" '
                    f'alt="{html.escape(alt)}"><figcaption>{html.escape(caption)}'
                    "</figcaption></figure>"
                )
    parts = [f"<h1>{html.escape(typeset(title))}</h1>", _headline(found), _table(found)]
    told = sections(found)
    first = [one for one in told if one[0] == "Concerns"]
    for name, sentences in [*first, *(one for one in told if one[0] != "Concerns")]:
        items = "".join(f"<li>{html.escape(typeset(one))}</li>" for one in sentences)
        parts.append(f"<h2>{html.escape(name)}</h2><ul>{items}</ul>")
    parts.append(f'<h2>Pictures</h2><div class="pictures">{"".join(pictures)}</div>')
    parts.append(_reproduction(found, command, table_path))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><article>{''.join(parts)}</article></main></body></html>\n"
    )


def _headline(found: Answer) -> str:
    """The answer in a sentence."""
    name = found.judge or next(iter(found.recommended))
    head, *rows = table(found)
    row = dict(zip(head, next(one for one in rows if one[0] == name), strict=True))
    sure = "" if not found.concerns else f" Read the {len(found.concerns)} concerns below first."
    return (
        f'<p class="answer">{html.escape(name)}: {html.escape(row["parameters"])} parameters on '
        f"{html.escape(row['tokens'])} tokens.{sure}</p>"
    )


def _table(found: Answer) -> str:
    """Every method side by side; intervals below their values."""
    head, *rows = table(found)
    kept = [k for k, column in enumerate(zip(*rows, strict=True)) if any(column)]
    header = "".join(f'<th scope="col">{html.escape(head[k])}</th>' for k in kept)
    body = ""
    for row in rows:
        cells = "".join(f"<td>{_cell(row[k])}</td>" for k in kept[1:])
        body += f'<tr><th scope="row">{html.escape(row[0])}</th>{cells}</tr>'
    caption = f"intervals of {found.level:.0%}; waste if {found.judge} is right" if found.judge else ""
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Methods side by side"><table><caption '
        'class="soft">'
        f"{caption}</caption><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    value, bracket, ends = text.partition(" (")
    return html.escape(value) + (f"<small>{html.escape(ends.rstrip(')'))}</small>" if bracket else "")


def _pictures(found: Answer) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Alternative text, caption and drawing of each picture that the fits allow."""
    from scalinglab import plotting

    runs = found.runs
    few = runs if len(runs) <= DRAWN else runs.take(np.linspace(0, len(runs) - 1, DRAWN).astype(int))
    judge, parabolas = found.fits.get(found.judge), found.fits.get("Approach 2")
    if parabolas is not None and len(runs.budgets) <= 30:
        yield (
            "Loss against model size at every budget: the runs, a parabola through those of each budget "
            "with its vertex, and the curve of the fitted surface.",
            "The runs at each budget, Approach 2's parabolas with their vertices, and the curve of the "
            "fitted "
            "surface.",
            lambda: plotting.isoflops(few, parabolas, judge),
        )
    plans = {name: found.fits[name] for name in found.recommended}
    reach = np.geomspace(float(runs.C.min()), max(found.C, float(runs.C.max())), 40)
    yield (
        "Best tokens against compute, a straight line for each method, from the runs' budgets to the one "
        "asked about.",
        "Tokens that each method recommends from the runs' budgets, shaded, up to the one asked about.",
        lambda: plotting.frontier(plans, reach, "D", found.C, (float(runs.C.min()), float(runs.C.max()))),
    )
    if isinstance(judge, SurfaceFit):
        small = (
            judge
            if few is runs
            else SurfaceFit(judge.surface, few, judge.loss, judge.method, judge.objective)
        )
        yield (
            "Observed minus fitted loss of every run against its compute, about a line at zero.",
            f"Residuals of {found.judge}: runs of one budget should lie on both sides of the line.",
            lambda: plotting.residuals({found.judge: small}),
        )
        try:
            curve = profile(judge, "D_opt", found.C, level=found.level) if few is runs else None
        except (FitError, ValueError):
            curve = None
        if curve is not None:
            yield (
                "The misfit against the best number of tokens at the budget: a valley, shaded where the runs "
                "allow it.",
                "How much worse the fit becomes for each number of tokens at the budget; shaded, what the "
                "runs allow.",
                lambda: plotting.profile_curve(curve, f"best tokens at {found.C:.3g} FLOPs"),
            )


def _drawn(draw: Callable[[], Any]) -> str:
    """A picture as a data address; empty if it cannot be drawn."""
    with needs("plot"):
        import matplotlib.pyplot as plt

    try:
        axes = draw()
    except (ValueError, FitError, np.linalg.LinAlgError):
        return ""
    buffer = io.BytesIO()
    axes.figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(axes.figure)
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def _items(markdown: str) -> str:
    """The lines of a Markdown list as items."""
    items = []
    for line in markdown.splitlines():
        said = html.escape(line.removeprefix("- "))
        said = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", said)
        said = re.sub("`(.+?)`", r"<code>\1</code>", said)
        items.append(f"<li>{said}</li>")
    return "".join(items)


def _reproduction(found: Answer, command: str, table_path: Path | None) -> str:
    """How to make the answer again: command, file with checksum, versions, checklist."""
    lines = [
        f"scalinglab {version('scalinglab')}, numpy {np.__version__}, Python {platform.python_version()}"
    ]
    if command:
        lines.append(command)
    if table_path is not None and table_path.is_file():
        digest = hashlib.sha256(table_path.read_bytes()).hexdigest()
        lines.append(f"{table_path.name}: {table_path.stat().st_size:,} bytes, sha256 {digest}")
    judge = found.fits.get(found.judge)
    told = ""
    if isinstance(judge, SurfaceFit):
        told = f"<h2>Checklist of the fit</h2><ul>{_items(checklist(judge))}</ul>"
    return f"<h2>How to make this again</h2><pre>{html.escape(chr(10).join(lines))}</pre>{told}"
