"""The reach of an IsoFLOP grid: what it does to bias and variance, and where Approach 2 errs least."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import FloatArray, of_kind, positive_range
from scalinglab.data.isoflop_design import IsoflopDesign
from scalinglab.fitting.printed_fits import sentences
from scalinglab.laws.surface import LossSurface
from scalinglab.planning.extremes import within_floats
from scalinglab.planning.predicted_errors import LEAST_SIGNAL, predict_error

#: Reaches looked at, equally spaced in the log of their log.
STEPS = 33


@dataclass(frozen=True, eq=False, repr=False)
class BestReach:
    r"""The reach at which Approach 2 errs least on a design, and the errors on the way there.

    Attributes
    ----------
    design : IsoflopDesign
        The design with that reach.
    reaches : ndarray, shape (k,)
        Reaches looked at, rising; the best one is among them.
    bias, log_N, vpnls : ndarray, shape (k,)
        At each of them the bias and the standard error of :math:`\ln N^*` by Approach 2, and its standard
        error by VPNLS, which has no bias to this order.
    concerns : tuple of str
        Reasons to distrust the answer, each with cause and remedy.

    See Also
    --------
    best_reach : Finds it.
    """

    design: IsoflopDesign
    reaches: FloatArray
    bias: FloatArray
    log_N: FloatArray
    vpnls: FloatArray
    concerns: tuple[str, ...]

    @property
    def rmse(self) -> FloatArray:
        """Root of the mean squared error of Approach 2 at each reach."""
        return np.asarray(np.hypot(self.bias, self.log_N))

    @property
    def reach(self) -> float:
        """The best reach."""
        return self.design.reach

    def to_frame(self) -> pd.DataFrame:
        """Table with a row a reach."""
        import pandas as pd

        columns = {
            "bias": self.bias, "standard error": self.log_N, "rmse": self.rmse, "VPNLS": self.vpnls
        }  # fmt: skip
        return pd.DataFrame(columns, index=pd.Index(self.reaches, name="reach"))

    def __repr__(self) -> str:
        best = int(np.argmin(self.rmse))
        return (
            f"best reach {self.reach:.3g}: ln N* by Approach 2 within {self.rmse[best]:.3g} "
            f"(bias {self.bias[best]:+.3g}, standard error {self.log_N[best]:.3g}), by VPNLS "
            f"{self.vpnls[best]:.3g}\nconcerns  {sentences(self.concerns)}"
        )


@within_floats
def best_reach(
    design: IsoflopDesign,
    surface: LossSurface,
    noise: ArrayLike,
    C: float,
    shared: float = 0.0,
    within: tuple[float, float] = (1.25, 256.0),
) -> BestReach:
    r"""Find the reach of a grid on which Approach 2 errs least about the best allocation of C FLOPs.

    A wide grid has a large bias, which grows like the square of its log, a narrow one a large variance: the
    vertex of noisy losses scatters like the inverse. The mean squared error, bias² plus variance, has its
    least in between. Use it when parabolas must be fitted; for a surface fit wider is better.

    Parameters
    ----------
    design : IsoflopDesign
        Budgets, points, offset and drift; its own reach does not matter.
    surface : LossSurface or SurfaceFit
        A rough idea of the truth.
    noise : float, or callable
        As for :func:`predict_error`.
    C : float
        The target in FLOPs.
    shared : float
        As for :func:`predict_error`; Approach 2 does not feel it.
    within : pair of float
        Least and largest reach to consider.

    Returns
    -------
    BestReach

    Raises
    ------
    ValueError
        If an argument is out of range, or the range holds no reach above 1.

    See Also
    --------
    predict_error : All of one design.

    Notes
    -----
    Where centres drift, bias of drift and of width may cancel at some large reach; do not plan for that. The
    chapter *Designing a sweep* draws the picture.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA, IsoflopDesign
    >>> design = IsoflopDesign([1e17, 1e18, 1e19, 1e20, 1e21])
    >>> f"{best_reach(design, CHINCHILLA, noise=0.01, C=1e24).reach:.1f}"
    '8.3'
    """
    of_kind("best_reach: design", design, IsoflopDesign, "give an IsoflopDesign")
    low, high = positive_range("best_reach: within", within)
    if not low > 1:
        raise ValueError(f"best_reach: within starts at {low:g}; a grid needs a factor above 1.")

    def errors(reach: float) -> tuple[float, float, float, float]:
        found = predict_error(replace(design, reach=float(reach)), surface, noise, C, shared)
        if found.approach2 is None:
            raise ValueError("best_reach: design has one budget; a power law needs two budgets.")
        other = found.approach2
        return other.bias, other.log_N, found.log_N, float(other.signal_to_noise.min())

    from scipy.optimize import minimize_scalar

    def squared(x: float) -> float:
        bias, error, *_ = errors(np.exp(np.exp(x)))
        return float(np.log(bias**2 + error**2))

    grid = np.linspace(np.log(np.log(low)), np.log(np.log(high)), STEPS)
    rows = np.array([errors(np.exp(np.exp(x))) for x in grid])
    best = int(np.argmin(rows[:, 0] ** 2 + rows[:, 1] ** 2))
    concerns = []
    if best in (0, STEPS - 1):
        side = "narrower" if best == 0 else "wider"
        concerns.append(
            f"the error still falls at the end of the range, {np.exp(np.exp(grid[best])):.3g}: a {side} grid "
            "does better; move the end, as far as runs can be trained and the law is believed."
        )
    else:
        ends = grid[best - 1], grid[best + 1]
        x = minimize_scalar(squared, bounds=ends, method="bounded", options={"xatol": 1e-4}).x
        place = int(np.searchsorted(grid, x))
        grid = np.insert(grid, place, x)
        rows = np.insert(rows, place, errors(np.exp(np.exp(x))), axis=0)
        best = int(np.argmin(rows[:, 0] ** 2 + rows[:, 1] ** 2))
    if (signal := rows[best, 3]) < LEAST_SIGNAL:
        concerns.append(
            f"at that reach some budget's curvature is {signal:.1f} times its error, below {LEAST_SIGNAL:g}, "
            "and Approach 2 scatters more than predicted; add sizes, or fit a surface."
        )
    reaches = np.exp(np.exp(grid))
    bias, log_N, vpnls = rows[:, :3].T
    best_design = replace(design, reach=float(reaches[best]))
    return BestReach(best_design, reaches, bias, log_N, vpnls, tuple(concerns))
