"""An answer as text, as Markdown and as plain data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from scalinglab._text import format_count
from scalinglab.fitting.law_results import LawFit
from scalinglab.fitting.results import FrontierFit
from scalinglab.reporting.answers import Answer
from scalinglab.reporting.checklists import fingerprint

#: Width of a text.
WIDTH = 100


def to_text(found: Answer) -> str:
    """The answer as lines for a terminal."""
    parts = [_table(table(found)), "", *_paragraphs(found)]
    return "\n".join(parts)


def to_markdown(found: Answer) -> str:
    """The answer as Markdown: a table, and the sentences below it."""
    head, *rows = table(found)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    for title, sentences in sections(found):
        lines += ["", f"## {title}", "", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join(["# " + title_of(found), "", *lines]) + "\n"


def title_of(found: Answer) -> str:
    """What the answer is about."""
    return f"What to train with {found.C:.3g} FLOPs, from {len(found.runs)} runs"


def table(found: Answer) -> list[list[str]]:
    """One row a method: exponents, size, tokens, ratio and loss with their intervals, and the waste."""
    rows = [["method", "N* ~ C^a", "parameters", "tokens", "tokens/parameter", "loss", "waste"]]
    for name, one in found.recommended.items():
        fit = found.fits[name]
        a = "" if isinstance(fit, LawFit) else f"{fit.a:.3f}"
        known = math.isfinite(one.spread)
        cells = [
            _with_ends(format_count, value, ends if known else None)
            for value, ends in ((one.N, one.N_interval), (one.D, one.D_interval))
        ]
        cells.append(_with_ends("{:.3g}".format, one.ratio, one.ratio_interval if known else None))
        loss = (
            ""
            if math.isnan(one.loss)
            else _with_ends(
                "{:.3f}".format, one.loss, one.loss_interval if math.isfinite(one.loss_spread) else None
            )
        )
        waste = "judge" if name == found.judge else ""
        if name in found.waste:
            waste = f"{found.waste[name].fraction:.1%}"
        rows.append([name, a, *cells, loss, waste])
    return rows


def _with_ends(show: Any, value: float, ends: tuple[float, float] | None) -> str:
    return show(value) if ends is None else f"{show(value)} ({show(ends[0])} to {show(ends[1])})"


def sections(found: Answer) -> list[tuple[str, list[str]]]:
    """Everything beside the table, as titles and sentences."""
    runs = found.runs
    read = [
        f"{len(runs)} runs at {len(runs.budgets)} budgets, {runs.C.min():.3g} to {runs.C.max():.3g} FLOPs; N "
        f"{format_count(runs.N.min())} to {format_count(runs.N.max())}, D {format_count(runs.D.min())} to "
        f"{format_count(runs.D.max())}, L {runs.L.min():.4g} to {runs.L.max():.4g}; fingerprint "
        f"{fingerprint(runs)}.",
        *runs.notes,
    ]
    told = [("Concerns", list(found.concerns) or ["None found."])]
    if found.refused:
        told.append(("No answer", [f"{name}: {why}" for name, why in found.refused.items()]))
    return [("Runs", read), ("Screening", _screening(found)), ("What an error costs", _costs(found)), *told]


def _screening(found: Answer) -> list[str]:
    """What screening would leave out."""
    if isinstance(found.screening, str):
        return [f"Not screened: {found.screening}"]
    dropped = found.screening.flags
    if not dropped:
        return ["Screening leaves every run in."]
    by_stage: dict[str, int] = {}
    for flag in dropped:
        by_stage[flag.stage] = by_stage.get(flag.stage, 0) + 1
    shares = ", ".join(f"{count} for {stage}" for stage, count in by_stage.items())
    return [
        f"Screening would leave out {len(dropped)} of {len(found.runs)} runs ({shares}); the answers above "
        "use all of them."
    ]


def _costs(found: Answer) -> list[str]:
    """Bias of Approach 2, waste in FLOPs, dollars and loss, and how well each method foresaw."""
    told = []
    if found.bias is not None:
        told.append(
            f"On this design Approach 2 misses the best size by {math.expm1(found.bias):+.1%} without any "
            f"noise, if the surface of {found.judge} is right."
        )
    for name, verdict in found.waste.items():
        flops = verdict.C - verdict.C_equivalent
        told.append(
            f"Following {name} where {found.judge} is right wastes {verdict.fraction:.1%} of the compute: "
            f"{flops:.2g} FLOPs, {_dollars(verdict.dollars(found.rate))} at {found.rate.name}, "
            f"{verdict.loss - verdict.loss_opt:.2g} of loss."
        )
    if found.foreseen and found.ahead is not None:
        errors = ", ".join(f"{name} {error:.4f}" for name, error in found.foreseen.items())
        told.append(
            f"Fitted up to {found.ahead.kept.budgets.max():.3g} FLOPs, the methods foresee the losses of the "
            f"{len(found.ahead.held)} larger runs within (root mean square): {errors}."
        )
    reach = found.C / float(found.runs.C.max())
    if reach > 1:
        told.append(
            f"The budget is {reach:.3g} times the largest of the runs: intervals of {found.level:.0%} hold "
            "if the law does, out there too."
        )
    return told


def _dollars(amount: float) -> str:
    return f"${amount:,.0f}" if amount < 1e6 else f"${amount / 1e6:.2f} million"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side."""
    rows = [row for row in zip(*rows, strict=True) if any(row[1:])]
    columns = [[cell.ljust(max(map(len, column))) for cell in column] for column in rows]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _paragraphs(found: Answer) -> list[str]:
    lines = []
    for title, told in sections(found):
        lines.append(title)
        lines += [
            textwrap.fill(one, WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
            for one in told
        ]
    return lines


def to_dict(found: Answer) -> dict[str, Any]:
    """The answer as plain data: numbers, texts, lists and mappings, as JSON takes them."""
    methods: dict[str, Any] = {}
    for name, one in found.recommended.items():
        fit = found.fits[name]
        told: dict[str, Any] = {
            "N": one.N,
            "D": one.D,
            "tokens_per_parameter": one.ratio,
            "loss": one.loss,
            "N_interval": list(one.N_interval),
            "D_interval": list(one.D_interval),
            "loss_interval": list(one.loss_interval),
            "parameters": _parameters(fit),
        }
        if not isinstance(fit, LawFit):
            told["a"] = fit.a
        if not isinstance(fit, FrontierFit):
            told["objective"] = fit.objective
        if name in found.waste:
            verdict = found.waste[name]
            told["waste"] = {
                "fraction": verdict.fraction,
                "flops": verdict.C - verdict.C_equivalent,
                "dollars": verdict.dollars(found.rate),
                "loss": verdict.loss - verdict.loss_opt,
            }
        methods[name] = told
    screened = found.screening
    whole: dict[str, Any] = plain_data(
        {
            "C": found.C,
            "level": found.level,
            "runs": len(found.runs),
            "budgets": found.runs.budgets.tolist(),
            "fingerprint": fingerprint(found.runs),
            "notes": list(found.runs.notes),
            "judge": found.judge,
            "methods": methods,
            "refused": found.refused,
            "approach2_bias_log_N": found.bias,
            "hindcast_rms": found.foreseen,
            "screening": screened
            if isinstance(screened, str)
            else [{"row": one.row, "stage": one.stage, "reason": one.reason} for one in screened.flags],
            "concerns": list(found.concerns),
        }
    )
    return whole


def _parameters(fit: Any) -> dict[str, float]:
    if isinstance(fit, LawFit):
        return dict(fit.parameters)
    if isinstance(fit, FrontierFit):
        return {"coefficient": fit.size_law.coefficient, "a": fit.a}
    return dict(fit.surface.parameters)


def plain_data(value: Any) -> Any:
    """Numbers that JSON and tables know: those of numpy become Python's, nan and infinity null."""
    if isinstance(value, dict):
        return {key: plain_data(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return value if not isinstance(value, float) or math.isfinite(value) else None
