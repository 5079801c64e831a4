"""Variable projection with non-negative least squares: linear inside, two exponents outside."""

from __future__ import annotations

from functools import partial
from typing import Literal, overload

from scalinglab._arrays import shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.concerns import require_identifiable, surface_concerns
from scalinglab.fitting.free_levels import LevelsFit
from scalinglab.fitting.level_search import fit_free_levels
from scalinglab.fitting.results import SurfaceFit
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.objectives import Loss, Squared, require_loss
from scalinglab.solvers.variable_projection import START_EXPONENTS, STARTS, search_exponents


@overload
def fit_vpnls(runs: Runs, loss: Loss | None = None, levels: None = None) -> SurfaceFit: ...


@overload
def fit_vpnls(runs: Runs, loss: Loss | None = None, *, levels: Literal["budget"]) -> LevelsFit: ...


def fit_vpnls(
    runs: Runs, loss: Loss | None = None, levels: Literal["budget"] | None = None
) -> SurfaceFit | LevelsFit:
    r"""Fit all five parameters of a loss surface by variable projection.

    For given exponents the best E, A, B follow exactly (:func:`solve_coefficients`), which leaves a
    function of two variables. It is mapped over the range of exponents, Newton's method on all five
    parameters starts at its lowest local minima, and the best end is kept. Where twelve steps do not
    suffice or meet a bound, and for Huber losses, Levenberg-Marquardt steps in two dimensions go first, for
    Huber losses from a search on reweighted squares, too; and of 100 runs or fewer what they find is a
    beginning, from which branch and bound, as in :func:`certify`, searches all exponents, in at most 400
    cells. Any other end is priced: if a column of another exponent would lower the objective, the search
    starts again from there. More than 2000 runs are gathered into cells for all but the steps in five
    dimensions; time grows linearly with the runs, and memory by two columns.

    Parameters
    ----------
    runs : Runs
        Five distinct runs or more, with three or more values of N and of D.
    loss : Squared or Huber, optional
        What to minimise, in L; squared residuals when absent.
    levels : "budget", optional
        Give every budget a level of its own in the place of E. Use it where the runs of a budget err
        together: such errors fall out, at a few per cent more standard error of N* and D*. It gives up E
        and with it every predicted loss. Squared residuals only; needs four comparisons within budgets.

    Returns
    -------
    SurfaceFit or LevelsFit
        ``objective`` is the sum of ``loss.rho`` over the runs: the residual sum of squares for
        ``Squared()``. A LevelsFit if ``levels="budget"``.

    Raises
    ------
    FitError
        If these runs cannot determine five parameters; the message says what to add.
    ValueError
        If the loss is one of log L: that problem is not linear in E, A, B, use ``fit_approach3``.

    See Also
    --------
    certify : Proves that the end is the global minimum, or goes on to it.
    fit_approach3 : A search in five dimensions, also of residuals in log L.
    objective_map : The function of two variables.

    Notes
    -----
    The method is that of :cite:t:`czech2026`, on the variable projection of :cite:t:`golub1973`; the
    map, the exact active sets and the polish are ours. Derived in the chapter *Variable projection*;
    levels in *How sure are we?*.

    Examples
    --------
    >>> from scalinglab import load_llama3
    >>> print(fit_vpnls(load_llama3()))
    method    VPNLS, squared, 133 runs; ± one standard error
    surface   E 0.6047 ± 0.0060  A 59 ± 14  B 155 ± 39  alpha 0.310 ± 0.014  beta 0.314 ± 0.013
    frontier  N* ~ C^(0.503 ± 0.015)  D* ~ C^(0.497 ± 0.015)  objective 0.0020199
    concerns  row 82 lies 0.018 above the surface of the other runs (4.9 standard errors); without
              it a is 0.496 instead of 0.503. Check that run: was it finished, is its number right?
              Leave it out and refit, and report both.
              the 6 runs of budget 3e+21 lie below the surface together (mean -0.0058, 3.9 standard
              errors): errors are shared within budgets, so the fit is less certain than its
              residuals suggest. Refit without that budget and compare.
    """
    require_runs("fit_vpnls", runs)
    require_loss("fit_vpnls", loss)
    loss = Squared() if loss is None else loss
    if loss.log:
        raise ValueError(
            "fit_vpnls: loss takes residuals in log L, which are not linear in E, A, B, so there is nothing "
            "to project; use fit_approach3(runs, loss=...) for them, or a loss of L here."
        )
    if levels is not None:
        if not isinstance(levels, str) or levels != "budget":
            raise ValueError(
                f'fit_vpnls: levels is {shortened(levels)}; give "budget" for a level per budget, or leave '
                "it out for one level, E."
            )
        if not isinstance(loss, Squared):
            raise ValueError(
                f"fit_vpnls: loss is {loss}, and levels are partialled out of squared residuals only; leave "
                "out the loss, or the levels."
            )
        return fit_free_levels(runs)
    require_identifiable(runs)
    logs = CentredLogs.of(runs)
    optimum, spare = search_exponents(logs, loss)
    surface = logs.surface(*optimum.theta)
    del logs  # two columns as long as the runs
    how = (
        f"reduced objective mapped at {len(START_EXPONENTS)} x {len(START_EXPONENTS)} exponents, at most "
        f"{STARTS} minima refined by Newton steps, by Levenberg-Marquardt first where these do not settle; "
        "every cell of exponents bounded, or columns priced at the end; no starting values to choose; "
        f"E, A, B ≥ 0, exponents in {EXPONENT_RANGE[0]:g}-{EXPONENT_RANGE[1]:g}"
    )
    concerns = partial(surface_concerns, surface, runs, spare, loss)
    return SurfaceFit(surface, runs, loss, "VPNLS", optimum.objective, concerns, how, spare)
