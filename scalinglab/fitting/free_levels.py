"""A fit with a free level for every budget in the place of E: errors that a budget's runs share fall out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from scalinglab._arrays import FloatArray, positive
from scalinglab.data.runs import Runs
from scalinglab.fitting.concerns import require_identifiable
from scalinglab.fitting.data_concerns import compute_concerns
from scalinglab.fitting.printed_fits import html_table, sentences
from scalinglab.fitting.results import FitError, vanished_terms
from scalinglab.laws.surface import LossSurface
from scalinglab.solvers.centred_logs import EXPONENT_RANGE, CentredLogs
from scalinglab.solvers.objectives import Loss, Squared
from scalinglab.solvers.within_groups import GroupedOptimum, search_within

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
        gone = {LossSurface.EXPONENT_OF.get(letter, "") for letter in vanished_terms(self.terms, self.runs)}
        return tuple(letter for letter in ("alpha", "beta") if letter in gone or letter in self.spare)

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

    def _refuse(self, what: str) -> NoReturn:
        raise FitError(
            f"a fit with a level per budget does not know {what}: every level is E and the error its "
            "budget shares, together. For losses fit one level to all budgets, fit_vpnls(runs); take N_opt "
            "and D_opt from here."
        )

    @property
    def printed(self) -> dict[str, str]:
        """Parameters as tables print them."""
        shown = {name: text for name, text in self.terms.printed.items() if name != "E"}
        for coefficient, exponent in LossSurface.EXPONENT_OF.items():
            if exponent in self.undetermined:
                shown[exponent] = "not determined"
                if getattr(self.terms, coefficient):
                    shown[coefficient] = "not determined"
        return shown

    @property
    def _frontier(self) -> str:
        if gone := self.undetermined:
            return f"none: {' and '.join(gone)} {'is' if len(gone) == 1 else 'are'} not determined"
        return f"N* ~ C^{self.a:.4f}  D* ~ C^{self.b:.4f}"

    def __repr__(self) -> str:
        lines = [
            ("method", f"{self.method}, {self.loss}, {len(self.runs)} runs"),
            ("terms", "  ".join(f"{name} {text}" for name, text in self.printed.items())),
            ("levels", f"{len(self.levels)} budgets, {self.levels.min():.5g} to {self.levels.max():.5g}"),
            ("frontier", f"{self._frontier}  objective {self.objective:.5g}"),
            ("concerns", sentences(self.concerns)),
        ]
        return "\n".join(f"{name:<9} {text}" for name, text in lines)

    def _repr_html_(self) -> str:
        return html_table(
            ("method", *self.printed, "a", "objective"),
            (
                f"{self.method}, {self.loss}",
                *self.printed.values(),
                "none" if self.undetermined else f"{self.a:.4f}",
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


def fit_free_levels(runs: Runs) -> LevelsFit:
    """Fit both terms by variable projection with the levels of the budgets partialled out."""
    require_identifiable(runs)
    require_contrasts(runs)
    logs, starts, _ = grouped(runs)
    optimum, spare = search_within(logs, starts)
    A, B, alpha, beta = optimum.theta
    terms = logs.surface(0.0, A, B, alpha, beta)
    concerns = tuple(_concerns(terms, runs, optimum, spare))
    return LevelsFit(terms, runs.budgets, optimum.levels, runs, optimum.objective, concerns, spare)


def with_levels(terms: LossSurface, runs: Runs) -> LevelsFit:
    """The fit with these terms and the levels that go with them best, without a search or a verdict."""
    _, member = runs.by_budget()
    rest = runs.L - terms.loss(runs.N, runs.D)
    sizes = np.bincount(member)
    levels = np.bincount(member, rest) / sizes
    return LevelsFit(terms, runs.budgets, levels, runs, float(np.sum((rest - levels[member]) ** 2)))


def require_contrasts(runs: Runs) -> None:
    """Raise FitError unless enough runs can be compared with others of their budget."""
    budgets, member = runs.by_budget()
    if len(budgets) == 1:
        raise FitError(
            "a level per budget needs two budgets or more, and all runs share one, whose level is E itself; "
            "use fit_vpnls(runs), or add runs at another budget."
        )
    distinct = np.unique(np.stack([member, runs.N, runs.D]), axis=1)[0].astype(int)
    sizes = np.bincount(distinct)
    contrasts = int((sizes - 1).sum())
    if contrasts < SHAPE:
        alone = int((sizes == 1).sum())
        raise FitError(
            f"a level per budget leaves {contrasts} comparison{'s' * (contrasts != 1)} within budgets for "
            f"{SHAPE} parameters ({len(runs)} runs at {len(budgets)} budgets, {alone} of them with a single "
            "run); add sizes to the budgets, pass nominal budgets as C if these were meant to be equal, or "
            "use fit_vpnls(runs)."
        )


def _concerns(terms: LossSurface, runs: Runs, optimum: GroupedOptimum, spare: tuple[str, ...]) -> list[str]:
    """What makes the fit doubtful: cause and remedy, a sentence each."""
    found = compute_concerns(runs)
    gone = [letter for letter in vanished_terms(terms, runs) if letter != "E"]
    for letter, exponent in LossSurface.EXPONENT_OF.items():
        column = "N" if letter == "A" else "D"
        if letter in gone or exponent in spare:
            found.append(
                f"{exponent} is not determined ({letter} = 0 fits {'best' if letter in gone else 'as well'}):"
                f" within their budgets these runs do not show the term in {column}. Add runs over a wider "
                f"range of {column} to every budget."
            )
            continue
        low, high = EXPONENT_RANGE
        value = getattr(terms, exponent)
        if value <= low * (1 + 1e-6) or value >= high * (1 - 1e-6):
            found.append(
                f"{exponent} stands at the edge of its range {low:g}-{high:g}, at {value:g}: these runs do "
                f"not fix it. Add runs over a wider range of {column} to every budget."
            )
    _, member = runs.by_budget()
    sizes = np.bincount(member)
    alone = int((sizes == 1).sum())
    if alone:
        which = "has a single run" if alone == 1 else "have a single run each"
        found.append(
            f"{alone} of {len(sizes)} budgets {which}, whose level takes all it says: it does not enter the "
            "fit. Add a size to every such budget."
        )
    freedom = len(runs) - len(sizes) - SHAPE
    if freedom < SHAPE:
        found.append(
            f"{len(runs)} runs for {len(sizes)} levels and {SHAPE} parameters leave {freedom} to judge the "
            "fit by; add runs before you rely on it."
        )
    by_level = float(np.sum((runs.L - (np.bincount(member, runs.L) / sizes)[member]) ** 2))
    if optimum.objective > 0.5 * by_level:
        found.append(
            f"both terms explain {max(0.0, 1 - optimum.objective / by_level):.0%} of the variance of the "
            "losses within budgets: these runs say little about N and D. Widen the grids, or use "
            "fit_vpnls(runs)."
        )
    return found
