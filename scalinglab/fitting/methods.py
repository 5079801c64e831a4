"""Methods by the names that tables print, and one policy for a method that fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scalinglab._arrays import shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.approach2 import fit_approach2
from scalinglab.fitting.approach3 import fit_approach3
from scalinglab.fitting.results import Fit, FitError, FrontierFit
from scalinglab.fitting.vpnls import fit_vpnls

#: What fits runs.
Method = Callable[[Runs], Fit]


def fit_every_budget(runs: Runs) -> FrontierFit:
    """Approach 2 that leaves out no budget: it extrapolates vertices, and fails where one has no minimum.

    The convention of :cite:t:`czech2026`, for comparisons with theirs. For runs of your own use
    :func:`fit_approach2`, which drops such budgets and says so.

    Raises
    ------
    FitError
        If the parabola of any budget cannot be used.
    """
    require_runs("fit_every_budget", runs)
    fit = fit_approach2(runs, extrapolate=True)
    verdicts = [parabola.verdict for parabola in fit.parabolas if parabola.verdict]
    if verdicts:
        raise FitError(verdicts[0])
    return fit


#: The methods that comparisons and hindcasts run when nothing else is named.
METHODS: Mapping[str, Method] = {
    "Approach 2": fit_approach2,
    "Approach 3": fit_approach3,
    "VPNLS": fit_vpnls,
}


def attempt(method: Method, runs: Runs) -> Fit | str:
    """Fit runs by a method; return the fit, or in words why there is none, whatever the method raised.

    A failure is an outcome to be counted, never a reason to lose the other outcomes. Only an interrupt or
    an exit gets through.
    """
    try:
        return method(runs)
    except (FitError, ValueError) as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def require_methods(who: str, methods: Any, name: str = "methods") -> None:
    """Raise ValueError unless these are named functions of runs."""
    if not isinstance(methods, Mapping) or not methods or not all(map(callable, methods.values())):
        raise ValueError(
            f"{who}: {name} is {shortened(methods)}; give names with functions of runs: "
            f'{{"VPNLS": fit_vpnls}}.'
        )
