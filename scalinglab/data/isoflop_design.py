"""IsoFLOP designs: the budgets and model sizes of a study, and its runs on a surface."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from scalinglab._arrays import (
    FloatArray,
    floats,
    generator,
    held,
    number,
    of_kind,
    shortened,
)
from scalinglab.data.budgets import BUDGET_TOLERANCE
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface

#: Largest factor of a grid, and its inverse the smallest.
LARGEST_FACTOR = 1e100

#: Runs of a design, at most.
MOST_RUNS = 10_000_000


@dataclass(frozen=True, eq=False)
class IsoflopDesign:
    r"""An IsoFLOP design: budgets, and at each a grid of model sizes around a centre.

    The grid at budget :math:`C_j` holds ``points`` sizes, equally spaced in :math:`\ln N` from
    1/``reach`` to ``reach`` times its centre. In tokens the centre lies at

    .. math:: D_j = \text{offset}\cdot\text{drift}^{\,t_j}\; D^*(C_j), \qquad
              t_j = \frac{\ln C_j - \ln C_{\min}}{\ln C_{\max} - \ln C_{\min}},

    so that offset 3 means grids centred at three times the best token count, and drift 3 means a centre
    that starts at ``offset`` and ends three times further at the highest budget.

    Leave both at 1 for grids that are centred exactly. Change ``offset`` to see what happens if all grids
    miss by the same factor, which biases the intercept of Approach 2 alone; change ``drift`` if the miss
    grows with the budget, which biases its exponent too.

    Parameters
    ----------
    budgets : array_like, shape (m,)
        Compute budgets in FLOPs; positive and distinct.
    reach : float
        The papers' "±k×"; greater than 1.
    points : int
        Sizes at each budget; at least 3.
    offset, drift : float
        Centre in tokens over the best token count, and its further factor at the highest budget.

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    approach2_bias : The bias of Approach 2 on a design, without a simulation.
    Runs : Runs that were made.

    Notes
    -----
    The designs of :cite:t:`czech2026`, which the chapters on Approach 2 take apart.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> design = IsoflopDesign(budgets=[1e18, 1e20], reach=4, points=5)
    >>> design.runs(CHINCHILLA)
    10 runs at 2 budgets, 1e+18 to 1e+20 FLOPs
    N 2.01e+07 to 2.58e+09 parameters
    D 5.17e+08 to 1.03e+11 tokens
    L 2.6 to 3.712
    """

    budgets: FloatArray
    reach: float = 16.0
    points: int = 15
    offset: float = 1.0
    drift: float = 1.0

    def __post_init__(self) -> None:
        budgets = np.array(floats("IsoflopDesign: budgets", self.budgets), ndmin=1)
        if budgets.ndim != 1 or not len(budgets):
            raise ValueError("IsoflopDesign: budgets must be a list of FLOPs.")
        if not (np.isfinite(budgets) & (budgets > 0)).all():
            raise ValueError(
                "IsoflopDesign: budgets holds something else: every budget must be a positive "
                "number of FLOPs."
            )
        if (np.diff(np.sort(np.log(budgets))) <= BUDGET_TOLERANCE).any():
            raise ValueError(
                f"IsoflopDesign: two budgets lie within {BUDGET_TOLERANCE:.0%} of each other, so their runs "
                "would count as one budget; space them further apart."
            )
        if not 1 < number("IsoflopDesign: reach", self.reach) <= LARGEST_FACTOR:
            raise ValueError(
                f"IsoflopDesign: reach is {self.reach}; a grid needs a factor above 1, below 1e100."
            )
        known = isinstance(self.points, Integral) and not isinstance(self.points, (bool, np.timedelta64))
        if not known or self.points < 3:
            raise ValueError(
                f"IsoflopDesign: points is {shortened(self.points)}; a parabola needs 3 or more, a "
                "whole number."
            )
        if self.points * len(budgets) > MOST_RUNS:
            raise ValueError(
                f"IsoflopDesign: points is {shortened(self.points)} at {len(budgets)} budgets; keep "
                "their product "
                f"below {MOST_RUNS:.0e} runs."
            )
        for name in ("offset", "drift"):
            value = floats(f"IsoflopDesign: {name}", getattr(self, name))
            if value.ndim or not 1 / LARGEST_FACTOR <= value <= LARGEST_FACTOR:
                raise ValueError(
                    f"IsoflopDesign: {name} is {shortened(getattr(self, name))}; give a positive factor."
                )
        budgets.setflags(write=False)
        object.__setattr__(self, "budgets", budgets)
        for name in ("reach", "offset", "drift"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, int) else float(value))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made anew, so that their budgets are read-only too."""
        return type(self), (self.budgets, self.reach, self.points, self.offset, self.drift)

    @property
    def offsets(self) -> FloatArray:
        """Centre of each grid in tokens over the best token count, shape (m,)."""
        logs = np.log(self.budgets)
        span = np.ptp(logs)
        position = (logs - logs.min()) / span if span else np.zeros_like(logs)
        return self.offset * self.drift**position

    def sizes(self, surface: LossSurface) -> FloatArray:
        """Model sizes of the grids, shape (m, points)."""
        of_kind("IsoflopDesign: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
        with np.errstate(over="ignore"):
            centres = surface.N_opt(self.budgets) / self.offsets
            steps = np.linspace(-1.0, 1.0, int(self.points))
            sizes = np.asarray(centres[:, None] * self.reach**steps)
        held("IsoflopDesign: some size of the grid on this surface", sizes, 0)
        return sizes

    def runs(
        self,
        surface: LossSurface,
        noise: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> Runs:
        """Simulate the runs of the design on a surface.

        Parameters
        ----------
        surface : LossSurface
            The truth, which also says where the grids are centred.
        noise : float
            Standard deviation of independent Gaussian errors added to the losses, in their unit.
        rng : numpy.random.Generator, optional
            Needed when ``noise`` is positive.

        Returns
        -------
        Runs
            ``m * points`` runs, budget by budget.

        Raises
        ------
        ValueError
            If the noise is negative, or positive without ``rng``.
        """
        noise = number("IsoflopDesign: noise", noise)
        if not 0 <= noise <= LARGEST_FACTOR:
            raise ValueError(
                f"IsoflopDesign: noise is {noise:g}; a standard deviation must not be negative, nor "
                "above 1e100."
            )
        N = self.sizes(surface)
        C = np.broadcast_to(self.budgets[:, None], N.shape)
        with np.errstate(over="ignore"):
            D = held(
                "IsoflopDesign: some D of the grid on this surface", C / (FLOPS_PER_PARAMETER_TOKEN * N), 0
            )
        L = surface.loss(N, D)
        if noise > 0:
            if rng is None:
                raise ValueError(
                    "IsoflopDesign: noisy runs need rng, for instance numpy.random.default_rng(0)."
                )
            L = L + noise * generator("IsoflopDesign: rng", rng).standard_normal(N.shape)
        return Runs(N.ravel(), D.ravel(), L.ravel(), C.ravel())
