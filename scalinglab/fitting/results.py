"""Results of fits of a surface, with its runs, its errors and its concerns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, blocks, overflow_is_refused, positive_number, share, shortened
from scalinglab._text import with_error
from scalinglab.data.runs import Runs
from scalinglab.fitting.deferred import Deferred
from scalinglab.fitting.frontier_fits import FrontierFit as FrontierFit, Parabola as Parabola
from scalinglab.fitting.linearised import Linearised
from scalinglab.fitting.printed_fits import held_together, html_table, printed
from scalinglab.fitting.recommendations import Recommendation, of_surface
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE
from scalinglab.solvers.first_order import statistic_gradient
from scalinglab.solvers.objectives import Loss, Squared

#: Runs whose D/N differ by less than this factor share it, as far as a fit can tell.
ONE_RATIO = 1.2

#: Standard deviation of a number of which nothing is known but that it lies between 0 and 1, as a does.
NOTHING_KNOWN = 12**-0.5


class FitError(RuntimeError):
    """Raised when runs cannot answer a question, whatever the method; the message says what to add."""


@overflow_is_refused
def vanished_terms(surface: LossSurface, runs: Runs) -> dict[str, float]:
    """Of E, A and B those whose term is zero to within rounding on every run, with its largest value."""
    largest = {
        "E": surface.E,
        "A": surface.A * runs.N.min() ** -surface.alpha,
        "B": surface.B * runs.D.min() ** -surface.beta,
    }
    return {letter: float(term) for letter, term in largest.items() if term <= 1e-12 * runs.L.max()}


def edges_of(surface: LossSurface) -> list[str]:
    """Parameters that stand at the edge of what is allowed: a term that is zero, an exponent at its bound."""
    low, high = EXPONENT_RANGE
    gone = [letter for letter in ("E", "A", "B") if getattr(surface, letter) == 0]
    return gone + [name for name in ("alpha", "beta") if not low < getattr(surface, name) < high]


def undetermined_exponents(surface: LossSurface, runs: Runs, spare: tuple[str, ...]) -> tuple[str, ...]:
    """Exponents that runs do not determine: of a term that is zero, or that they can do without."""
    gone = {*spare, *(LossSurface.EXPONENT_OF.get(letter) for letter in vanished_terms(surface, runs))}
    return tuple(letter for letter in ("alpha", "beta") if letter in gone)


def not_determined(surface: LossSurface, exponents: tuple[str, ...]) -> dict[str, str]:
    """What tables print of these exponents, and of their coefficients unless they are zero."""
    letters = {exponent: letter for letter, exponent in LossSurface.EXPONENT_OF.items()}
    coefficients = [letters[one] for one in exponents if getattr(surface, letters[one])]
    return dict.fromkeys([*exponents, *coefficients], "not determined")


def listed(names: tuple[str, ...]) -> str:
    """Names as the subject of a sentence, with its verb."""
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"


@dataclass(frozen=True, repr=False)
class SurfaceFit:
    """A fitted loss surface, with its runs, its objective and its concerns.

    Attributes
    ----------
    surface : LossSurface
        The fitted law.
    runs : Runs
        The runs that were fitted.
    loss : Squared or Huber
        What was minimised.
    method : str
        How, for instance ``"VPNLS"``.
    objective : float
        The minimum: the sum of ``loss.rho`` over the runs.
    concerns : tuple of str
        Reasons to distrust the answer, each with cause and remedy, found when first read; empty if there are
        none.
    search : str
        How the minimum was sought: starts, tolerances, bounds.
    spare : tuple of str
        Exponents whose term the runs can do without: without it they are fitted as well.

    See Also
    --------
    fit_vpnls, fit_approach3
    FrontierFit : A fit that has no surface.
    covariance : Standard errors and intervals of its parameters.
    influence : What each run does to it.
    checklist : What to report with it.
    """

    surface: LossSurface
    runs: Runs
    loss: Loss
    method: str
    objective: float
    concerns: Deferred[tuple[str, ...]] = Deferred(())  # noqa: RUF009 (a descriptor, made to be shared)
    search: str = "how the minimum was sought is not recorded"
    spare: tuple[str, ...] = ()

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Exponents that these runs do not determine: of a term that is zero, or that they can do without."""
        return undetermined_exponents(self.surface, self.runs, self.spare)

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters that minimise the fitted loss at C FLOPs."""
        return self.surface.N_opt(C)

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that minimise the fitted loss at C FLOPs."""
        return self.surface.D_opt(C)

    @property
    def a(self) -> float:
        """Exponent of the best model size, N* ~ C^a."""
        return float(self.surface.a)

    @property
    def b(self) -> float:
        """Exponent of the best token count, D* ~ C^b."""
        return float(self.surface.b)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals: runs less parameters."""
        return len(self.runs) - len(self.surface.parameters)

    @property
    def predicted(self) -> FloatArray:
        """Fitted loss of every run, shape (n,)."""
        return np.asarray(self.surface.loss(self.runs.N, self.runs.D))

    @property
    def residuals(self) -> FloatArray:
        """Observed minus fitted loss of every run, shape (n,)."""
        return self.runs.L - self.predicted

    @cached_property
    def _linearised(self) -> Linearised:
        return Linearised.of(self.surface, self.runs, self.loss)

    @cached_property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors of E, A, B, alpha, beta and a to first order; nan where there are none.

        For squares those of :func:`covariance`. For Huber's loss the asymptotic ones, for errors that are
        alike: the variance of a run's error is replaced by that of psi over the square of its mean slope.
        ``no_errors`` says why there are none. Computed when first asked.
        """
        names = (*self.surface.PARAMETERS, "a")
        if self.no_errors:
            return dict.fromkeys(names, math.nan)
        found = self._linearised
        gradients = np.array([statistic_gradient(self.surface, found.logs, name) for name in names])
        return dict(zip(names, found.standard_error(gradients).tolist(), strict=True))

    @property
    def no_errors(self) -> str:
        """Why the parameters have no standard errors; empty where they have."""
        if self.freedom <= 0:
            return f"{len(self.runs)} runs for {len(self.surface.parameters)} parameters"
        if self.undetermined:
            return f"{listed(self.undetermined)} not determined"
        if edges := edges_of(self.surface):
            return f"{', '.join(edges)} at the edge of what is allowed"
        return "" if self._linearised.interior else "the parameters cannot be told apart"

    @property
    def printed(self) -> dict[str, str]:
        """Parameters as tables print them: digits follow the standard error.

        A coefficient has no unit without its exponent.
        """
        errors = self.standard_errors
        shown = {name: with_error(value, errors[name]) for name, value in self.surface.parameters.items()}
        return shown | not_determined(self.surface, self.undetermined)

    @property
    def no_frontier(self) -> str:
        """Why there is no frontier: nothing is known of its exponent; empty if there is one."""
        if self.undetermined:
            return f"none: {listed(self.undetermined)} not determined"
        ratios = [(part.min(), part.max()) for part in map(self._ratios, blocks(len(self.runs)))]
        lowest, highest = min(low for low, _ in ratios), max(high for _, high in ratios)
        if highest < ONE_RATIO * lowest:
            return f"none: all runs share D/N near {lowest:.3g}"
        error = self.standard_errors["a"]
        return f"none: a is {with_error(self.a, error)}" if error > NOTHING_KNOWN else ""

    def _ratios(self, rows: slice) -> FloatArray:
        return self.runs.D[rows] / self.runs.N[rows]

    def recommend(self, C: float, level: float = 0.9) -> Recommendation:
        """Best size, tokens, tokens per parameter and loss at a budget, with intervals.

        Parameters
        ----------
        C : float
            The budget in FLOPs.
        level : float
            How often such intervals hold the truth, by first-order theory and Student's quantile.

        Raises
        ------
        FitError
            If nothing is known of the frontier's exponent: a number beside a budget would be made up.

        See Also
        --------
        covariance, profile, bootstrap : Other intervals of the same answers.

        Examples
        --------
        >>> from scalinglab import fit_vpnls, load_llama3
        >>> print(fit_vpnls(load_llama3()).recommend(3.8e25))
        at 3.8e+25 FLOPs, 3.8e+03 times the largest budget of the runs; intervals of 90%
        N         622B   434B to 891B
        D        10.2T   7.11T to 14.6T
        D/N       16.4   7.99 to 33.6
        loss    0.6306   0.6246 to 0.6366
        """
        C, level = positive_number("recommend: C", C), share("recommend: level", level)
        if reason := self.no_frontier:
            raise FitError(
                f"recommend: these runs fix no best size ({reason.removeprefix('none: ')}); "
                "heed the fit's concerns: add runs at other D/N and over wider ranges."
            )
        return of_surface(self._linearised, C, float(self.runs.C.max()), level, self.no_errors)

    def _notes(self) -> str:
        if reason := self.no_errors:
            return f"no standard errors: {reason}"
        if self._linearised.exact:
            return "the law meets the losses to rounding"
        return "± one standard error" + (", asymptotic" if not isinstance(self.loss, Squared) else "")

    def __repr__(self) -> str:
        a, b = (with_error(value, self.standard_errors["a"]) for value in (self.a, self.b))
        frontier = self.no_frontier or f"N* ~ C^{held_together(a)}  D* ~ C^{held_together(b)}"
        lines = [
            ("method", f"{self.method}, {self.loss}, {len(self.runs)} runs; {self._notes()}"),
            ("surface", "  ".join(f"{name} {text}" for name, text in self.printed.items())),
            ("frontier", f"{frontier}  objective {self.objective:.5g}"),
        ]
        return printed(lines, self.concerns)

    def _repr_html_(self) -> str:
        return html_table(
            ("method", *self.printed, "a", "objective"),
            (
                f"{self.method}, {self.loss}; {self._notes()}",
                *self.printed.values(),
                "none" if self.no_frontier else with_error(self.a, self.standard_errors["a"]),
                f"{self.objective:.5g}",
            ),
            self.concerns,
        )


#: Any fit: of a surface or of a frontier.
Fit = SurfaceFit | FrontierFit


def require_fit(who: str, fit: Any) -> None:
    """Raise ValueError unless this is the fit of a surface."""
    if not isinstance(fit, SurfaceFit):
        plain = " without levels" if hasattr(fit, "levels") else ""
        raise ValueError(
            f"{who}: fit is {shortened(fit)}; give what fit_vpnls{plain} or fit_approach3 returned."
        )
