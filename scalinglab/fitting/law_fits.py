"""Fit of any law: variable projection over what is not linear in it, and what the fit answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, flag, of_kind, overflow_is_refused, plain, positive, shortened
from scalinglab.data.runs import Runs, require_runs
from scalinglab.fitting.data_concerns import data_concerns
from scalinglab.fitting.law_concerns import MOST, Evidence, law_concerns
from scalinglab.fitting.results import FitError
from scalinglab.fitting.vpnls import fit_vpnls
from scalinglab.laws.allocations import Optimum
from scalinglab.laws.formulas import STANDARD, Law
from scalinglab.laws.models import Model
from scalinglab.solvers.full_steps import Refined, tangents
from scalinglab.solvers.law_search import REDRAWN, SCREENED, STARTS, search_law
from scalinglab.solvers.objectives import Huber, Loss, Squared, objective, require_loss
from scalinglab.solvers.separable import Ends, descend

#: Other minima whose objective is within this share of the lowest are told.
NEARLY_AS_LOW = 0.01

#: Columns below this share of the largest loss are not there.
VANISHED = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class LawFit:
    """A fitted law, with its runs, its objective and its concerns.

    Attributes
    ----------
    law : Law
        What was fitted.
    runs : Runs
        The runs that were fitted.
    loss : Squared or Huber
        What was minimised.
    parameters : dict of str to float
        What the fit determined, tied and fixed ones included; nan where the runs do not determine it.
    objective : float
        The minimum: the sum of ``loss.rho`` over the runs.
    minima : tuple of dict
        Parameters of other minima whose objective is within 1 %, lowest first.
    concerns : tuple of str
        Reasons to distrust the answer, each with cause and remedy.
    search : str
        How the minimum was sought.
    method : str
        How it was fitted.

    See Also
    --------
    Law.fit : Makes it.
    compare : Several laws on the same runs.
    SurfaceFit : The fit of the law with two terms.
    """

    law: Law
    runs: Runs
    loss: Loss
    parameters: Mapping[str, float]
    objective: float
    minima: tuple[Mapping[str, float], ...]
    concerns: tuple[str, ...]
    search: str
    method: str
    model: Model = field(repr=False)
    coefficients: FloatArray = field(repr=False)
    coordinates: FloatArray = field(repr=False)
    target_is_log: bool = field(default=False, repr=False)

    def __getitem__(self, name: str) -> float:
        if name not in self.parameters:
            raise KeyError(f"the law has no parameter {name}; it has {', '.join(self.parameters)}")
        return self.parameters[name]

    def __getattr__(self, name: str) -> float:
        parameters = self.__dict__.get("parameters", {})
        if name in parameters:
            return float(parameters[name])
        raise AttributeError(f"LawFit has neither an attribute nor a parameter {name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that the fit determined, without those tied or fixed."""
        return tuple(self.model.law.recovered)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of the residuals: runs less parameters."""
        return len(self.runs) - len(self.names)

    @cached_property
    def values(self) -> dict[str, float]:
        """Parameters as numbers, those that do not matter included."""
        return _values(self.law, self.model, Refined(self.coefficients, self.coordinates, 0.0))

    @property
    def undetermined(self) -> tuple[str, ...]:
        """Parameters that these runs do not determine: of terms that are zero."""
        return tuple(name for name in self.names if np.isnan(self.parameters[name]))

    def predict(self, columns: Runs | Mapping[str, Any]) -> Any:
        """Loss of further runs: :class:`Runs`, or a mapping of columns that broadcast."""
        given = columns_of(columns, self.law) if isinstance(columns, Runs) else columns
        of_kind("LawFit.predict: columns", given, Mapping, 'give runs, or {"N": 1e9, "D": 2e10}')
        wanted = self.law.names_of(self.runs.extra)
        if missing := sorted(wanted - set(given)):
            raise ValueError(f"LawFit.predict: the law needs {missing[0]}; give it beside the others.")
        return self.law.loss(self.values, **{name: given[name] for name in wanted})

    @property
    def predicted(self) -> FloatArray:
        """Fitted loss of every run, shape (n,)."""
        return np.broadcast_to(self.predict(self.runs), (len(self.runs),))

    @property
    def residuals(self) -> FloatArray:
        """Observed minus fitted loss of every run, shape (n,)."""
        return self.runs.L - self.predicted

    def optimum(
        self,
        C: float,
        cost: str = "6*N*D",
        over: Sequence[str] = ("N", "D"),
        given: Mapping[str, float] | None = None,
    ) -> Optimum:
        """Allocation of a cost C that the fit implies, as :meth:`Law.optimum` describes."""
        return self.law.optimum(self.values, C, cost, over, given)

    def N_opt(self, C: Any) -> Any:
        """Parameters that minimise the fitted loss at C FLOPs, of a law in N and D."""
        return self._best("N", C)

    def D_opt(self, C: Any) -> Any:
        """Tokens that minimise the fitted loss at C FLOPs, of a law in N and D."""
        return self._best("D", C)

    def _best(self, name: str, C: Any) -> Any:
        budgets = positive(f"LawFit.{name}_opt: C", C)
        return plain(
            np.array([self.optimum(float(one))[name] for one in budgets.flat]).reshape(budgets.shape)
        )

    @cached_property
    def tangents(self) -> tuple[FloatArray, FloatArray]:
        """Residuals of the objective and their derivatives in the inner parameters, (n,) and (K + p, n)."""
        y = np.log(self.runs.L) if self.target_is_log else self.runs.L
        loss = plain_loss(self.loss) if self.target_is_log else self.loss
        return tangents(self.model, y, loss, self.coefficients, self.coordinates)

    def refits(
        self, weights: FloatArray | None = None, losses: FloatArray | None = None
    ) -> tuple[Ends, FloatArray]:
        """Refits from this optimum, many at once: of runs with weights (R, n), or of other losses (R, n).

        Least squares, of the fit's own weights where it minimised another loss; no search for other minima.
        Returns where they ended and the losses each predicts for every run, (R, n).
        """
        y = self.runs.L if losses is None else losses
        y = np.log(y) if self.target_is_log else y
        loss = plain_loss(self.loss) if self.target_is_log else self.loss
        r, _ = self.tangents
        root = np.sqrt(loss.weight(r) / loss.weight(np.zeros(1))) / (y if loss.log else 1.0)
        if weights is not None:
            root = root * np.sqrt(weights)
        R = max(len(np.atleast_2d(y)), len(np.atleast_2d(root)))
        free = np.array([name in self.model.law.free for name in self.model.law.coefficients], bool)
        start = np.repeat(self.coordinates[None], R, axis=0)
        ends = descend(self.model, y * root, start, free, np.broadcast_to(root, (R, len(r))))
        at = self.model.evaluate(ends.u, slopes=False)
        fitted = np.einsum("rk,rkn->rn", ends.c, at.Phi) + (0.0 if at.offset is None else at.offset)
        return ends, np.exp(fitted) if self.target_is_log else fitted

    @cached_property
    def response(self) -> FloatArray:
        r"""Matrix H from errors of the losses to errors of the parameters, first order, (parameters, n).

        :math:`H = G\,(J W J^\top)^{-1} J W`, with G the derivatives of the parameters in the inner ones and W
        the curvature of the loss. Rows of parameters not determined are nan, of those at a bound zero.
        """
        r, J = self.tangents
        loss = plain_loss(self.loss) if self.target_is_log else self.loss
        bend = np.sqrt(loss.curvature(r) / loss.curvature(np.zeros(1)))
        moving = self._moving
        size = np.sqrt(np.einsum("mn,mn->m", J[moving], J[moving]))
        Q, T = np.linalg.qr((J[moving] / size[:, None] * bend).T)
        inner = np.zeros((len(J), len(r)))
        inner[moving] = np.linalg.solve(T, Q.T * bend) / size[:, None]
        _, G = self.model.recovered(self.coefficients[None], self.coordinates[None])
        H = np.where(G[0] == 0, 0.0, G[0]) @ inner
        H[[name in self.undetermined for name in self.names]] = np.nan
        return H

    @property
    def _moving(self) -> Any:
        """Inner parameters that are free to move: terms that are there, coordinates inside their bounds."""
        dead = [k for k, c in enumerate(self.coefficients) if c == 0]
        still = [c != 0 for c in self.coefficients]
        idle = {j for k in dead for j in self.model.belongs(k)}
        low, high = self.model.low, self.model.high
        inside = (self.coordinates > low) & (self.coordinates < high)
        return np.array([*still, *(bool(inside[j]) and j not in idle for j in range(len(inside)))], bool)

    @cached_property
    def condition(self) -> float:
        """Condition number of the Jacobian of the parameters that move, its columns of unit length."""
        _, J = self.tangents
        J = J[self._moving]
        sizes = np.linalg.svd(J / np.sqrt((J**2).sum(axis=1))[:, None], compute_uv=False)
        return float(sizes[0] / sizes[-1]) if sizes[-1] else np.inf

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter by its name, to first order; nan where there is none."""
        if self.freedom <= 0:
            return dict.fromkeys(self.names, np.nan)
        r, _ = self.tangents
        loss = plain_loss(self.loss) if self.target_is_log else self.loss
        unit = float(loss.curvature(np.zeros(1))[0])
        variance = float(((loss.psi(r) / unit) ** 2).sum()) / self.freedom
        spread = np.sqrt(variance * (self.response**2).sum(axis=1))
        return dict(zip(self.names, np.where(spread > 0, spread, np.nan).tolist(), strict=True))

    def __repr__(self) -> str:
        errors = self.standard_errors
        lines = [("law", f"{self.law.name}: {self.law.formula}" if self.law.name else self.law.formula)]
        lines.append(("method", f"{self.method}, {self.loss}, {len(self.runs)} runs"))
        for name, one in self.parameters.items():
            lines.append((name, _printed(self, name, one, errors.get(name, np.nan))))
        lines.append(("objective", f"{self.objective:.6g}"))
        lines.append(("concerns", "\n          ".join(self.concerns) or "none"))
        return "\n".join(f"{head:<9} {text}" for head, text in lines)


def _printed(fit: LawFit, name: str, one: float, error: float) -> str:
    """A parameter with its standard error, digits by the error."""
    if name in fit.law.fixed:
        return f"{one:g} (fixed)"
    if name in fit.law.tie:
        return f"{one:.4g} (= {fit.law.tie[name]})"
    if name in fit.undetermined:
        return "not determined"
    if not np.isfinite(error):
        return f"{one:.4g}"
    digits = max(1, int(np.ceil(np.log10(max(abs(one) / error, 1e-12)))) + 2)
    return f"{one:#.{min(digits, 10)}g} ± {error:.2g}"


@overflow_is_refused
def fit_law(law: Law, runs: Runs, loss: Loss | None = None, *, log: bool = False) -> LawFit:
    """Fit any law to runs; what :meth:`Law.fit` calls, and describes."""
    require_runs("Law.fit", runs)
    require_loss("Law.fit", loss)
    flag("Law.fit: log", log)
    loss = Squared(log) if loss is None else loss
    if log and not loss.log:
        loss = replace(loss, log=True) if isinstance(loss, Squared | Huber) else loss
    if law.linear_form is not law and not loss.log:
        raise ValueError(
            f"Law.fit: {law.formula} has coefficients of either sign inside its exponential, linear in log "
            "L; fit it with log=True."
        )
    inner = law.inside_exponential() if loss.log else None
    names = (inner or law).parameters(runs.extra)
    data = columns_of(runs, law)
    if len(runs) <= len(names):
        raise FitError(
            f"the law has {len(names)} parameters ({', '.join(names)}) and these are {len(runs)} runs; add "
            f"runs until there are {3 * len(names)} or so, or fix or tie parameters."
        )
    if loss.log and not (runs.L > 0).all():
        raise FitError("a loss is not positive, and residuals are asked in log L; fit those of L.")
    model = (inner or law).model(data)
    free = np.array([name in model.law.free for name in model.law.coefficients], bool)
    y, scale = (np.log(runs.L), plain_loss(loss)) if inner else (runs.L, loss)
    method, how, minima = _minima(law, model, runs, y, scale, loss, free)
    best = minima[0]
    fit = LawFit(
        law, runs, loss, {}, best.objective, (), (), how, method, model, best.c, best.u, inner is not None
    )
    shown = _told(law, model, best)
    others = tuple(
        _told(law, model, end) for end in minima[1:] if end.objective <= best.objective * (1 + NEARLY_AS_LOW)
    )
    evidence = Evidence(inner or law, model, runs, y, scale, best, fit.condition)
    concerns = data_concerns(runs) if {"N", "D"} <= law.names_of(runs.extra) else []
    concerns += law_concerns(evidence, 1 + len(others))
    return replace(fit, parameters=shown, minima=others, concerns=tuple(concerns[:MOST]))


def _minima(
    law: Law, model: Model, runs: Runs, y: FloatArray, scale: Loss, loss: Loss, free: Any
) -> tuple[str, str, tuple[Refined, ...]]:
    """How the law was fitted, and its minima, the lowest first."""
    surface = law.two_terms(runs.extra)
    if surface and not loss.log:
        found = fit_vpnls(runs, loss)
        own = {name: getattr(found.surface, letter) for letter, name in surface.items()}
        c, u = inner_parameters(model, own)
        return found.method, found.search, (Refined(c, u, found.objective),)
    search = search_law(model, y, scale, free)
    if not search.minima or not np.isfinite(model.evaluate(search.minima[0].u[None]).Phi).all():
        raise FitError(
            "the formula overflows or does not exist on these runs wherever it was tried; check the units of "
            "the columns, or give bounds= that keep it finite."
        )
    starts = (
        f"{STARTS} starts that fill the box of {len(model.low)} nonlinear parameters"
        if model.law.log_linear
        else f"the {search.starts} best of {SCREENED} points that fill the box of {len(model.low)} parameters"
    )
    how = (
        f"{starts}, descents with the linear part solved exactly, exponents of vanished terms drawn "
        f"{REDRAWN} times anew, the lowest ends refined in all parameters"
    )
    return "variable projection", how, search.minima


def inner_parameters(model: Model, own: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Coefficients and search coordinates of a law without outer powers, from its own parameters."""
    u = model.coordinates(np.array([own[name] for name in model.law.nonlinear], float))
    ones = model.recovered(np.ones((1, len(model.law.columns))), u[None])[0]
    c = [
        own[name.removesuffix("'")] / float(ones[name.removesuffix("'")][0])
        for name in model.law.coefficients
    ]
    return np.array(c, float), u


def _values(law: Law, model: Model, end: Refined) -> dict[str, float]:
    """The law's own parameters at a minimum, tied and fixed ones included."""
    own, _ = model.recovered(end.c[None], end.u[None])
    numbers = {name: float(one[0]) for name, one in own.items()}
    dead = [k for k, c in enumerate(end.c) if c == 0]
    numbers = {
        name: one if np.isfinite(one) else 1.0 if any(model.law.coefficients[k] for k in dead) else one
        for name, one in numbers.items()
    }
    return {**numbers, **{name: float(one) for name, one in law.tied(numbers).items()}}


def _told(law: Law, model: Model, end: Refined) -> dict[str, float]:
    """The parameters as a fit tells them: nan where a term is zero and its exponents mean nothing."""
    numbers = _values(law, model, end)
    for k, c in enumerate(end.c):
        if c == 0:
            for j in model.belongs(k):
                numbers[model.law.nonlinear[j]] = np.nan
    return numbers


def columns_of(runs: Runs, law: Law) -> dict[str, FloatArray]:
    """Columns of runs that a law may use: N, D, C, and the numbers among the extra ones."""
    data = {name: getattr(runs, name) for name in STANDARD}
    wanted = law.names_of(runs.extra)
    for name, column in runs.extra.items():
        if name in wanted:
            if column.dtype.kind != "f":
                raise ValueError(f"Law.fit: the column {name} of runs holds texts; the law needs numbers.")
            if not np.isfinite(column).all():
                row = int(np.argmin(np.isfinite(column)))
                raise ValueError(
                    f"Law.fit: the column {name} of {runs.label(row)} is {column[row]}; leave the run out "
                    "or fill it in."
                )
            data[name] = column
    return data


def plain_loss(loss: Loss) -> Loss:
    """The loss of the same shape whose residuals are plain differences."""
    return replace(loss, log=False) if isinstance(loss, Squared | Huber) else loss


def objective_at(fit: LawFit, parameters: Mapping[str, float]) -> float:
    """What a fit would have minimised, at given parameters."""
    numbers = {**fit.values, **parameters}
    predicted = fit.law.loss(numbers, **{name: fit.model.data[name] for name in fit.model.data})
    return objective(fit.loss, predicted, fit.runs.L)


def require_law(who: str, law: Any) -> None:
    """Raise ValueError unless this is a law."""
    if not isinstance(law, Law):
        raise ValueError(
            f'{who}: law is {shortened(law)}; give Law("E + A/N**alpha + B/D**beta") or another.'
        )
