"""The answer as one page: no network, light and dark, readable in print and by a screen reader."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from scalinglab._text import typeset
from scalinglab.cli.pages import listed, made_by, pictures_of, whole_page, wide_table
from scalinglab.fitting.results import FitError, SurfaceFit
from scalinglab.reporting.answers import Answer
from scalinglab.reporting.checklists import checklist
from scalinglab.reporting.printed_answers import sections, table, title_of
from scalinglab.uncertainty.profiles import profile

#: More runs than this are drawn as a sample.
DRAWN = 5000


def report_page(found: Answer, command: str = "", table_path: Path | None = None) -> str:
    """The page, whole: tables, sentences, pictures, and how to make it again."""
    title = title_of(found)
    told = sorted(sections(found), key=lambda section: section[0] != "Concerns")
    parts = [
        f"<h1>{html.escape(typeset(title))}</h1>",
        _headline(found),
        _table(found),
        *(listed(*section) for section in told),
        pictures_of(_pictures(found)),
        _reproduction(found, command, table_path),
    ]
    return whole_page(title, parts)


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
    body = ""
    for row in rows:
        cells = "".join(f"<td>{_cell(row[k])}</td>" for k in kept[1:])
        body += f'<tr><th scope="row">{html.escape(row[0])}</th>{cells}</tr>'
    caption = f"intervals of {found.level:.0%}; waste if {found.judge} is right" if found.judge else ""
    return wide_table("Methods side by side", [head[k] for k in kept], body, caption)


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
            "fitted surface.",
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
    lines = made_by(command)
    if table_path is not None and table_path.is_file():
        digest = hashlib.sha256(table_path.read_bytes()).hexdigest()
        lines.append(f"{table_path.name}: {table_path.stat().st_size:,} bytes, sha256 {digest}")
    judge = found.fits.get(found.judge)
    told = ""
    if isinstance(judge, SurfaceFit):
        told = f"<h2>Checklist of the fit</h2><ul>{_items(checklist(judge))}</ul>"
    return f"<h2>How to make this again</h2><pre>{html.escape(chr(10).join(lines))}</pre>{told}"
