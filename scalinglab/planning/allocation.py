"""Allocations judged by a surface: the compute and the dollars that a misallocation wastes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

from scalinglab._arrays import of_kind, positive_number, shortened
from scalinglab.fitting.data_concerns import COMPUTE_TOLERANCE
from scalinglab.fitting.free_levels import LevelsFit
from scalinglab.fitting.results import SurfaceFit
from scalinglab.laws.surface import SurfaceAlgebra, training_flops
from scalinglab.planning.compute_price import H100_AS_PUBLISHED, H100_DENSE, GpuRate

#: A surface that judges allocations, or a fit that has one.
Truth = SurfaceAlgebra | SurfaceFit


class Plan(Protocol):
    """Anything that allocates a budget: a surface, a surface fit, a frontier fit."""

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters to train with C FLOPs."""

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens to train on with C FLOPs."""


#: Or the parameters and tokens of a plan of one's own.
OwnPlan = tuple[float, float] | Mapping[str, float]


@dataclass(frozen=True)
class Misallocation:
    """Result of judging a plan: its allocation of a budget beside the best one, and what it wastes.

    Attributes
    ----------
    C : float
        The budget in FLOPs; of a plan of one's own what it spends, 6ND.
    N, D : float
        The plan's parameters and tokens.
    N_true, D_true : float
        The best ones under the truth.
    loss, loss_opt : float
        True loss of the plan and of the best allocation.
    C_equivalent : float
        Compute that would have reached the plan's loss if spent well.

    See Also
    --------
    misallocation : Computes it.
    """

    C: float
    N: float
    D: float
    N_true: float
    D_true: float
    loss: float
    loss_opt: float
    C_equivalent: float

    @property
    def fraction(self) -> float:
        """Deadweight compute loss: the share of the budget that bought nothing."""
        return 1 - self.C_equivalent / self.C

    def dollars(self, rate: GpuRate) -> float:
        """Price of the wasted compute."""
        of_kind("Misallocation.dollars: rate", rate, GpuRate, "give a GpuRate, for instance H100_DENSE")
        return float(rate.dollars(self.C - self.C_equivalent))


def deadweight_loss(truth: Truth, N: ArrayLike, D: ArrayLike) -> Any:
    r"""Share of the compute 6ND that a training run of N parameters on D tokens wastes.

    .. math:: \text{DCL} = 1 - \frac{C_{\text{needed}}}{6ND}, \qquad L^*(C_{\text{needed}}) = L(N, D)

    Parameters
    ----------
    truth : LossSurface or SurfaceFit
        The surface that judges.
    N, D : float or array_like
        Parameters and tokens; they broadcast.

    Returns
    -------
    float or ndarray
        Zero on the frontier, below one everywhere.

    Raises
    ------
    ValueError
        If ``truth`` has no loss surface.

    See Also
    --------
    misallocation : The same for a plan that allocates a budget.

    Notes
    -----
    Defined by :cite:t:`czech2026`; the chapter *What an error costs* derives its leading order,
    :math:`\tfrac{\alpha+\beta}{2}\,\ln^2(D/D^*)`.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> D = 1.5 * CHINCHILLA.D_opt(1e24)
    >>> f"{deadweight_loss(CHINCHILLA, 1e24 / (6 * D), D):.2%}"
    '5.00%'
    """
    surface = _surface(truth)
    return 1 - surface.C_for(surface.loss(N, D)) / training_flops(N, D)


def misallocation(plan: Plan | OwnPlan, truth: Truth, C: float) -> Misallocation:
    """Judge a plan's allocation of C FLOPs by a surface taken as true.

    Parameters
    ----------
    plan : LossSurface, SurfaceFit, FrontierFit, tuple or mapping
        Whatever answers ``N_opt`` and ``D_opt``; or a plan of your own, ``(N, D)``, ``{"N": ..., "D": ...}``,
        or one of the two, ``{"N": 70e9}``, whose other spends the rest of the budget.
    truth : LossSurface or SurfaceFit
        The surface that judges.
    C : float
        The budget in FLOPs.

    Returns
    -------
    Misallocation

    Raises
    ------
    ValueError
        If ``truth`` has no loss surface, or a plan of your own spends another budget: 6ND differs from C by
        more than 2 %. Where it differs by less, the plan is judged at what it spends.

    See Also
    --------
    deadweight_loss : The same for one training run.
    cost_table : Several plans, with dollars.

    Notes
    -----
    ``truth`` is an estimate too: judge by two of them, or refit it in a bootstrap. Used in the chapter
    *What an error costs*.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> result = misallocation(plan=CHINCHILLA, truth=CHINCHILLA_REFIT, C=5.76e23)
    >>> f"{result.D / result.D_true:.2f} times the tokens, {result.fraction:.1%} wasted"
    '2.24 times the tokens, 20.5% wasted'
    >>> f"{misallocation((280e9, 300e9), CHINCHILLA, C=5.04e23).fraction:.0%} wasted"
    '75% wasted'
    """
    surface = _surface(truth)
    C = positive_number("misallocation: C", C)
    if isinstance(plan, (tuple, list, Mapping)):
        N, D = _own_plan(plan, C)
        C = training_flops(N, D)
    elif isinstance(plan, type) or not all(
        callable(getattr(plan, name, None)) for name in ("N_opt", "D_opt")
    ):
        raise ValueError(
            f"misallocation: plan is {shortened(plan)}; give a surface or a fit, which answer "
            'N_opt(C), D_opt(C), or your own, (N, D) or {"N": ...}.'
        )
    else:
        N = positive_number("misallocation: N_opt of plan", plan.N_opt(C))
        D = positive_number("misallocation: D_opt of plan", plan.D_opt(C))
    loss = surface.loss(N, D)
    return Misallocation(
        C=C,
        N=N,
        D=D,
        N_true=surface.N_opt(C),
        D_true=surface.D_opt(C),
        loss=loss,
        loss_opt=surface.L_opt(C),
        C_equivalent=surface.C_for(loss),
    )


def cost_table(
    verdicts: Mapping[str, Misallocation],
    rates: Sequence[GpuRate] = (H100_AS_PUBLISHED, H100_DENSE),
) -> pd.DataFrame:
    """Table of the compute and the dollars that plans waste, one row a plan.

    Parameters
    ----------
    verdicts : mapping of str to Misallocation
        Label and result of :func:`misallocation`.
    rates : sequence of GpuRate
        One column of dollars for each.

    Returns
    -------
    pandas.DataFrame
        Columns ``D*`` and ``D inferred`` (tokens), ``waste`` (a fraction of the budget), and the dollars
        wasted at each rate.

    See Also
    --------
    misallocation : Judges one plan.
    GpuRate : A price of compute.

    Examples
    --------
    >>> from scalinglab import CHINCHILLA
    >>> from scalinglab.laws import CHINCHILLA_REFIT
    >>> verdict = misallocation(plan=CHINCHILLA, truth=CHINCHILLA_REFIT, C=5.76e23)
    >>> f"{cost_table({'Chinchilla': verdict}).loc['Chinchilla', 'waste']:.3f}"
    '0.205'
    """
    import pandas as pd

    of_kind("cost_table: verdicts", verdicts, Mapping, 'give {"a name": misallocation(...)}')
    of_kind("cost_table: rates", rates, (list, tuple), "give a list of GpuRate")
    for verdict in verdicts.values():
        of_kind("cost_table: one of verdicts", verdict, Misallocation, "give what misallocation returned")
    for rate in rates:
        of_kind("cost_table: one of rates", rate, GpuRate, "give a list of GpuRate")
    rows = {
        label: {
            "D*": verdict.D_true,
            "D inferred": verdict.D,
            "waste": verdict.fraction,
            **{f"$ at {rate.name}": verdict.dollars(rate) for rate in rates},
        }
        for label, verdict in verdicts.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _own_plan(plan: Any, C: float) -> tuple[float, float]:
    """Parameters and tokens of a plan of one's own, which spend the budget."""
    letters = plan if isinstance(plan, Mapping) else dict(zip("ND", plan, strict=False))
    if not letters or set(letters) - set("ND") or (not isinstance(plan, Mapping) and len(plan) != 2):
        raise ValueError(
            f"misallocation: plan is {shortened(plan)}; give parameters and tokens, (N, D), or one of them, "
            '{"N": 70e9} or {"D": 1.4e12}.'
        )
    given = {
        name: positive_number(f"misallocation: {name} of plan", value) for name, value in letters.items()
    }
    N = given["N"] if "N" in given else C / training_flops(1.0, given["D"])
    D = given["D"] if "D" in given else C / training_flops(N, 1.0)
    spent = training_flops(N, D)
    if not abs(spent / C - 1) <= COMPUTE_TOLERANCE:
        raise ValueError(
            f"misallocation: plan spends 6ND = {spent:.3g} FLOPs and C is {C:.3g}; pass C={spent:.4g} to "
            f'judge the plan by what it spends, or one of its numbers, {{"N": {N:.4g}}}, to spend C.'
        )
    return N, D


def _surface(truth: Truth) -> SurfaceAlgebra:
    if isinstance(truth, LevelsFit):
        raise ValueError(
            "truth: a fit with a level per budget has no loss surface to judge by; give fit_vpnls(runs) as "
            "truth, and this fit as the plan."
        )
    surface = truth.surface if isinstance(truth, SurfaceFit) else truth
    if not isinstance(surface, SurfaceAlgebra):
        raise ValueError(
            f"truth: a {type(truth).__name__} has no loss surface to judge by; give a LossSurface "
            "or a SurfaceFit as truth."
        )
    return surface
