"""The constants of repetition as the runs know them: the objective along one, the other at its best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, of_kind, positive_number, positive_row, shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.results import FitError
from scalinglab.laws.published import MUENNIGHOFF
from scalinglab.laws.repeated_data import RepeatedSurface
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.extremes import within_floats
from scalinglab.solvers.objectives import Huber, Loss, Squared

#: Where the best constant of excess parameters is sought, and at how many places first.
EXCESS, PLACES = (0.01, 1e4), 57


@dataclass(frozen=True, eq=False)
class RepetitionProfile:
    r"""Profile of :math:`R^*_D`: the least objective at each value, and the :math:`R^*_N` that gives it.

    Attributes
    ----------
    R_D, R_N, objective : ndarray, shape (n,)
        Constants of repeated tokens and of excess parameters, and what they leave.

    See Also
    --------
    repetition_profile : Makes it.
    """

    R_D: FloatArray
    R_N: FloatArray
    objective: FloatArray

    @property
    def best(self) -> int:
        """Place of the lowest objective."""
        return int(np.argmin(self.objective))

    def within(self, share: float) -> tuple[float, float]:
        """Least and largest R_D of the profile whose objective is at most so much above the lowest.

        Parameters
        ----------
        share : float
            For instance 0.01 for one per cent.
        """
        share = positive_number("RepetitionProfile.within: share", share)
        inside = self.R_D[self.objective <= (1 + share) * self.objective[self.best]]
        return float(inside.min()), float(inside.max())


@within_floats
def repetition_objective(
    runs: Runs, R_D: float, R_N: float, surface: LossSurface = MUENNIGHOFF, loss: Loss | None = None
) -> float:
    r"""Sum of what the runs' residuals cost under :class:`RepeatedSurface` with these constants.

    Parameters
    ----------
    runs : Runs
        Runs with a further column ``U``, the unique tokens.
    R_D, R_N : float
        Constants of repeated tokens and of excess parameters.
    surface : LossSurface
        The law of fresh tokens, which is held.
    loss : Squared or Huber, optional
        ``Huber(1e-3, log=True)``, that of :cite:t:`muennighoff2023`, when absent.

    Returns
    -------
    float

    Raises
    ------
    FitError
        If the runs have no column ``U``.

    See Also
    --------
    repetition_profile : Its least values.

    Examples
    --------
    >>> law = RepeatedSurface(MUENNIGHOFF, 15.4, 5.3)
    >>> N, D, U = np.full(3, 1e8), np.array([1e9, 4e9, 1.6e10]), np.full(3, 1e9)
    >>> repetition_objective(Runs(N, D, law.loss(N, D, U), extra={"U": U}), 15.4, 5.3)
    0.0
    """
    who = "repetition_objective"
    positive_number(f"{who}: R_D", R_D)
    positive_number(f"{who}: R_N", R_N)
    unique, cost = _checked(who, runs, surface, loss)
    expected = RepeatedSurface(surface, R_D, R_N).loss(runs.N, runs.D, unique)
    residuals = np.log(expected / runs.L) if cost.log else expected - runs.L
    return float(np.sum(cost.rho(residuals)))


def _checked(who: str, runs: Runs, surface: LossSurface, loss: Loss | None) -> tuple[FloatArray, Loss]:
    """The unique tokens of the runs, and the loss to minimise."""
    require_runs(who, runs)
    of_kind(f"{who}: surface", surface, LossSurface, "give a LossSurface")
    cost = Huber(1e-3, log=True) if loss is None else loss
    if not isinstance(cost, (Squared, Huber)):
        raise ValueError(f"{who}: loss is {shortened(loss)}; give Squared() or Huber().")
    if "U" not in runs.extra:
        raise FitError(f'{who}: the runs have no unique tokens; give Runs(..., extra={{"U": ...}}).')
    return positive_row(f"{who}: column U", runs.extra["U"]), cost


@within_floats
def repetition_profile(
    runs: Runs, R_D: ArrayLike, surface: LossSurface = MUENNIGHOFF, loss: Loss | None = None
) -> RepetitionProfile:
    r"""Profile the constant of repeated tokens: at each value, the best constant of excess parameters.

    The objective of :cite:t:`muennighoff2023`, with the law of fresh tokens held as they held it. In
    :math:`R^*_N` it has several minima; the lowest of a fine grid is refined.

    Parameters
    ----------
    runs : Runs
        Runs with a further column ``U``, the unique tokens.
    R_D : array_like, shape (n,)
        Values of :math:`R^*_D`.
    surface : LossSurface
        The law of fresh tokens.
    loss : Squared or Huber, optional
        ``Huber(1e-3, log=True)`` when absent.

    Returns
    -------
    RepetitionProfile

    Raises
    ------
    FitError
        If the runs have no column ``U``.

    See Also
    --------
    RepeatedSurface : The law.
    profile : Of a parameter of a fit, everything else fitted anew.

    Notes
    -----
    The chapter *When data run out* shows that of their 182 runs.

    Examples
    --------
    >>> law = RepeatedSurface(MUENNIGHOFF, 15.4, 5.3)
    >>> N, D = (grid.ravel() for grid in np.meshgrid([1e8, 1e9], [1e9, 1e10, 1e11]))
    >>> U = np.full(6, 1e9)
    >>> runs = Runs(N, D, law.loss(N, D, U), extra={"U": U})
    >>> found = repetition_profile(runs, [8, 15.4, 30])
    >>> f"R_D {found.R_D[found.best]:g}, R_N {found.R_N[found.best]:.2f}"
    'R_D 15.4, R_N 5.30'
    """
    from scipy.optimize import minimize_scalar

    values = positive_row("repetition_profile: R_D", R_D)
    _checked("repetition_profile", runs, surface, loss)
    places = np.log(np.geomspace(*EXCESS, PLACES))
    ends = []
    for value in values:

        def height(log_R_N: float, R_D: float = float(value)) -> float:
            return repetition_objective(runs, R_D, float(np.exp(log_R_N)), surface, loss)

        heights = [height(place) for place in places]
        lowest = sorted(range(1, PLACES - 1), key=heights.__getitem__)[:3]
        around = [(places[k - 1], places[k + 1]) for k in lowest]
        found = [
            minimize_scalar(height, bounds=one, method="bounded", options={"xatol": 1e-9}) for one in around
        ]
        best = min(found, key=lambda end: float(end.fun))
        ends.append((float(np.exp(best.x)), float(best.fun)))
    R_N, objective = np.array(ends).T
    return RepetitionProfile(values, R_N, objective)
