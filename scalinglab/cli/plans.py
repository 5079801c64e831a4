"""``scalinglab plan`` and ``scalinglab bias``: a sweep judged and planned before it is paid for."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from scalinglab import IsoflopDesign, LossSurface, approach2_bias, fit_vpnls, plan_sweep, predict_error
from scalinglab._arrays import FloatArray
from scalinglab._text import format_count
from scalinglab.cli.reading import read_table
from scalinglab.cli.writing import command_line, write_whole
from scalinglab.laws import published
from scalinglab.planning import next_run
from scalinglab.reporting.printed_answers import plain_data

#: Surfaces that go by a name.
SURFACES: dict[str, LossSurface] = {
    "chinchilla": published.CHINCHILLA,
    "chinchilla-refit": published.CHINCHILLA_REFIT,
    "symmetric": published.SYMMETRIC,
    "asymmetric": published.ASYMMETRIC,
}

HOW = f"E,A,B,alpha,beta; or {', '.join(SURFACES)}; or a table of pilot runs."


def surface_of(text: str) -> LossSurface:
    """The surface that an option names: five numbers, a published one, or that of a table of pilot runs."""
    if text in SURFACES:
        return SURFACES[text]
    if Path(text).suffix and Path(text).exists():
        return fit_vpnls(read_table(Path(text), (), False)).surface
    try:
        E, A, B, alpha, beta = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--surface is {text!r}; give {HOW}") from None
    return LossSurface(E, A, B, alpha, beta)


def budgets_of(text: str) -> FloatArray:
    """Budgets of an option, numbers with commas between."""
    try:
        return np.array([float(part) for part in text.split(",")])
    except ValueError:
        raise ValueError(f"--budgets is {text!r}; give FLOPs with commas between, 1e18,1e19,1e20.") from None


@click.command()
@click.option("--surface", required=True, metavar="SURFACE", help=f"A rough idea of the law: {HOW}")
@click.option("--target", type=float, required=True, metavar="FLOPS", help="The budget to decide about.")
@click.option("--compute", type=float, required=True, metavar="FLOPS", help="What the sweep may cost.")
@click.option("--noise", type=float, default=0.01, show_default=True, help="Error of one loss, in its unit.")
@click.option("--shared", type=float, default=0.0, show_default=True, help="Error that a budget shares.")
@click.option("--runs", type=int, default=45, show_default=True, help="Runs to make.")
@click.option("--minimax", is_flag=True, help="Plan for the worst of the plausible surfaces.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the runs as CSV."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def plan(
    surface: str,
    target: float,
    compute: float,
    noise: float,
    shared: float,
    runs: int,
    minimax: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Plan a sweep: which runs to launch, what they will tell, and how far from the best plan that is."""
    rough = surface_of(surface)
    criterion = "minimax" if minimax else "average"
    planned = plan_sweep(rough, target, compute, runs, criterion=criterion)
    error = planned.predict(noise, shared=shared)
    usual = _usual_grid(compute, runs)
    beside = predict_error(usual, rough, noise, target, shared)
    more = next_run(planned.planned, rough, target, planned.candidates, noise)
    rows: list[dict[str, Any]] = [
        {"N": N, "D": D, "C": C, "flops": cost, "reason": reason}
        for N, D, C, cost, reason in zip(
            planned.planned.N,
            planned.planned.D,
            planned.planned.C,
            planned.planned.cost,
            planned.reasons,
            strict=True,
        )
    ]
    if output is not None:
        if output.suffix == ".html":
            from scalinglab.cli.plan_page import plan_page

            write_whole(output, plan_page(planned, error, beside, more, command_line()))
        else:
            write_whole(output, _as_csv(rows))
        click.echo(f"wrote {len(rows)} runs to {output}", err=True)
    if as_json:
        told = {
            "target": target,
            "compute": planned.cost,
            "standard_error_log_N": float(error.log_N),
            "standard_error_usual_grid": float(beside.log_N),
            "misfit_weight": float(error.misfit_weight),
            "proven": planned.proven,
            "concerns": [*planned.concerns, *error.concerns],
            "runs": rows,
        }
        click.echo(json.dumps(plain_data(told), indent=1))
        return
    click.echo(planned)
    click.echo(
        f"\nA fit of these runs will know the best size and token count at {target:.3g} FLOPs to a "
        f"factor of {math.exp(error.log_N):.3g} (one standard error), at an error of {noise:g} a run; the "
        f"usual grid of as many runs and as much compute, to {math.exp(beside.log_N):.3g}.\n"
    )
    click.echo(f"{'parameters':>10} {'tokens':>8} {'FLOPs':>9}  reason")
    for row in rows:
        click.echo(
            f"{format_count(row['N']):>10} {format_count(row['D']):>8} {row['flops']:>9.2g}  {row['reason']}"
        )
    click.echo(f"\nOne run more:\n{more}")


def _usual_grid(compute: float, runs: int) -> IsoflopDesign:
    """Five IsoFLOP curves, a decade apart, of as many runs and as much compute in all."""
    points = max(runs // 5, 4)
    top = compute / (points * sum(10.0**-k for k in range(5)))
    return IsoflopDesign(np.array([top * 10.0**-k for k in range(4, -1, -1)]), points=points, reach=8)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    """The runs as a table that a launcher, and ``scalinglab check`` once losses are added, can read."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain_data(rows))
    return text.getvalue()


@click.command()
@click.option("--surface", required=True, metavar="SURFACE", help=f"The law: {HOW}")
@click.option("--budgets", required=True, metavar="FLOPS,...", help="The IsoFLOP budgets.")
@click.option("--points", type=int, default=9, show_default=True, help="Sizes at each budget.")
@click.option("--reach", type=float, default=8.0, show_default=True, help="Largest size over the best one.")
@click.option("--offset", type=float, default=1.0, show_default=True, help="Middle of the grid over it.")
@click.option("--target", type=float, required=True, metavar="FLOPS", help="The budget to decide about.")
@click.option("--noise", type=float, default=0.0, show_default=True, help="Error of one loss, in its unit.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def bias(
    surface: str,
    budgets: str,
    points: int,
    reach: float,
    offset: float,
    target: float,
    noise: float,
    as_json: bool,
) -> None:
    """Say how wrong Approach 2 will be on a design, without noise and with it."""
    law = surface_of(surface)
    design = IsoflopDesign(budgets_of(budgets), points=points, reach=reach, offset=offset)
    shift = approach2_bias(law, design)
    off = math.log(shift.N_factor(target))
    told: dict[str, Any] = {"exponent_bias": float(shift.exponent_error), "log_N_bias": off}
    lines = [
        f"Approach 2 on this design has an exponent a off by {told['exponent_bias']:+.4f} without any "
        f"noise, and a best size at {target:.3g} FLOPs that is off by {math.expm1(off):+.1%}."
    ]
    if noise > 0:
        error = predict_error(design, law, noise, target)
        told |= {"standard_error_log_N_vpnls": float(error.log_N), "concerns": list(error.concerns)}
        if error.approach2 is not None:
            told |= {"standard_error_log_N_approach2": float(error.approach2.log_N)}
        lines += [str(error)]
    click.echo(json.dumps(plain_data(told), indent=1) if as_json else "\n\n".join(lines))
