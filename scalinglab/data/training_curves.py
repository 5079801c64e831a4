"""Training curves: the loss along every run, not only where it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import (
    FloatArray,
    floats,
    generator,
    held,
    number,
    of_kind,
    positive,
)
from scalinglab.data.runs import Runs
from scalinglab.laws.surface import (
    FLOPS_PER_PARAMETER_TOKEN,
    LossSurface,
    training_flops,
)

#: Steps of all curves together, at most.
MOST_STEPS = 10_000_000


@dataclass(frozen=True, eq=False, repr=False)
class TrainingCurves:
    """Loss at every logged step of several training runs.

    Parameters
    ----------
    N : array_like, shape (k,)
        Parameters of each run; positive.
    horizon : array_like, shape (k,)
        Tokens each run was planned for: the length of its learning-rate schedule.
    D : array_like, shape (k, s)
        Tokens seen at each logged step; positive and increasing along a run.
    L : array_like, shape (k, s)
        Loss there; finite.

    Raises
    ------
    ValueError
        If shapes do not fit or an entry is out of range; the message names the run.

    See Also
    --------
    simulate_curves : Curves on a surface.
    smooth : Averages noise along a curve.
    fit_approach1 : Fits their lower envelope.

    Notes
    -----
    Used in the chapter *Approach 1: the envelope of training curves*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> simulate_curves(CHINCHILLA, sizes=[1e8, 2e8], horizons=[2e9, 8e9], steps=100)
    4 training curves of 2 sizes, 100 steps each, up to 9.6e+18 FLOPs
    """

    N: FloatArray
    horizon: FloatArray
    D: FloatArray
    L: FloatArray

    def __post_init__(self) -> None:
        for name, dimensions in (("N", 1), ("horizon", 1), ("D", 2), ("L", 2)):
            values = np.array(floats(f"TrainingCurves: {name}", getattr(self, name)))
            if values.ndim != dimensions or not values.size:
                shape = "one number a run" if dimensions == 1 else "a table of runs by steps"
                raise ValueError(f"TrainingCurves: {name} has shape {values.shape}; give {shape}.")
            good = np.isfinite(values) & ((values > 0) | (name == "L"))
            if not good.all():
                run = int(np.argwhere(~good)[0, 0])
                raise ValueError(
                    f"TrainingCurves: {name} of run {run} holds {values[~good][0]:g}; "
                    f"give {'finite' if name == 'L' else 'positive'} numbers, or leave the run out."
                )
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        runs = len(self.N)
        if self.D.shape != self.L.shape or len(self.D) != runs or len(self.horizon) != runs:
            raise ValueError(
                f"TrainingCurves: N has {runs} runs, horizon {len(self.horizon)}, D is {self.D.shape} and L "
                f"{self.L.shape}; give one row of D and of L for every run."
            )
        rising = (np.diff(self.D, axis=1) > 0).all(axis=1)
        if not rising.all():
            raise ValueError(
                f"TrainingCurves: the tokens of run {int(np.argmin(rising))} do not increase from step to "
                "step; sort its log, and keep one entry a step."
            )

        self._require_compute()

    def _require_compute(self) -> None:
        """Raise ValueError if 6 N D overflows somewhere."""
        with np.errstate(over="ignore", under="ignore"):
            spent = FLOPS_PER_PARAMETER_TOKEN * self.N[:, None] * self.D
        held("TrainingCurves: the compute 6 N D of some run, by its sizes and horizons,", spent, 0)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are made anew, so that they are read-only too."""
        return type(self), (self.N, self.horizon, self.D, self.L)

    def __len__(self) -> int:
        return len(self.N)

    def __repr__(self) -> str:
        return (
            f"{len(self)} training curves of {len(np.unique(self.N))} sizes, {self.D.shape[1]} steps each, "
            f"up to {self.C.max():.3g} FLOPs"
        )

    @property
    def C(self) -> FloatArray:
        """Compute spent up to each step, ``6 N D``, shape (k, s)."""
        return np.asarray(training_flops(self.N[:, None], self.D))

    @property
    def ends(self) -> Runs:
        """The last step of every curve, as runs."""
        return Runs(self.N, self.D[:, -1], self.L[:, -1])

    def at(self, C: ArrayLike) -> FloatArray:
        """Loss of every run when it had spent C FLOPs, linear in ln C between steps.

        Parameters
        ----------
        C : array_like, shape (n,)
            Compute in FLOPs.

        Returns
        -------
        ndarray, shape (k, n)
            Infinite where a run had not begun to log or had ended.
        """
        x = np.log(np.atleast_1d(positive("TrainingCurves.at: C", C)))
        if x.ndim != 1:
            raise ValueError(f"TrainingCurves.at: C has shape {x.shape}; give one compute or a row of them.")
        rows = zip(np.log(self.C), self.L, strict=True)
        return np.array([np.interp(x, logs, losses, left=np.inf, right=np.inf) for logs, losses in rows])


def simulate_curves(
    surface: LossSurface,
    sizes: ArrayLike,
    horizons: ArrayLike,
    steps: int = 500,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    undecayed: float = 0.0,
) -> TrainingCurves:
    r"""Simulate training curves on a surface, one for every size and horizon.

    After D of its H tokens a run of N parameters has the loss

    .. math:: L(N, D) + \text{undecayed}\cdot\tfrac12\bigl(1 + \cos(\pi D/H)\bigr) + \text{noise}.

    The first term assumes that a run on its way is as good as a run that ends there. With a cosine
    schedule it is worse, since its learning rate has not decayed; the second term is an illustration of
    that, full at the start of a run and zero at its end. Its form and size come from no measurement.

    Parameters
    ----------
    surface : LossSurface
        The truth.
    sizes : array_like, shape (m,)
        Parameters.
    horizons : array_like, shape (h,) or (m, h)
        Tokens of the runs, the same for all sizes or a row for each.
    steps : int
        Logged steps of a run, equally spaced in tokens, the last at its horizon.
    noise : float
        Standard deviation of independent Gaussian errors at every step, in the unit of the loss.
    rng : numpy.random.Generator, optional
        Needed when ``noise`` is positive.
    undecayed : float
        Loss that the decay of the learning rate has still to bring at the start of a run.

    Returns
    -------
    TrainingCurves
        ``m * h`` curves, size by size.

    Raises
    ------
    ValueError
        If an argument is out of range.

    See Also
    --------
    IsoflopDesign : Simulates finished runs.

    Notes
    -----
    Used in the chapter *Approach 1: the envelope of training curves*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> curves = simulate_curves(CHINCHILLA, sizes=[1e8], horizons=[8e9], steps=4)
    >>> curves.D[0] / 1e9
    array([2., 4., 6., 8.])
    """
    of_kind("simulate_curves: surface", surface, LossSurface, "give a LossSurface, for instance CHINCHILLA")
    N = np.array(positive("simulate_curves: sizes", sizes), ndmin=1)
    H = np.array(positive("simulate_curves: horizons", horizons), ndmin=1)
    if N.ndim != 1 or H.ndim > 2 or (H.ndim == 2 and len(H) != len(N)):
        raise ValueError(
            f"simulate_curves: sizes has shape {N.shape} and horizons {H.shape}; give a list of sizes, and "
            "a list of horizons or one row of them for each size."
        )
    count = number("simulate_curves: steps", steps)
    if count % 1 or count < 2:
        raise ValueError(f"simulate_curves: steps is {steps}; a curve needs 2 or more.")
    noise = number("simulate_curves: noise", noise)
    undecayed = number("simulate_curves: undecayed", undecayed)
    if not 0 <= noise <= 1e100 or not 0 <= undecayed <= 1e100:
        raise ValueError("simulate_curves: noise and undecayed must not be negative, nor above 1e100.")
    if not N.size or not H.size or len(N) * H.shape[-1] * count > MOST_STEPS:
        raise ValueError(
            f"simulate_curves: steps is {count:.3g} for {len(N)} sizes and {H.shape[-1]} horizons; "
            "give one or "
            f"more of each, and at most {MOST_STEPS:.0e} steps in all."
        )
    H = np.broadcast_to(H, (len(N), H.shape[-1]))
    N, H = np.repeat(N, H.shape[1]), H.ravel()
    progress = np.arange(1, int(steps) + 1) / int(steps)
    D = H[:, None] * progress
    held("simulate_curves: some D of these horizons", D, 0)
    L = surface.loss(N[:, None], D) + undecayed * (1 + np.cos(np.pi * progress)) / 2
    if noise > 0:
        if rng is None:
            raise ValueError("simulate_curves: noisy curves need rng, e.g. numpy.random.default_rng(0).")
        L = L + noise * generator("simulate_curves: rng", rng).standard_normal(L.shape)
    return TrainingCurves(N, H, D, L)


def smooth(curves: TrainingCurves, window: float = 10) -> TrainingCurves:
    """Smooth training curves: average each loss over neighbouring steps with Gaussian weights.

    Use it on noisy curves before :func:`fit_approach1`: otherwise the envelope picks the luckiest run of each
    budget.

    Parameters
    ----------
    curves : TrainingCurves
        As logged.
    window : float
        Length of the window in steps: two standard deviations of the weights to either side. Beyond the
        ends of a run its first and last losses are repeated.

    Returns
    -------
    TrainingCurves

    Raises
    ------
    ValueError
        If the window is not positive.

    Notes
    -----
    :cite:t:`hoffmann2022` state a Gaussian window of 10 steps; that it reaches two standard deviations is
    our reading.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> rng = np.random.default_rng(0)
    >>> design = {"sizes": [1e8], "horizons": [8e9], "steps": 2000}
    >>> curves = simulate_curves(CHINCHILLA, **design, noise=0.01, rng=rng)
    >>> errors = smooth(curves).L - CHINCHILLA.loss(1e8, curves.D)
    >>> f"{errors[0, 1000:].std():.4f}"
    '0.0035'
    """
    of_kind("smooth: curves", curves, TrainingCurves, "give TrainingCurves(N, horizon, D, L)")
    window = number("smooth: window", window)
    if not 1e-100 <= window <= MOST_STEPS:
        raise ValueError(
            f"smooth: window is {window}; give a positive number of steps, below {MOST_STEPS:.0e}."
        )
    from scipy.ndimage import gaussian_filter1d

    L = gaussian_filter1d(curves.L, sigma=window / 4, axis=1, mode="nearest", truncate=2.0)
    return TrainingCurves(curves.N, curves.horizon, curves.D, L)
