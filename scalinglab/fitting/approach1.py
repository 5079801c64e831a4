"""Approach 1: the lower envelope of training curves, then a power law through its sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scalinglab._arrays import FloatArray, flag, floats, of_kind, shortened
from scalinglab.data.training_curves import TrainingCurves
from scalinglab.fitting.results import FitError, FrontierFit
from scalinglab.laws.straight_lines import straight_line
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN

#: Relative flattening of the exponent by the two end sizes, above which a fit says so.
FLATTENING_LIMIT = 0.01

#: Budgets at which the envelope is read, at most.
MOST_BUDGETS = 1_000_000

#: Sizes on the envelope, below which a fit says so.
FEWEST_STEPS = 6


@dataclass(frozen=True, eq=False)
class Envelope:
    """Lower envelope of training curves: the run of lowest loss at each of many budgets.

    Attributes
    ----------
    C : ndarray, shape (n,)
        Budgets in FLOPs, ascending.
    N : ndarray, shape (n,)
        Parameters of the run that is lowest there.
    L : ndarray, shape (n,)
        Its loss.

    See Also
    --------
    lower_envelope : Finds it.
    """

    C: FloatArray
    N: FloatArray
    L: FloatArray

    @property
    def D(self) -> FloatArray:
        """Tokens the lowest run had seen, ``C / 6N``, shape (n,)."""
        return self.C / (FLOPS_PER_PARAMETER_TOKEN * self.N)

    @property
    def sizes(self) -> FloatArray:
        """The sizes that are lowest somewhere, ascending."""
        return np.unique(self.N)

    @property
    def shares(self) -> FloatArray:
        """Share of the budgets at which each of ``sizes`` is lowest."""
        return np.unique(self.N, return_counts=True)[1] / len(self.N)

    @property
    def switches(self) -> FloatArray:
        """Budgets at which the size changes, halfway (in logs) between the two neighbours."""
        change = np.flatnonzero(np.diff(self.N))
        return np.sqrt(self.C[change] * self.C[change + 1])


@dataclass(frozen=True, repr=False)
class EnvelopeFit(FrontierFit):
    """A frontier fitted to the lower envelope of training curves.

    Attributes
    ----------
    envelope : Envelope
        The lowest run at every budget.
    used_budgets : ndarray of bool, shape (n,)
        Which of them entered the power law.

    See Also
    --------
    fit_approach1 : Fits it.
    """

    envelope: Envelope = field(kw_only=True)
    used_budgets: NDArray[np.bool_] = field(kw_only=True)

    @property
    def budgets_used(self) -> tuple[int, int]:
        """How many budgets entered the power law, and of how many."""
        return int(self.used_budgets.sum()), len(self.used_budgets)


def lower_envelope(curves: TrainingCurves, budgets: ArrayLike) -> Envelope:
    """Find the lower envelope of training curves at these budgets.

    Parameters
    ----------
    curves : TrainingCurves
        Losses between steps are interpolated linearly in ln C.
    budgets : array_like, shape (n,)
        Budgets in FLOPs. Those at which no run has a loss are left out.

    Returns
    -------
    Envelope

    Raises
    ------
    ValueError
        If a budget is not positive and finite.

    See Also
    --------
    fit_approach1 : Fits a power law to its sizes.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> from scalinglab.data import simulate_curves
    >>> curves = simulate_curves(CHINCHILLA, sizes=[1e8, 1e9], horizons=[1e11])
    >>> lower_envelope(curves, [1e19, 1e20]).N
    array([1.e+08, 1.e+09])
    """
    of_kind("lower_envelope: curves", curves, TrainingCurves, "give TrainingCurves(N, horizon, D, L)")
    C = np.unique(floats("lower_envelope: budgets", budgets))
    if not C.size or not (np.isfinite(C) & (C > 0)).all():
        raise ValueError(
            f"lower_envelope: budgets is {shortened(budgets)}; every budget must be a positive "
            "number of FLOPs."
        )
    losses = curves.at(C)
    lowest = losses.argmin(axis=0)
    L = losses[lowest, np.arange(len(C))]
    known = np.isfinite(L)
    return Envelope(C[known], curves.N[lowest][known], L[known])


def fit_approach1(
    curves: TrainingCurves, budgets: int | ArrayLike = 1500, *, trim: bool = False
) -> EnvelopeFit:
    r"""Approach 1: fit a power law to the sizes on the lower envelope of training curves.

    Use it when training curves are all you have, long enough to cross before a run ends; the ends of finished
    runs serve the other methods better.

    At each budget the run of lowest loss is found, and :math:`\ln \hat N` is regressed on :math:`\ln C`.
    The tokens :math:`\hat D = C/6\hat N` need no second fit: on the same budgets their exponent is
    :math:`1 - \hat a`.

    Parameters
    ----------
    curves : TrainingCurves
        Of two sizes or more; smooth noisy ones first (:func:`scalinglab.data.smooth`).
    budgets : int or array_like
        Budgets in FLOPs, or how many to space equally in ln C from the cheapest finished run to the
        dearest.
    trim : bool
        Leave out the budgets below the first and above the last change of size, where the envelope
        has nowhere to go. The ends flatten the exponent, so pass True unless you redo a published fit.

    Returns
    -------
    EnvelopeFit

    Raises
    ------
    FitError
        If the envelope never changes its size within the budgets.
    ValueError
        If there are fewer than two budgets, or one is not positive.

    See Also
    --------
    lower_envelope : The first of its two steps.
    fit_approach2 : Parabolas through finished runs.
    fit_vpnls : The whole surface from finished runs.
    staircase_exponent : What it returns on a surface, in closed form.

    Notes
    -----
    The first approach of :cite:t:`hoffmann2022`, who take 1500 budgets. The chapter *Approach 1: the
    envelope of training curves* derives what it returns on a surface.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> from scalinglab.data import simulate_curves
    >>> sizes = np.geomspace(1e8, 1e10, 9)
    >>> curves = simulate_curves(CHINCHILLA, sizes, horizons=np.outer(sizes, [20, 320]))
    >>> whole, trimmed = fit_approach1(curves), fit_approach1(curves, trim=True)
    >>> f"{whole.a:.3f}, trimmed {trimmed.a:.3f}"
    '0.434, trimmed 0.442'
    """
    of_kind("fit_approach1: curves", curves, TrainingCurves, "give TrainingCurves(N, horizon, D, L)")
    flag("fit_approach1: trim", trim)
    given = floats("fit_approach1: budgets", budgets)
    if given.ndim == 0:
        finished, count = curves.ends.C, float(given)
        if not (2 <= count <= MOST_BUDGETS and count.is_integer()):
            raise ValueError(
                f"fit_approach1: budgets is {count:g}; give a whole number, two or more, up to "
                f"{MOST_BUDGETS:.0e}."
            )
        asked = np.geomspace(finished.min(), finished.max(), int(count))
    else:
        asked = np.unique(given)
    envelope = lower_envelope(curves, asked)
    if len(envelope.sizes) < 2:
        raise FitError(
            f"one size is lowest at all {len(envelope.C)} budgets, so nothing says how the best size grows; "
            "add curves of smaller and larger models, or budgets further apart."
        )
    used = np.ones(len(envelope.C), bool)
    if trim:
        between = envelope.sizes[1:-1]
        used = np.isin(envelope.N, between)
        if len(between) < 2:
            raise FitError(
                f"between its smallest and its largest size the envelope has {len(between)}, and a power "
                "law needs two; add curves of sizes in between."
            )
    law = straight_line(envelope.C[used], envelope.N[used]).law
    concerns = _left_out(envelope, asked) + ([] if trim else _flattened(envelope))
    concerns += _coarse(np.unique(envelope.N[used])) + _back_and_forth(envelope) + _ended(curves, envelope)
    return EnvelopeFit(
        law, curves.ends, "Approach 1", (), tuple(concerns), envelope=envelope, used_budgets=used
    )


def _left_out(envelope: Envelope, asked: FloatArray) -> list[str]:
    """Say if budgets had no run."""
    missing = len(asked) - len(envelope.C)
    return (
        [f"no run has a loss at {missing} of {len(asked)} budgets, and they were left out; add runs there."]
        if missing
        else []
    )


def _flattened(envelope: Envelope) -> list[str]:
    """Say if the smallest and the largest size hold so many budgets that the exponent suffers."""
    shares = envelope.shares
    ends, step = shares[[0, -1]], float(np.median(shares))
    # half a step at either end would be there on a continuum of sizes too
    excess = np.maximum(ends - step / 2, 0)
    loss = float(np.sum(3 * excess**2 - 2 * excess**3))
    if loss <= FLATTENING_LIMIT:
        return []
    switches = envelope.switches
    return [
        f"the smallest size holds {ends[0]:.0%} of the budgets and the largest {ends[1]:.0%}; there the "
        f"envelope cannot move, which flattens the exponent by about {loss:.1%} of itself. Pass trim=True, "
        f"or keep to budgets from {switches[0]:.3g} to {switches[-1]:.3g}, or add sizes."
    ]


def _coarse(sizes: FloatArray) -> list[str]:
    """Say if the staircase has few steps."""
    if len(sizes) >= FEWEST_STEPS:
        return []
    return [
        f"{len(sizes)} sizes on the envelope make a coarse staircase, whose exponent may be off by "
        f"{1 / len(sizes) ** 2:.0%} of itself where its ends are cut; add sizes in between."
    ]


def _back_and_forth(envelope: Envelope) -> list[str]:
    """Say if the envelope returns to smaller sizes as the budget grows."""
    back = int((np.diff(envelope.N) < 0).sum())
    if not back:
        return []
    return [
        f"as the budget grows the envelope steps back to a smaller size {back} times: noise, or curves that "
        "stop and start, decide which run is lowest. Smooth the curves, or compare finished runs only."
    ]


def _ended(curves: TrainingCurves, envelope: Envelope) -> list[str]:
    """Say if runs gave way because they had ended, and not because a larger one was better."""
    change = np.flatnonzero(np.diff(envelope.N) > 0)
    last = curves.ends.C
    longest = np.array([last[N == curves.N].max() for N in envelope.N[change]])
    ended = int((longest < envelope.C[change + 1]).sum())
    if not ended:
        return []
    return [
        f"at {ended} of {len(change)} changes of size the smaller model had no run left: there the horizons "
        "set the exponent, and not the losses. Train the smaller models longer."
    ]
