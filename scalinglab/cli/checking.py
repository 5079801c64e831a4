"""What speaks against a table before anything is planned with it."""

from __future__ import annotations

from scalinglab.data.runs import Runs
from scalinglab.data.screening import screen
from scalinglab.fitting.data_concerns import data_concerns
from scalinglab.fitting.repeats_and_checkpoints import repeat_concerns
from scalinglab.fitting.results import FitError
from scalinglab.fitting.vpnls import fit_vpnls


def whats_wrong(runs: Runs) -> list[str]:
    """Sentences with cause and remedy, the weightiest first: the columns, repeats, then single runs."""
    told, fit = data_concerns(runs), None
    try:
        fit = fit_vpnls(runs)
        told += repeat_concerns(runs, fit.residuals, fit.freedom)
    except (ValueError, FitError) as error:
        told.append(f"a surface cannot be fitted: {error}")
    try:
        flags = screen(runs).flags
    except (ValueError, FitError) as error:
        # where no surface can be fitted the remedy of runs on no curves, to fit one, is none
        return told if fit is None else [*told, f"not screened: {error}"]
    stages: dict[str, list[int]] = {}
    for one in flags:
        stages.setdefault(one.stage, []).append(one.row)
    reasons = {one.stage: one.reason for one in reversed(flags)}
    for stage, rows in stages.items():
        told.append(
            f"screening would leave out {len(rows)} of {len(runs)} runs as {stage!r}: {runs.listed(rows)}. "
            f"Of the first: {reasons[stage]}"
        )
    return told
