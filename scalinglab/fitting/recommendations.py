"""What a fit recommends at a budget: size, tokens and loss, and how far each can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray
from scalinglab._text import format_count
from scalinglab.fitting.linearised import Linearised
from scalinglab.solvers.first_order import best_loss_gradient, log_size_gradient
from scalinglab.solvers.quantiles import two_sided_quantile

#: Ends of an interval.
Ends = tuple[float, float]


class Plan(Protocol):
    """Whatever answers the best size and token count."""

    def N_opt(self, C: float) -> Any:
        """Best parameters at C FLOPs."""

    def D_opt(self, C: float) -> Any:
        """Best tokens at C FLOPs."""


@dataclass(frozen=True, repr=False)
class Recommendation:
    r"""Best size and token count at one budget, the loss to expect, and intervals.

    Intervals are those of first-order theory, of :math:`\ln N^*`, which is also that of :math:`\ln D^*`, and
    of :math:`L^*`: they say what the errors of the runs leave open if the law holds out to the budget, not
    whether it holds.

    Attributes
    ----------
    C : float
        The budget in FLOPs.
    N, D : float
        Best parameters and tokens.
    loss : float
        Lowest loss at the budget; nan where the fit is of a frontier alone.
    level : float
        How often such intervals hold the truth.
    spread : float
        Half the interval of :math:`\ln N^*`; nan where there is none.
    loss_spread : float
        Half the interval of the loss; nan where there is none.
    reach : float
        The budget over the largest compute of the runs.
    note : str
        Why there is no interval; empty where there is one.

    See Also
    --------
    SurfaceFit.recommend : Makes one.
    covariance, profile, bootstrap : Other intervals of the same numbers.
    """

    C: float
    N: float
    D: float
    loss: float
    level: float
    spread: float
    loss_spread: float
    reach: float
    note: str = ""

    @property
    def ratio(self) -> float:
        """Tokens per parameter."""
        return self.D / self.N

    @property
    def N_interval(self) -> Ends:
        """Interval of the best size."""
        return self._around(self.N, self.spread)

    @property
    def D_interval(self) -> Ends:
        """Interval of the best token count."""
        return self._around(self.D, self.spread)

    @property
    def ratio_interval(self) -> Ends:
        """Interval of the tokens per parameter: twice as wide, in logs, since C holds N D fixed."""
        return self._around(self.ratio, 2 * self.spread)

    @property
    def loss_interval(self) -> Ends:
        """Interval of the lowest loss, of the law's and not of one more run's."""
        return self.loss - self.loss_spread, self.loss + self.loss_spread

    def _around(self, value: float, spread: float) -> Ends:
        with np.errstate(over="ignore"):
            return float(value * np.exp(-spread)), float(value * np.exp(spread))

    def to_frame(self) -> pd.DataFrame:
        """Value and interval of N, D, D/N and the loss, one row each."""
        import pandas as pd

        rows = {name: (value, *ends) for name, value, ends in self._rows()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])

    def _rows(self) -> list[tuple[str, float, Ends]]:
        rows = [
            ("N", self.N, self.N_interval),
            ("D", self.D, self.D_interval),
            ("D/N", self.ratio, self.ratio_interval),
        ]
        return rows if np.isnan(self.loss) else [*rows, ("loss", self.loss, self.loss_interval)]

    def __repr__(self) -> str:
        known = bool(np.isfinite(self.spread))
        within = (
            "within the budgets of the runs"
            if self.reach <= 1
            else (f"{self.reach:.3g} times the largest budget of the runs")
        )
        lines = [f"at {self.C:.4g} FLOPs, {within}" + f"; intervals of {self.level:.0%}" * known]
        for name, value, (low, high) in self._rows():
            if name == "loss":
                digits = (
                    4 if not known else int(np.clip(1 - np.floor(np.log10(self.loss_spread or 1e-6)), 2, 8))
                )
                shown = [f"{number:.{digits}f}" for number in (value, low, high)]
            else:
                shown = [format_count(number) for number in ((value, low, high) if known else (value,))]
            lines.append(f"{name:<5} {shown[0]:>8}" + (f"   {shown[1]} to {shown[2]}" if known else ""))
        return "\n".join([*lines, *([f"no interval: {self.note}"] if self.note else [])])


def of_surface(found: Linearised, C: float, largest: float, level: float, note: str) -> Recommendation:
    """What a surface recommends; without intervals where a note says why there are none."""
    s = found.surface
    N, D = float(s.N_opt(C)), float(s.D_opt(C))
    quantile = two_sided_quantile(level, max(found.count - len(s.PARAMETERS), 1))
    spread = loss_spread = float("nan")
    if not note:
        spread = quantile * float(found.standard_error(log_size_gradient(s, found.logs, C)))
        loss_spread = quantile * float(found.standard_error(best_loss_gradient(s, found.logs, C)))
    loss = float(s.loss(N, D))
    return Recommendation(C, N, D, loss, level, spread, loss_spread, C / largest, note)


def of_line(
    plan: Plan, budgets: FloatArray, sizes: FloatArray, C: float, largest: float, level: float
) -> Recommendation:
    r"""What a line through the best sizes of several budgets recommends, with the interval of the line.

    With :math:`x = \ln C` and the line's residual variance :math:`s^2`,
    :math:`\operatorname{Var} \ln N^*(C) = s^2\,[1/m + (x - \bar x)^2 / \sum_j (x_j - \bar x)^2]`.
    """
    quantile = two_sided_quantile(level, max(len(budgets) - 2, 1))
    _, error = line_errors(np.log(budgets), np.log(sizes), float(np.log(C)))
    note = "" if np.isfinite(error) else f"a line through {len(budgets)} budgets leaves no error to see"
    N, D, nan = float(plan.N_opt(C)), float(plan.D_opt(C)), float("nan")
    return Recommendation(C, N, D, nan, level, quantile * error, nan, C / largest, note)


def line_errors(x: FloatArray, y: FloatArray, at: float) -> tuple[float, float]:
    """Standard errors of the slope of a fitted line, and of the line at a place; nan of two points."""
    if len(x) < 3:
        return float("nan"), float("nan")
    u = x - x.mean()
    spread = float(u @ u)
    slope = float(u @ y) / spread
    s2 = float(((y - y.mean() - slope * u) ** 2).sum()) / (len(x) - 2)
    return (s2 / spread) ** 0.5, (s2 * (1 / len(x) + (at - float(x.mean())) ** 2 / spread)) ** 0.5
