"""The frontier in non-embedding counts without a formula: train every model, keep the best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, flag, held, positive_row
from scalinglab.laws.nonembedding_frontier import CountedFrontier
from scalinglab.laws.parameter_counts import both_counts
from scalinglab.laws.published import PEARCE_OMEGA
from scalinglab.laws.surface import FLOPS_PER_PARAMETER_TOKEN, LossSurface, exponents_of


def simulated_frontier(
    surface: LossSurface,
    N: ArrayLike,
    C: ArrayLike,
    omega: float = PEARCE_OMEGA,
    total: bool = False,
    tokens: ArrayLike | None = None,
) -> CountedFrontier:
    """Frontier by simulation: every model at every budget without noise, the best one kept.

    Parameters
    ----------
    surface : LossSurface
        The loss in total parameters and tokens.
    N : array_like, shape (n,)
        Non-embedding parameters of the models.
    C : array_like, shape (m,)
        Budgets in FLOPs.
    omega : float
        Coefficient of the embedding.
    total : bool
        Whether a budget pays for all parameters; by default it pays for the non-embedding ones.
    tokens : array_like, optional
        Token counts at which a loss was recorded: each run is read at the nearest one, and a run outside
        their range is not there.

    Returns
    -------
    CountedFrontier
        The best model of each budget, shape (m,).

    Raises
    ------
    ValueError
        If an argument is empty or not positive, or if no model at some budget is inside ``tokens``.

    See Also
    --------
    counted_frontier : The same in closed form.

    Notes
    -----
    The simulation of :cite:t:`pearce2024`: 20 models, 100 budgets, 1000 recorded token counts. Used in the
    chapter *Kaplan or Chinchilla?*.

    Examples
    --------
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> sizes = np.geomspace(1e5, 1e9, 50)
    >>> frontier = simulated_frontier(CHINCHILLA_REFIT, sizes, [1e16, 1e18])
    >>> [f"{N:.2g}" for N in frontier.N]
    ['1.2e+06', '6e+07']
    """
    exponents_of(surface)
    flag("simulated_frontier: total", total)
    N, N_total = both_counts(positive_row("parameters", N), omega)
    paid = (N_total if total else N)[:, None]
    with np.errstate(over="ignore"):  # too many tokens to write down: the loss refuses them
        D = positive_row("compute", C) / (FLOPS_PER_PARAMETER_TOKEN * paid)
    held("simulated_frontier: D at this compute C for some N", D, 0)
    recorded = np.ones(D.shape, bool)
    if tokens is not None:
        grid = np.sort(positive_row("tokens", tokens))
        recorded = (D - grid[0] >= 0) & (D - grid[-1] <= 0)
        if not recorded.any(axis=0).all():
            raise ValueError(
                f"simulated_frontier: at some budget no model needs between {grid[0]:.3g} and {grid[-1]:.3g} "
                "tokens; widen tokens, or leave it out to read every run exactly."
            )
        D = _nearest(grid, D)
    L = np.where(recorded, surface.loss(N_total[:, None], D), np.inf)
    best = np.argmin(L, axis=0)
    each = np.arange(L.shape[1])
    return CountedFrontier(N[best], N_total[best], D[best, each], L[best, each])


def _nearest(grid: FloatArray, values: FloatArray) -> FloatArray:
    """The entry of an ascending grid nearest to each value."""
    right = np.clip(np.searchsorted(grid, values), 1, len(grid) - 1)
    nearer = values - grid[right - 1] <= grid[right] - values
    return np.asarray(grid[right - nearer])
