"""What a bootstrap returns: the refits of every draw, and intervals that say how many failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scalinglab._arrays import FloatArray, flag, floats, positive_number, share, shortened
from scalinglab.fitting.results import FitError, FrontierFit
from scalinglab.laws.ensembles import Replicates, Surfaces
from scalinglab.uncertainty.intervals import Interval
from scalinglab.uncertainty.law_replicates import LawReplicates
from scalinglab.uncertainty.questions import AT_A_BUDGET, checked_question, names_of
from scalinglab.uncertainty.refits import Refitted

#: A statistic by name, or a function of the fits.
Statistic = str | Callable[..., Any]

#: A standard error is refused where more than this share of the draws failed: the tail of a 90 % interval.
FAILED = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """Result of a bootstrap: the refits of every draw, failed ones counted.

    Attributes
    ----------
    fits : tuple of SurfaceFit, LevelsFit, LawFit or FrontierFit
        What was refitted; every method saw the same draws.
    replicates : tuple of Surfaces, LawReplicates or Frontiers
        Parameters of every draw, one entry a fit; nan where that fit failed.
    failed : ndarray of bool, shape (fits, draws)
        Where a fit failed: a term of the surface vanished, or a budget's parabola did not open upwards.
    kind : str
        How the draws were made.

    See Also
    --------
    bootstrap : Makes it.
    Covariance, Profile
    """

    fits: tuple[Refitted, ...]
    replicates: tuple[Replicates | LawReplicates, ...]
    failed: NDArray[np.bool_]
    kind: str

    @property
    def draws(self) -> int:
        """Number of draws, failed ones included."""
        return int(self.failed.shape[1])

    @property
    def failures(self) -> int:
        """Draws in which some fit failed."""
        return int(self.failed.any(axis=0).sum())

    def values(self, statistic: Statistic, C: float | None = None) -> FloatArray:
        """Evaluate a statistic in every draw.

        Parameters
        ----------
        statistic : str or callable
            ``"a"`` and the like, an attribute of the first fit; ``"N_opt"``, ``"D_opt"`` or ``"L_opt"``, what
            the first fit answers at C FLOPs; or a function of as many arguments as there are fits. Each
            argument answers ``N_opt(C)``, ``a`` and so on with one entry a draw.
        C : float, optional
            The budget in FLOPs of a statistic that has one.

        Returns
        -------
        ndarray, shape (draws,)
            nan where a fit failed.
        """
        first = self.fits[0]
        names = names_of(first, (*Surfaces.PARAMETERS, "a", "b", "gamma", "G", "K"))
        at_a_budget = names_of(first, AT_A_BUDGET)
        if isinstance(first, FrontierFit):
            names, at_a_budget = ("coefficient", "a", "b"), AT_A_BUDGET[:2]
        if callable(statistic):
            if C is not None:
                raise ValueError(
                    f"Bootstrap: C is {shortened(C)}, and the statistic is a function; let it ask for the "
                    "budget itself, lambda fit: fit.N_opt(C)."
                )
        elif checked_question("Bootstrap", statistic, C, names, at_a_budget, ", or a function") is not None:
            C = positive_number("Bootstrap: C, the budget,", C)
        kept = ~self.failed.any(axis=0)
        alive = [replicate.take(kept) for replicate in self.replicates]
        found = np.full(self.draws, np.nan)
        try:
            answer: Any = statistic(*alive) if callable(statistic) else getattr(alive[0], statistic)
            found[kept] = floats("", answer if C is None else answer(C))
        except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise ValueError(
                f"Bootstrap: statistic is {shortened(statistic)}, which does not give one number a draw for "
                f"{len(alive)} fits ({shortened(error)})."
            ) from error
        return found

    def interval(
        self,
        statistic: Statistic,
        C: float | None = None,
        level: float = 0.9,
        worst: bool | None = None,
    ) -> Interval:
        """Percentile interval of a statistic.

        Parameters
        ----------
        statistic, C : str or callable, and float
            As in :meth:`values`.
        level : float
            Nominal coverage.
        worst : bool, optional
            Where failed draws lie. True: beyond both ends, which gives the widest interval that they allow.
            False: they are left out, and the interval speaks for the draws that could be fitted; its level
            is not the one it says. When absent they are left out as long as they are no more than
            (1 - level)/2 of the draws, what either tail holds; more are refused.

        Returns
        -------
        Interval
            Infinite ends if ``worst`` and more than (1 - level)/2 of the draws failed.

        Raises
        ------
        FitError
            If every draw failed; or, unless ``worst`` is given, more than (1 - level)/2 of them.
        ValueError
            If the level is not between 0 and 1, or statistic and budget do not go together.
        """
        level = share("Bootstrap.interval: level", level)
        values = np.sort(self.values(statistic, C))
        alive = values[np.isfinite(values)]
        tail = (1 - level) / 2
        worst = self._settled("interval", worst, len(alive), tail)
        if not worst:
            low, high = np.quantile(alive, [tail, 1 - tail])
            return Interval(float(low), float(high))
        lost = np.full(self.draws - len(alive), np.inf)
        low = np.quantile(np.concatenate([-lost, alive]), tail, method="lower")
        high = np.quantile(np.concatenate([alive, lost]), 1 - tail, method="higher")
        return Interval(float(low), float(high))

    def standard_error(
        self, statistic: Statistic, C: float | None = None, worst: bool | None = None
    ) -> float:
        """Standard deviation of a statistic over the draws that did not fail.

        Parameters
        ----------
        statistic, C : str or callable, and float
            As in :meth:`values`.
        worst : bool, optional
            Where failed draws lie: anywhere, so that one of them makes it infinite, or left out. When absent
            they are left out as long as they are no more than one in twenty; more are refused.
        """
        values = self.values(statistic, C)
        alive = values[np.isfinite(values)]
        if self._settled("standard_error", worst, len(alive), FAILED) and len(alive) < self.draws:
            return float("inf")
        return float(np.std(alive, ddof=1)) if len(alive) > 1 else float("nan")

    def _settled(self, what: str, worst: bool | None, alive: int, allowed: float) -> bool:
        """Where failed draws lie; FitError if there are too many of them and nobody said."""
        if worst is not None:
            worst = flag(f"Bootstrap.{what}: worst", worst)
        lost = self.draws - alive
        if not alive and not worst:
            name = what.replace("_", " ")
            raise FitError(f"bootstrap: every draw failed, so there is no {name}; add {self._remedy()}.")
        if worst is None and lost > allowed * self.draws:
            raise FitError(
                f"bootstrap: {lost} of {self.draws} draws failed, more than the {allowed:.3g} of them that "
                f"either end may leave out, so the rest make no honest {what.replace('_', ' ')}; worst=True "
                f"lets the failed lie anywhere, worst=False leaves them out; better add {self._remedy()}."
            )
        return bool(worst)

    def _remedy(self) -> str:
        """What keeps draws from failing, by the fit that failed most."""
        if self.kind == "budgets":
            return "budgets"
        most = self.fits[int(np.argmax(self.failed.sum(axis=1)))]
        if isinstance(most, FrontierFit):
            return "sizes to every budget, or fit a surface, which needs no parabola, fit_vpnls(runs)"
        return "runs over a wider range of N and D"

    def __repr__(self) -> str:
        methods = [
            f"{fit.method}: {int(failed.sum())} of {self.draws} draws failed"
            for fit, failed in zip(self.fits, self.failed, strict=True)
        ]
        what = (
            ": worst=True lets them lie beyond both ends of an interval, worst=False leaves them out"
            if self.failures
            else ""
        )
        return (
            f"bootstrap {self.draws} draws, {self.kind}\n"
            f"failures  {self.failures} of {self.draws} draws ({self.failures / self.draws:.1%}){what}\n"
            + "\n".join(f"          {line}" for line in methods)
        )
