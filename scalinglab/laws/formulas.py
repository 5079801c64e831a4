"""A law as a formula: read, taken apart, and evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import lru_cache
from typing import Any

import numpy as np

from scalinglab._arrays import FloatArray, finite, number, of_kind, overflow_is_refused, plain, shortened
from scalinglab.laws.allocations import Optimum, optimum
from scalinglab.laws.expressions import Call, Node, Num, names, parse, substitute
from scalinglab.laws.jets import value
from scalinglab.laws.law_arguments import named, range_of
from scalinglab.laws.models import Model
from scalinglab.laws.parameter_roles import EXPONENT, FALLING, OUTER, SCALE, names_of_two_terms, roles
from scalinglab.laws.printed_laws import printed_law
from scalinglab.laws.separation import Separated, separate

#: Where a parameter is sought unless ``bounds`` says otherwise, by what it does in the formula.
RANGES = {FALLING: (0.01, 2.0), EXPONENT: (-2.0, 2.0), OUTER: (0.01, 3.0), SCALE: (1e-3, 1e3)}

#: Where the logarithm of a ratio of two coefficients inside a power is sought, in centred units.
RATIO = (-12.0, 12.0)

#: Columns that all runs have.
STANDARD = ("N", "D", "C")


class Law:
    """A law of the loss, written as a formula.

    Write what you believe; what is linear in it is found, and only the rest is searched. A fit needs no
    starting values.

    Parameters
    ----------
    formula : str
        An expression in Python's grammar: numbers, names, ``+ - * / **``, brackets, ``exp``, ``log``,
        ``log1p``, ``expm1``, ``sqrt``, ``min``, ``max``. It is read, never run.
    where : mapping of str to str, optional
        Names for parts of it, each an expression; later ones may use earlier ones.
    variables : iterable of str, optional
        Names that are columns of the runs. When absent: N, D, C and whatever extra columns the runs
        have.
    bounds : mapping of str to (low, high), optional
        Where a nonlinear parameter is sought. When absent: exponents that fall 0.01-2, others -2-2, of a
        bracket with parameters 0.01-3 (one that falls is written ``(1 + N/s)**-k``), scales 0.001-1000.
    fixed : mapping of str to float, optional
        Parameters that are known.
    tie : mapping of str to str, optional
        Parameters that are given by others, ``{"beta": "alpha"}``; expressions work too.
    free : iterable of str
        Coefficients of either sign; all others are zero or more.
    name : str
        What the law is called.

    Raises
    ------
    ValueError
        If the formula is none, or its parameters cannot be told apart; the message says which.

    See Also
    --------
    LossSurface : The law of two terms, with numbers.
    fit_vpnls : Its fit.

    Notes
    -----
    A name that occurs once, as a bare factor of a term, is a linear coefficient; products of sums are
    multiplied out; ``(A*u + B*v)**k`` becomes ``A**k * (u + rho*v)**k``. The chapter *When the surface
    bends* derives what follows.

    Examples
    --------
    >>> print(Law("E + (A/N**alpha + B/D**beta)**k"))
    law       E + (A/N**alpha + B/D**beta)**k
    variables N, D
    linear    E, A; all ≥ 0
    nonlinear alpha, beta, k, and B through its ratio to A
    fit       screened starts, variable projection with derivatives of the formula
    """

    def __init__(
        self,
        formula: str,
        *,
        where: Mapping[str, str] | None = None,
        variables: Iterable[str] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        fixed: Mapping[str, float] | None = None,
        tie: Mapping[str, str] | None = None,
        free: Iterable[str] = (),
        name: str = "",
    ) -> None:
        for what, given in (("where", where), ("bounds", bounds), ("fixed", fixed), ("tie", tie)):
            of_kind(f"Law: {what}", given, (Mapping, type(None)), f"give a mapping of names, {what}={{...}}")
        of_kind("Law: name", name, str, "give a text")
        self.formula = formula.strip() if isinstance(formula, str) else formula
        self.name = name
        node = parse(formula)
        self.where = dict(where or {})
        parts: dict[str, Node] = {}
        for part, definition in self.where.items():
            parts[part] = substitute(parse(definition, f"Law: where[{shortened(part)}]"), parts)
        node = substitute(node, parts)
        self.declared = None if variables is None else frozenset(named("variables", variables))
        self.fixed = {key: number(f"Law: fixed[{key!r}]", one) for key, one in (fixed or {}).items()}
        self.tie = dict(tie or {})
        self.free = frozenset(named("free", free))
        self.bounds = {key: range_of(key, ends) for key, ends in (bounds or {}).items()}
        ties = {key: parse(one, f"Law: tie[{shortened(key)}]") for key, one in self.tie.items()}
        numbers: dict[str, Node] = {key: Num(one) for key, one in self.fixed.items()}
        self._ties, self._node = ties, substitute(substitute(node, ties), numbers)
        self._names = frozenset(names(self._node))
        everything = set(names(node))
        for what, used in (
            ("fixed", self.fixed),
            ("tie", self.tie),
            ("bounds", self.bounds),
            ("free", self.free),
        ):
            if strange := sorted(set(used) - everything - self._names):
                raise ValueError(
                    f"Law: {what} names {strange[0]}, which the formula does not have; it has "
                    f"{', '.join(sorted(everything))}."
                )
        if wrong := sorted(everything & {"L"}):
            raise ValueError(f"Law: the formula has {wrong[0]}, the loss itself; it may use N, D, C.")
        if self.declared is not None:  # else the runs decide what is a column
            try:
                self.linear_form.separated()
            except ValueError as error:
                raise ValueError(f"{error} Its variables are {', '.join(sorted(self.declared))}.") from None

    def names_of(self, extra: Iterable[str] = ()) -> frozenset[str]:
        """Names of the formula that are variables, given the runs' extra columns."""
        columns = self.declared if self.declared is not None else {*STANDARD, *extra}
        return frozenset(columns) & self._names

    def separated(self, extra: Iterable[str] = ()) -> Separated:
        """The law taken apart, given the runs' extra columns."""
        return _separated(self._node, self.names_of(extra), self.free)

    def parameters(self, extra: Iterable[str] = ()) -> tuple[str, ...]:
        """Names of what a fit determines, in the order of the formula."""
        return tuple(self.linear_form.separated(extra).recovered)

    def box(self, extra: Iterable[str] = ()) -> tuple[FloatArray, FloatArray, Any]:
        """Bounds of the nonlinear parameters in search coordinates, and which are searched in logs."""
        separated = self.separated(extra)
        does = _roles(self._node, self.names_of(extra))
        ends, in_logs = [], []
        for name in separated.nonlinear:
            role = does.get(name, "")
            low, high = self.bounds.get(name, RANGES.get(role, RATIO))
            in_logs.append(role == SCALE and low > 0)
            ends.append((np.log(low), np.log(high)) if in_logs[-1] else (low, high))
        box = np.array(ends, float).reshape(-1, 2)
        return box[:, 0], box[:, 1], np.array(in_logs, bool)

    def role(self, name: str, extra: Iterable[str] = ()) -> str:
        """What a nonlinear parameter does in the formula."""
        return _roles(self._node, self.names_of(extra)).get(name, "")

    def tied_to(self, name: str) -> Node:
        """The expression that gives a tied parameter."""
        return self._ties[name]

    def without_tie(self, name: str) -> Law:
        """The same law with one parameter untied."""
        return Law(
            self.formula,
            where=self.where,
            variables=self.declared,
            bounds=self.bounds,
            fixed=self.fixed,
            tie={key: one for key, one in self.tie.items() if key != name},
            free=self.free,
            name=self.name,
        )

    def with_number(self, name: str, number: Num) -> Law:
        """The same law with a number in the place of a parameter."""
        held = copy(self)
        held._node = substitute(self._node, {name: number})
        held._names = frozenset(names(held._node))
        held.free = self.free - {name}
        return held

    def model(self, data: Mapping[str, FloatArray]) -> Model:
        """The law on given columns, ready for a search."""
        extra = set(data)
        if missing := sorted(self.names_of(extra) - extra):
            raise ValueError(
                f"Law: the formula needs the column {missing[0]}, and there are {', '.join(sorted(extra))}; "
                f'add it (Runs(..., extra={{"{missing[0]}": ...}})).'
            )
        used = {name: data[name] for name in self.names_of(extra)}
        if not used:
            raise ValueError(f"Law: {self.formula} uses no column of the runs; name N, D or another.")
        return Model(self.separated(extra), used, *self.box(extra))

    @overflow_is_refused
    def loss(self, parameters: Mapping[str, float], **columns: Any) -> Any:
        """Loss for given parameters and columns, ``law.loss({"E": 1.7, ...}, N=1e9, D=2e10)``."""
        of_kind("Law.loss: parameters", parameters, Mapping, 'give {"E": 1.7, ...}')
        of = {**dict.fromkeys(parameters, "parameters"), **dict.fromkeys(columns, "columns")}
        given = {
            name: finite(f"Law.loss: {name} of {of[name]}", one)
            for name, one in {**parameters, **columns}.items()
        }
        if missing := sorted(self._names - set(given)):
            raise ValueError(
                f"Law.loss: {missing[0]} is missing among parameters and columns; give its number."
            )
        return plain(np.asarray(value(self._node, given), float))

    def optimum(
        self,
        parameters: Mapping[str, float],
        C: float,
        cost: str = "6*N*D",
        over: Sequence[str] = ("N", "D"),
        given: Mapping[str, float] | None = None,
    ) -> Optimum:
        """Allocation of a cost C that the law implies for its parameters.

        Parameters
        ----------
        parameters : mapping of str to float
            Values of the law's parameters.
        C : float
            What may be spent; FLOPs for the usual cost.
        cost : str
            What a run costs: a formula of the law's variables that rises with those in ``over``; an
            inference term or active parameters of your own, ``"6*N*D + 2*N*1e12"``.
        over : sequence of str
            One or two variables that are free.
        given : mapping of str to float, optional
            The others, ``{"U": 1e11}``.

        Returns
        -------
        Optimum
            In closed form where the law is a function of two powers' sum and the cost a multiple of ND.

        Examples
        --------
        >>> from scalinglab import CHINCHILLA
        >>> Law("E + A/N**alpha + B/D**beta").optimum(CHINCHILLA.parameters, 5.76e23)
        at 5.76e+23: N 3.219e+10  D 2.982e+12  loss 1.9307 (closed form)
        """
        of_kind("Law.optimum: parameters", parameters, Mapping, 'give {"E": 1.7, ...}')
        numbers = {name: Num(number(f"Law: {name} of parameters", one)) for name, one in parameters.items()}
        return optimum(substitute(self._node, numbers), C, cost, over, given)

    def two_terms(self, extra: Iterable[str] = ()) -> dict[str, str]:
        """Names that stand for E, A, B, alpha and beta where this is the law of a :class:`LossSurface`.

        Empty elsewhere; a law with bounds or free signs of its own is another.
        """
        if self.bounds or self.free or self.names_of(extra) != {"N", "D"}:
            return {}
        return names_of_two_terms(self._node)

    def inside_exponential(self) -> Law | None:
        """The law of ln L where the formula is the exponential of something; None elsewhere."""
        if not (isinstance(self._node, Call) and self._node.function == "exp"):
            return None
        inner = copy(self)
        inner._node = self._node.arguments[0]
        inner._names = frozenset(names(inner._node))
        return inner

    @property
    def linear_form(self) -> Law:
        """The law whose coefficients are linear: of ln L where an exponential has some of either sign."""
        return (self.inside_exponential() if self.free else None) or self

    def fit(self, runs: Any, loss: Any = None, *, log: bool = False) -> Any:
        """Fit the law to runs.

        What is linear is solved exactly, coefficients zero or more unless free; what is not is searched by
        Levenberg-Marquardt steps from starts that fill its box (12 where columns are log-linear, else the
        best 32 of 2048); exponents of terms that vanish are drawn anew; the lowest ends are refined in all
        parameters. The law of two terms goes to :func:`fit_vpnls` and returns its digits.

        Parameters
        ----------
        runs : Runs
            More runs than parameters, with the columns that the formula names.
        loss : Squared or Huber, optional
            What to minimise; squared residuals when absent.
        log : bool
            Take residuals in log L.

        Returns
        -------
        LawFit

        Raises
        ------
        FitError
            If there are too few runs, or the formula does not exist on them.
        ValueError
            If a column is missing.

        Examples
        --------
        >>> from scalinglab import load_llama3
        >>> fit = Law("E + (A/N**alpha + B/D**beta)**k").fit(load_llama3())
        >>> f"k {fit.k:.3f}, sum of squares {fit.objective:.6f}"
        'k 0.589, sum of squares 0.001061'
        """
        from scalinglab.fitting.law_fits import fit_law

        return fit_law(self, runs, loss, log=log)

    def tied(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the parameters that are tied or fixed, given the others."""
        return {
            **self.fixed,
            **{key: value(node, {**self.fixed, **parameters}) for key, node in self._ties.items()},
        }

    def __repr__(self) -> str:
        return printed_law(self)


_roles = lru_cache(maxsize=256)(roles)


@lru_cache(maxsize=256)
def _separated(node: Node, variables: frozenset[str], free: frozenset[str]) -> Separated:
    return separate(node, variables, free)
