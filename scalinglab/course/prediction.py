"""Prediction and score of the capstone *One shot*."""

from __future__ import annotations

from dataclasses import dataclass

#: Level of the interval for the loss.
LEVEL = 0.9


class OracleError(ValueError):
    """Raised when the oracle refuses, with the reason; nothing has been spent or taken."""


@dataclass(frozen=True)
class Prediction:
    """A prediction: what to train with the large budget, and the loss expected of it.

    Attributes
    ----------
    N, D : float
        Parameters and tokens; 6ND within the large budget.
    loss : float
        Expected loss, nats per token.
    low, high : float
        Interval of level 0.9 for the loss without noise.
    """

    N: float
    D: float
    loss: float
    low: float
    high: float


@dataclass(frozen=True)
class Score:
    r"""Score of a prediction: wasted compute, interval score, and the truth.

    Attributes
    ----------
    waste : float
        Deadweight compute loss, :math:`1 - C_{\text{needed}}/C`, where C is the whole large budget: what the
        plan leaves unspent is wasted too.
    interval_score : float
        :math:`(h - l) + \frac{2}{0.1}\,[(l - L)_+ + (L - h)_+]` for the interval :math:`[l, h]` and the
        true loss L, nats per token. Small is good: narrow, and rarely missed. The expected score is least
        for the interval between the 5 % and 95 % quantiles of one's honest belief.
    covers : bool
        Whether the interval holds the true loss.
    loss : float
        True loss of the plan, without noise.
    best : float
        Lowest loss the large budget could buy.
    """

    waste: float
    interval_score: float
    covers: bool
    loss: float
    best: float

    def __repr__(self) -> str:
        hit = "holds" if self.covers else "misses"
        return (
            f"waste           {self.waste:.3%} of the compute\n"
            f"interval score  {self.interval_score:.4f} nats per token; the interval {hit} the true loss\n"
            f"true loss       {self.loss:.4f}, the best possible was {self.best:.4f}"
        )
