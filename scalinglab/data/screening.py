"""Screening of IsoFLOP runs: stages applied in order, with a reason for each dropped run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import of_kind, shortened
from scalinglab.data.budgets import blurred_budgets
from scalinglab.data.runs import Runs, require_runs
from scalinglab.data.screening_stages import STAGES, ScreeningLimits, Stage


@dataclass(frozen=True)
class Flag:
    """One dropped run, with the stage that dropped it and the reason.

    Attributes
    ----------
    row : int
        Its place in the runs that were screened.
    stage : str
        Name of the stage that dropped it.
    reason : str
        Why, in a sentence.
    """

    row: int
    stage: str
    reason: str


@dataclass(frozen=True, repr=False)
class Screening:
    """Result of a screening: the runs kept, the runs dropped, and why.

    Attributes
    ----------
    runs : Runs
        The runs that were screened.
    kept : Runs
        Those that passed every stage, in their old order.
    flags : tuple of Flag
        One for each dropped run, in the order of dropping.
    stages : tuple of str
        Names of the stages, in order.

    See Also
    --------
    deadweight_by_stage : What each stage does to the answer.
    """

    runs: Runs
    kept: Runs
    flags: tuple[Flag, ...]
    stages: tuple[str, ...]

    def after(self, stage: str | None = None) -> Runs:
        """Return the runs left after a stage and all before it; all runs when no stage is named.

        Raises
        ------
        ValueError
            If there is no such stage.
        """
        if stage is None:
            return self.runs
        if not isinstance(stage, str) or stage not in self.stages:
            raise ValueError(f"Screening: no stage {shortened(stage)}; there are {', '.join(self.stages)}.")
        done = self.stages[: self.stages.index(stage) + 1]
        keep = np.ones(len(self.runs), bool)
        keep[[flag.row for flag in self.flags if flag.stage in done]] = False
        return self.runs.take(keep)

    def steps(self) -> dict[str, Runs]:
        """Return the runs before the first stage (key ``"all runs"``) and after each."""
        return {"all runs": self.runs, **{stage: self.after(stage) for stage in self.stages}}

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas table: one row a dropped run, with N, D, L, C, its name, stage and reason."""
        import pandas as pd

        rows = [flag.row for flag in self.flags]
        table = pd.DataFrame(
            {letter: getattr(self.runs, letter)[rows] for letter in ("N", "D", "L", "C")}, index=rows
        )
        return table.assign(
            run=[self.runs.label(row) for row in rows],
            stage=[flag.stage for flag in self.flags],
            reason=[flag.reason for flag in self.flags],
        )

    def __repr__(self) -> str:
        lines = [f"{len(self.runs)} runs at {len(self.runs.budgets)} budgets"]
        for stage in self.stages:
            left = self.after(stage)
            lines.append(f"{stage:<20} {len(left)} runs at {len(left.budgets)} budgets")
        return "\n".join(lines)


def screen(
    runs: Runs, limits: ScreeningLimits | None = None, stages: Sequence[tuple[str, Stage]] | None = None
) -> Screening:
    """Screen IsoFLOP runs stage by stage; each stage sees what the last one left.

    Screen where single runs may be broken or misread, or a budget is too flat to have a vertex. Set the
    limits before you look at a fit, and report the answer with and without. That two methods disagree is no
    reason to screen; and where some runs are far off and you know no reason to drop them, a fit with
    ``Huber`` keeps them all.

    Parameters
    ----------
    runs : Runs
        Runs on IsoFLOP curves; positive losses.
    limits : ScreeningLimits, optional
        Thresholds; those of :cite:t:`czech2026` when absent.
    stages : sequence of (name, stage), optional
        ``STAGES`` when absent. A stage takes the runs that are left and the limits, and returns a
        reason for every row it drops.

    Returns
    -------
    Screening

    Raises
    ------
    ValueError
        If two stages share a name, a loss is not positive, or nothing is left after a stage; the message
        then names the stage and a reason.

    See Also
    --------
    ScreeningLimits : The thresholds.
    deadweight_by_stage : What each stage does to the answer.
    Huber : A loss that lets outliers stay.

    Notes
    -----
    Screening looks at the losses, so it can manufacture agreement. The chapter *Screening the runs*
    shows what each stage does to the answer, on data where it helps and on data where it does not.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> screen(load_llama3())
    133 runs at 10 budgets
    near-duplicates      131 runs at 10 budgets
    too few              131 runs at 10 budgets
    off centre           130 runs at 10 budgets
    outliers             126 runs at 10 budgets
    weak curvature       116 runs at 8 budgets
    too few again        116 runs at 8 budgets
    """
    require_runs("screen", runs)
    limits = ScreeningLimits() if limits is None else limits
    of_kind("screen: limits", limits, ScreeningLimits, "give ScreeningLimits(...)")
    stages = STAGES if stages is None else _checked_stages(stages)
    names = tuple(name for name, _ in stages)
    if len(set(names)) < len(names):
        raise ValueError(f"screen: two stages share a name; give each its own ({', '.join(names)}).")
    if not (runs.L > 0).all():
        row = int(np.argmin(runs.L > 0))
        raise ValueError(
            f"screen: loss of {runs.label(row)} of runs is {runs.L[row]:g}; curvature is judged on log L, "
            "so losses must be positive. Drop the run or correct its loss."
        )
    left = np.arange(len(runs))
    flags: list[Flag] = []
    for name, stage in stages:
        reasons = stage(runs.take(left), limits)
        if not isinstance(reasons, Mapping) or not set(reasons) <= set(range(len(left))):
            raise ValueError(
                f"screen: the stage {name!r} of stages answers {shortened(reasons)}; it must map "
                "rows to reasons."
            )
        flags += [Flag(int(left[row]), name, reasons[row]) for row in sorted(reasons)]
        left = np.delete(left, sorted(reasons))
        if not len(left):
            raise ValueError(
                f"screen: of these runs nothing is left after the stage {name!r}. {flags[-1].reason} "
                + _way_out(runs)
            )
    return Screening(runs, runs.take(left), tuple(flags), names)


def _way_out(runs: Runs) -> str:
    """What to do where nothing is left: runs on no IsoFLOP curves cannot be screened by them."""
    budgets = runs.budgets
    if 3 * len(budgets) <= len(runs):
        return "Relax the limits or leave that stage out of stages."
    if blurred := blurred_budgets(budgets, runs.C, runs.N, runs.D):
        return (
            f"These {len(runs)} runs at {len(budgets)} budgets look like {blurred.meant}: group them first, "
            f"runs.group(rtol={blurred.rtol:g})."
        )
    return (
        f"These {len(runs)} runs at {len(budgets)} budgets lie on no IsoFLOP curves, which stages compare: "
        "fit them as they are, fit_vpnls(runs), with Huber if some are far off."
    )


def _checked_stages(stages: Any) -> tuple[tuple[str, Stage], ...]:
    """Return the stages as pairs, or raise ValueError."""
    try:
        pairs = tuple((name, stage) for name, stage in stages)
    except (TypeError, ValueError):
        pairs = ()
    if not pairs or not all(isinstance(name, str) and callable(stage) for name, stage in pairs):
        raise ValueError(
            f"screen: stages is {shortened(stages)}; give pairs of a name and a function of runs and limits."
        )
    return pairs
