"""A fit with a free level for every budget in the place of E: errors that a budget's runs share fall out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, positive
from scalinglab._text import with_error
from scalinglab.data.runs import Runs
from scalinglab.fitting.printed_fits import held_together, html_table, printed
from scalinglab.fitting.results import FitError, listed, not_determined, undetermined_exponents
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.first_order import statistic_gradient
from scalinglab.solvers.objectives import Loss, Squared
from scalinglab.solvers.within_groups import response_within

#: Parameters beside the levels.
SHAPE = 4


@dataclass(frozen=True, repr=False)
class LevelsFit:
    r"""A fit of both terms of a loss surface with a level of its own for every budget.

    .. math:: L_{ij} = e_j + \frac{A}{N_i^{\alpha}} + \frac{B}{D_i^{\beta}}

    for run i of budget j. It answers what to train with a budget, not how low the loss will be: E is part of
    every level, together with the error that the budget's runs share, and the two cannot be told apart.

    Attributes
    ----------
    terms : LossSurface
        Both terms, with E = 0: no prediction of a loss.
    budgets, levels : ndarray, shape (g,)
        The budgets in FLOPs, ascending, and the level of each, :math:`e_j`.
    runs : Runs
        The runs that were fitted.
    objective : float
        The residual sum of squares.
    concerns : tuple of str
        Reasons to distrust the answer, each with cause and remedy; empty if we found none.
    spare : tuple of str
        Exponents whose term the runs can do without: without it they are fitted as well.

    See Also
    --------
    fit_vpnls : Makes it, with ``levels="budget"``.
    SurfaceFit : One level for all budgets, E.
    covariance : Standard errors of its parameters.
    """

    terms: LossSurface
    budgets: FloatArray
    levels: FloatArray
    runs: Runs
    objective: float
    concerns: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()

    #: What is minimised, and how the fit is called.
    loss: Loss = field(default_factory=Squared)
    method: str = "VPNLS with a level per budget"

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Exponents that these runs do not determine: of a term that is zero, or that they can do without."""
        return undetermined_exponents(self.terms, self.runs, self.spare)

    def N_opt(self, C: ArrayLike) -> Any:
        """Parameters that minimise the fitted loss at C FLOPs; no level moves them."""
        return self.terms.N_opt(C)

    def D_opt(self, C: ArrayLike) -> Any:
        """Tokens that minimise the fitted loss at C FLOPs; no level moves them."""
        return self.terms.D_opt(C)

    @property
    def a(self) -> float:
        """Exponent of the best model size, N* ~ C^a."""
        return float(self.terms.a)

    @property
    def b(self) -> float:
        """Exponent of the best token count, D* ~ C^b."""
        return float(self.terms.b)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals: runs less levels less four."""
        return len(self.runs) - len(self.levels) - SHAPE

    @property
    def predicted(self) -> FloatArray:
        """Fitted loss of every run, its budget's level included, shape (n,)."""
        _, member = self.runs.by_budget()
        return np.asarray(self.levels[member] + self.terms.loss(self.runs.N, self.runs.D))

    @property
    def residuals(self) -> FloatArray:
        """Observed minus fitted loss of every run, shape (n,); their sum over a budget is zero."""
        return self.runs.L - self.predicted

    @property
    def E(self) -> NoReturn:
        """Refused: a budget's level is E and the budget's shared error together."""
        self._refuse("E")

    @property
    def surface(self) -> NoReturn:
        """Refused: without E there is no loss surface; ``terms`` are its two terms."""
        self._refuse("a loss surface")

    def L_opt(self, C: ArrayLike) -> NoReturn:
        """Refused: without E there is no loss at a budget."""
        positive("LevelsFit.L_opt: C", C)
        self._refuse("the loss at a budget")

    def recommend(self, C: float, level: float = 0.9) -> NoReturn:
        """Refused: a recommendation says the loss; ask ``covariance(fit)`` for the best N and D."""
        positive("LevelsFit.recommend: C", C)
        self._refuse("the loss at a budget")

    def _refuse(self, what: str) -> NoReturn:
        raise FitError(
            f"a fit with a level per budget does not know {what}: every level is E and the error its "
            "budget shares, together. For losses fit one level to all budgets, fit_vpnls(runs); take "
            'N_opt(C) and D_opt(C) from here, and covariance(fit).interval("N_opt", C).'
        )

    @cached_property
    def response(self) -> FloatArray:
        r"""Response of :math:`(\ln A', \ln B', \alpha, \beta)` to errors of the losses, shape (4, n).

        To first order, :math:`A'` and :math:`B'` the terms' sizes at the geometric means of N and D.
        """
        logs, starts, order = grouped(self.runs)
        H = np.empty((SHAPE, len(order)))
        H[:, order] = response_within(logs, starts, *logs.theta(self.terms)[1:])
        return H

    @property
    def inner(self) -> bool:
        """Whether first-order theory holds: nothing at an edge, and errors to measure."""
        low, high = EXPONENT_RANGE
        exponents = (self.terms.alpha, self.terms.beta)
        return not self.undetermined and self.freedom > 0 and all(low < x < high for x in exponents)

    @cached_property
    def standard_errors(self) -> dict[str, float]:
        """Standard errors of A, B, alpha, beta and a to first order, for errors alike; nan where none are."""
        names = ("A", "B", "alpha", "beta", "a")
        if not self.inner:
            return dict.fromkeys(names, math.nan)
        logs, H = CentredLogs.of(self.runs), self.response
        G = np.array([statistic_gradient(self.terms, logs, name)[1:] for name in names])
        errors = np.linalg.norm(G @ H, axis=1) * math.sqrt(self.objective / self.freedom)
        return dict(zip(names, errors.tolist(), strict=True))

    @property
    def printed(self) -> dict[str, str]:
        """Parameters as tables print them: digits follow the standard error."""
        errors = self.standard_errors
        shown = {name: with_error(getattr(self.terms, name), errors[name]) for name in list(errors)[:-1]}
        return shown | not_determined(self.terms, self.undetermined)

    @property
    def _frontier(self) -> str:
        if gone := self.undetermined:
            return f"none: {listed(gone)} not determined"
        a, b = (with_error(value, self.standard_errors["a"]) for value in (self.a, self.b))
        return f"N* ~ C^{held_together(a)}  D* ~ C^{held_together(b)}"

    @property
    def _head(self) -> str:
        notes = "± one standard error" if self.inner else "no standard errors"
        return f"{self.method}, {self.loss}, {len(self.runs)} runs; {notes}"

    def __repr__(self) -> str:
        lines = [
            ("method", self._head),
            ("terms", "  ".join(f"{name} {text}" for name, text in self.printed.items())),
            ("levels", f"{len(self.levels)} budgets, {self.levels.min():.5g} to {self.levels.max():.5g}"),
            ("frontier", f"{self._frontier}  objective {self.objective:.5g}"),
        ]
        return printed(lines, self.concerns)

    def _repr_html_(self) -> str:
        return html_table(
            ("method", *self.printed, "a", "objective"),
            (
                self._head,
                *self.printed.values(),
                "none" if self.undetermined else with_error(self.a, self.standard_errors["a"]),
                f"{self.objective:.5g}",
            ),
            self.concerns,
        )


def grouped(runs: Runs) -> tuple[CentredLogs, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Centred logs of the runs sorted by budget, where each budget starts, and the order."""
    budgets, member = runs.by_budget()
    order = np.argsort(member, kind="stable")
    logs = CentredLogs.of(runs)
    logs = logs._replace(n=logs.n[order], d=logs.d[order], L=logs.L[order])
    return logs, np.searchsorted(member[order], np.arange(len(budgets))), order


def with_levels(terms: LossSurface, runs: Runs) -> LevelsFit:
    """The fit with these terms and the levels that go with them best, without a search or a verdict."""
    _, member = runs.by_budget()
    rest = runs.L - terms.loss(runs.N, runs.D)
    sizes = np.bincount(member)
    levels = np.bincount(member, rest) / sizes
    return LevelsFit(terms, runs.budgets, levels, runs, float(np.sum((rest - levels[member]) ** 2)))
