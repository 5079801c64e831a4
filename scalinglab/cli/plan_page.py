"""The plan of a sweep as one page: what it will tell, what to launch, and the proof."""

from __future__ import annotations

import html
import math
from typing import Any

from scalinglab import plotting
from scalinglab._text import format_count, typeset
from scalinglab.cli.pages import listed, made_by, pictures_of, whole_page, wide_table
from scalinglab.planning import NextRuns, PredictedError, SweepPlan


def plan_page(
    plan: SweepPlan, error: PredictedError, usual: PredictedError, more: NextRuns, command: str = ""
) -> str:
    """The page: the answer, the runs, the concerns, pictures, one run more, and how to make it again."""
    title = f"A sweep of {len(plan.planned)} runs for a decision at {plan.C:.3g} FLOPs"
    factor, other = (math.exp(one.log_N) for one in (error, usual))
    concerns = [*plan.concerns, *error.concerns]
    parts = [
        f"<h1>{html.escape(typeset(title))}</h1>",
        f'<p class="answer">For {html.escape(typeset(f"{plan.cost:.3g}"))} FLOPs the best size and token '
        f"count will be known to a factor of {factor:.3g} (one standard error); the usual grid of as many "
        f"runs and as much compute knows them to {other:.3g}.</p>",
        listed("Concerns", concerns or ["None found."]),
        listed(
            "The plan",
            [
                f"{int(plan.shows_misfit.sum())} of the runs are there to show a misfit of the law.",
                f"It is made for {len(plan.surfaces)} plausible surfaces: efficiency "
                f"{plan.efficiencies.mean():.0%} on average, {plan.efficiencies.min():.0%} at worst.",
                f"No plan of its kind is better by more than {1 / plan.proven - 1:.1%}: proven.",
                f"A misfit of the law by rho in the losses moves ln N* by up to {error.misfit_weight:.3g} "
                "rho.",
            ],
        ),
        _runs(plan),
        pictures_of(
            [
                (
                    "Candidates and planned runs by size and tokens",
                    "What could be trained, what is planned, and the runs that show a misfit.",
                    lambda: plotting.sweep_plan(plan),
                ),
                (
                    "Weight of each planned run in the best size",
                    "How much an error of each run moves the answer.",
                    lambda: plotting.run_weights(error),
                ),
            ]
        ),
        f"<h2>One run more</h2><pre>{html.escape(str(more))}</pre>",
        f"<h2>How to make this again</h2><pre>{html.escape(chr(10).join(made_by(command)))}</pre>",
    ]
    return whole_page(title, parts)


def _runs(plan: SweepPlan) -> str:
    """The runs to launch, a row each."""
    rows: Any = zip(
        plan.planned.N, plan.planned.D, plan.planned.C, plan.planned.cost, plan.reasons, strict=True
    )
    body = "".join(
        f"<tr><td>{format_count(N)}</td><td>{format_count(D)}</td>"
        f"<td>{html.escape(typeset(f'{C:.3g}'))}</td><td>{html.escape(typeset(f'{cost:.2g}'))}</td>"
        f"<td>{html.escape(reason)}</td></tr>"
        for N, D, C, cost, reason in rows
    )
    names = ("parameters", "tokens", "budget", "FLOPs", "reason")
    return f"<h2>Runs to launch</h2>{wide_table('Runs to launch', names, body)}"
