"""What the fit of any law answers: predictions, errors, allocations, and how it prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, of_kind, plain, positive
from scalinglab._text import with_error
from scalinglab.data.runs import Runs
from scalinglab.fitting.printed_fits import html_table, printed
from scalinglab.laws.allocations import Optimum
from scalinglab.laws.expressions import names as names_in
from scalinglab.laws.formulas import STANDARD, Law
from scalinglab.laws.models import Model
from scalinglab.solvers.full_steps import Refined, tangents
from scalinglab.solvers.objectives import Huber, Loss, Squared, square_roots
from scalinglab.solvers.separable import Ends, descents


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
        return values_at(self.law, self.model, Refined(self.coefficients, self.coordinates, 0.0))

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
            raise ValueError(f"LawFit.predict: columns has no {missing[0]}, and the law needs it; add it.")
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

    @property
    def target(self) -> FloatArray:
        """What the separated law was fitted to: the losses, or their logs."""
        return np.log(self.runs.L) if self.target_is_log else self.runs.L

    @property
    def target_loss(self) -> Loss:
        """What was minimised, as a loss of the residuals of ``target``."""
        return plain_loss(self.loss) if self.target_is_log else self.loss

    @property
    def scales(self) -> tuple[str, ...]:
        """Coefficients of terms that vary, zero or more: their errors are told in their logarithm."""
        constant = {column.coefficient for column in self.model.law.columns if not names_in(column.node)}
        plain = {name.removesuffix("'") for name in set(self.model.law.coefficients) - constant}
        inside = {one for name in self.model.law.nonlinear if "/" in name for one in name[3:].split("/")}
        return tuple(name for name in self.names if name in plain | inside and name not in self.law.free)

    @property
    def edges(self) -> tuple[str, ...]:
        """Coefficients at zero and nonlinear parameters at a bound: there no first-order theory holds."""
        inner = (*self.model.law.coefficients, *self.model.law.nonlinear)
        return tuple(
            name.removesuffix("'") for name, free in zip(inner, self.moving, strict=True) if not free
        )

    @property
    def inner(self) -> FloatArray:
        """Coefficients and search coordinates that move."""
        return np.asarray(np.concatenate([self.coefficients, self.coordinates])[self.moving])

    def moved(self, place: int, step: float) -> LawFit:
        """The law with one of ``inner`` a step away, for derivatives of what it answers."""
        whole = np.concatenate([self.coefficients, self.coordinates])
        whole[np.flatnonzero(self.moving)[place]] += step
        K = len(self.coefficients)
        return replace(self, coefficients=whole[:K], coordinates=whole[K:])

    def gradient_of(self, answer: Callable[[LawFit], Any], share: float = 1e-5) -> FloatArray:
        """Derivatives of what a law answers in ``inner``, by differences; along the last axis."""
        steps = share * np.maximum(np.abs(self.inner), share)
        up, down = (
            np.array([answer(self.moved(k, sign * step)) for k, step in enumerate(steps)]) for sign in (1, -1)
        )
        return np.asarray(np.moveaxis(up - down, 0, -1) / (2 * steps))

    def loss_gradient(self, at: Mapping[str, Any]) -> FloatArray:
        """Derivatives of the losses of runs in ``inner``, along the last axis."""
        return self.gradient_of(lambda law: law.predict(at), 1e-6)

    @cached_property
    def tangents(self) -> tuple[FloatArray, FloatArray]:
        """Residuals of the objective and their derivatives in the inner parameters, (n,) and (K + p, n)."""
        return tangents(self.model, self.target, self.target_loss, self.coefficients, self.coordinates)

    def refits(
        self, weights: FloatArray | None = None, losses: FloatArray | None = None
    ) -> tuple[Ends, FloatArray]:
        """Refits from this optimum, many at once: of runs with weights (R, n), or of other losses (R, n).

        Least squares, of the fit's own weights where it minimised another loss; no search for other minima.
        Returns where they ended and the losses each predicts for every run, (R, n).
        """
        y = self.target if losses is None else np.log(losses) if self.target_is_log else losses
        r, _ = self.tangents
        root = square_roots(self.target_loss, y, r)
        if weights is not None:
            root = root * np.sqrt(weights)
        R = max(len(np.atleast_2d(y)), len(np.atleast_2d(root)))
        start = np.repeat(self.coordinates[None], R, axis=0)
        ends = descents(self.model, y * root, start, self.model.free, np.broadcast_to(root, (R, len(r))))
        at = self.model.evaluate(ends.u, slopes=False)
        fitted = np.einsum("rk,rkn->rn", ends.c, at.Phi) + (0.0 if at.offset is None else at.offset)
        return ends, np.exp(fitted) if self.target_is_log else fitted

    @cached_property
    def inner_response(self) -> FloatArray:
        r"""Matrix from errors of the losses to errors of what moves, to first order, shape (moving, n).

        :math:`(J W J^\top)^{-1} J W` with the curvature W of the loss; rows are the coefficients and search
        coordinates of ``moving``.
        """
        r, J = self.tangents
        bend = np.sqrt(self.target_loss.curvature(r) / self.target_loss.unit)
        J = J[self.moving]
        size = np.sqrt(np.einsum("mn,mn->m", J, J))
        Q, T = np.linalg.qr((J / size[:, None] * bend).T)
        return np.asarray(np.linalg.solve(T, Q.T * bend) / size[:, None])

    @cached_property
    def response(self) -> FloatArray:
        """Matrix from errors of the losses to errors of the parameters, to first order, (parameters, n).

        Rows of parameters not determined are nan, of those at a bound zero.
        """
        H = self.gradients @ self.inner_response
        H[[name in self.undetermined for name in self.names]] = np.nan
        return H

    @cached_property
    def gradients(self) -> FloatArray:
        """Derivatives of the parameters in what moves, shape (parameters, moving)."""
        _, G = self.model.recovered(self.coefficients[None], self.coordinates[None])
        return np.asarray(G[0][:, self.moving])

    @property
    def moving(self) -> Any:
        """Inner parameters free to move and felt: of terms that are there, coordinates inside their bounds.

        What changes no loss, or by less than squares can hold, as an exponent of a term that is zero to the
        last digit, moves nothing.
        """
        dead = [k for k, c in enumerate(self.coefficients) if c == 0]
        still = [c != 0 for c in self.coefficients]
        idle = self.model.belongs(*dead)
        low, high = self.model.low, self.model.high
        inside = (self.coordinates > low) & (self.coordinates < high)
        free = np.array([*still, *(bool(inside[j]) and j not in idle for j in range(len(inside)))], bool)
        return free & ((self.tangents[1] ** 2).sum(axis=1) > np.finfo(float).tiny)

    @cached_property
    def condition(self) -> float:
        """Condition number of the Jacobian of the parameters that move, its columns of unit length."""
        _, J = self.tangents
        J = J[self.moving]
        if not len(J):  # every term is zero: nothing trades off
            return 1.0
        sizes = np.linalg.svd(J / np.sqrt((J**2).sum(axis=1))[:, None], compute_uv=False)
        return float(sizes[0] / sizes[-1]) if sizes[-1] else np.inf

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter by its name, to first order; nan where there is none."""
        if self.freedom <= 0:
            return dict.fromkeys(self.names, np.nan)
        r, _ = self.tangents
        loss = self.target_loss
        variance = float(((loss.psi(r) / loss.unit) ** 2).sum()) / self.freedom
        spread = np.sqrt(variance * (self.response**2).sum(axis=1))
        return dict(zip(self.names, np.where(spread > 0, spread, np.nan).tolist(), strict=True))

    @property
    def printed(self) -> dict[str, str]:
        """Parameters as tables print them: digits follow the standard error."""
        errors = self.standard_errors
        return {name: self._shown(name, one, errors) for name, one in self.parameters.items()}

    def _shown(self, name: str, one: float, errors: Mapping[str, float]) -> str:
        if name in self.law.fixed:
            return f"{one:g} (fixed)"
        if name in self.law.tie:
            return f"{one:.4g} (= {self.law.tie[name]})"
        return "not determined" if name in self.undetermined else with_error(one, errors[name])

    def __repr__(self) -> str:
        lines = [
            ("law", f"{self.law.name}: {self.law.formula}" if self.law.name else self.law.formula),
            ("method", f"{self.method}, {self.loss}, {len(self.runs)} runs"),
            *self.printed.items(),
            ("objective", f"{self.objective:.6g}"),
        ]
        return printed(lines, self.concerns)

    def _repr_html_(self) -> str:
        printed = self.printed
        what = f"{self.law.name or self.law.formula}, {self.method}, {self.loss}"
        return html_table(
            ("law", *printed, "objective"), (what, *printed.values(), f"{self.objective:.5g}"), self.concerns
        )


def values_at(law: Law, model: Model, end: Refined) -> dict[str, float]:
    """The law's own parameters at a minimum, tied and fixed ones included."""
    own, _ = model.recovered(end.c[None], end.u[None])
    numbers = {name: float(one[0]) for name, one in own.items()}
    dead = [k for k, c in enumerate(end.c) if c == 0]
    numbers = {
        name: one if np.isfinite(one) else 1.0 if any(model.law.coefficients[k] for k in dead) else one
        for name, one in numbers.items()
    }
    return {**numbers, **{name: float(one) for name, one in law.tied(numbers).items()}}


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
