r"""A law taken apart: what is linear in it, what is not, and how its own parameters come back.

Every term becomes :math:`c_k\,\varphi_k(\theta)` with columns in centred logs, so that no fit depends on
units; an outer power :math:`(A u + B v)^k` becomes :math:`A^k (u + \varrho v)^k`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from scalinglab.laws.expressions import (
    Call,
    Name,
    Node,
    Num,
    Power,
    Product,
    Sum,
    names,
    power_of,
    product_of,
    sum_of,
    text,
)
from scalinglab.laws.law_terms import MINUS, ONE, ZERO, Term, expanded, gathered_names, summand

#: Prefixes of names made here: the centred log of a variable, and the log of its centre.
LOG, CENTRE = "ln ", "ln centre of "


@dataclass(frozen=True)
class Column:
    """What one linear coefficient multiplies, or, without one, a term that stands for itself.

    ``node`` is ``factor * exp(exponent)`` times the rest; where there is no rest and the exponent is affine
    in the parameters, ``slopes`` holds its derivative in each, and the column is log-linear.
    """

    coefficient: str
    node: Node
    factor: Node = ONE
    exponent: Node = ZERO
    slopes: Mapping[str, Node] | None = None


@dataclass(frozen=True)
class Separated:
    """A law taken apart.

    Attributes
    ----------
    columns : tuple of Column
        One for each linear coefficient.
    offsets : tuple of Column
        Terms without a coefficient.
    nonlinear : tuple of str
        Parameters the columns depend on; ``"ln B/A"`` stands for the ratio of two coefficients in a power.
    logs : mapping
        Centred logs that the columns use, ``"ln N"`` and the like, and what they are logs of.
    recovered : mapping
        Each parameter of the formula from the coefficients, the nonlinear parameters and the centres.
    free : frozenset of str
        Coefficients of either sign.
    """

    columns: tuple[Column, ...]
    offsets: tuple[Column, ...]
    nonlinear: tuple[str, ...]
    logs: Mapping[str, Node]
    recovered: Mapping[str, Node]
    free: frozenset[str]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the linear coefficients, of the columns' scale."""
        return tuple(column.coefficient for column in self.columns)

    @property
    def log_linear(self) -> bool:
        """Whether every column is the exponential of something affine in the parameters."""
        return all(column.slopes is not None for column in (*self.columns, *self.offsets))


def separate(formula: Node, variables: frozenset[str], free: frozenset[str]) -> Separated:
    """Take a law apart; raises ValueError, in words, where its parameters cannot be told apart."""
    counted = names(formula)
    parameters = [name for name in counted if name not in variables]
    single = {name for name in parameters if counted[name] == 1}
    summed = [summand(factors, single) for factors in expanded(formula, single)]
    bare = gathered_names(summed, counted, variables)
    parts = _Parts(variables, frozenset(parameters), free, single)
    for name, terms in bare.items():
        parts.gathered(name, terms)
    for term in summed:
        if not any(term in terms for terms in bare.values()):
            parts.add(term)
    done = parts.finish(parameters)
    strange = sorted(free - {name.removesuffix("'") for name in done.coefficients})
    if strange:
        raise ValueError(
            f"Law: free names {', '.join(strange)}, which is no coefficient of a term; a sign can be free "
            "where a name is a bare factor of a term."
        )
    _require_distinct(done.columns)
    return done


class _Parts:
    """Collects the columns of a law, term by term."""

    def __init__(
        self, variables: frozenset[str], parameters: frozenset[str], free: frozenset[str], single: set[str]
    ) -> None:
        self.variables, self.parameters, self.free, self.single = variables, parameters, free, single
        self.columns: list[Column] = []
        self.offsets: list[Column] = []
        self.logs: dict[str, Node] = {}
        self.recovered: dict[str, Node] = {}
        self.ratios: list[str] = []

    def add(self, term: Term) -> None:
        """Add one summand."""
        powers = [one for one in term.factors if isinstance(one, Power) and self._homogeneous(one)]
        if len(powers) + bool(term.coefficient) > 1:
            raise ValueError(
                f"Law: of {term.coefficient or text(powers[1])} and the coefficients of {text(powers[0])} "
                "only the product is determined; drop one or fix it."
            )
        if powers:
            self._outer(term, powers[0])
            return
        column, scale = self._centred(term.coefficient, term.number, term.factors)
        if not term.coefficient:
            whole = product_of(column.node, scale)
            self.offsets.append(replace(column, node=whole, slopes=None))
            return
        name = f"{term.coefficient}'"
        self.columns.append(replace(column, coefficient=name))
        plain = product_of(Name(name), power_of(scale, MINUS))
        self._require_no_variable(term.exponent, term.coefficient)
        self.recovered[term.coefficient] = power_of(plain, power_of(term.exponent, MINUS))
        if term.exponent != ONE and term.coefficient in self.free:
            raise ValueError(
                f"Law: {term.coefficient} stands in a power and cannot be negative; leave it out of free."
            )

    def _require_no_variable(self, exponent: Node, what: str) -> None:
        """Refuse a power of a coefficient that differs from run to run: nothing can be taken out of it."""
        if varying := sorted(names(exponent).keys() & self.variables):
            raise ValueError(
                f"Law: {what} stands in a power of {varying[0]}, a variable. If {varying[0]} is a parameter "
                "that only shares its name with a column of the runs, rename it, or name the columns, "
                f'variables=("N", "D"). If it is a column, fit the runs of each {varying[0]} apart.'
            )

    def gathered(self, name: str, terms: list[Term]) -> None:
        """Add a coefficient of a sum of several terms, in the units of the runs."""
        parts = [
            product_of(Num(term.number), *(factor for factor in term.factors if factor != Name(name)))
            for term in terms
        ]
        self.columns.append(Column(f"{name}'", sum_of(*parts)))
        self.recovered[name] = Name(f"{name}'")

    def _homogeneous(self, factor: Power) -> bool:
        """Whether a factor is a power of a sum of which every term has a coefficient."""
        if not isinstance(factor.base, Sum) or factor.exponent == MINUS:
            return False
        return all(term.coefficient for term in self._terms(factor.base))

    def _terms(self, node: Node) -> list[Term]:
        """The summands of an expression."""
        return [summand(factors, self.single) for factors in expanded(node, self.single)]

    def _outer(self, term: Term, power: Power) -> None:
        """Add a term (A u + B v)**k as A**k (u + rho v)**k."""
        rest = tuple(factor for factor in term.factors if factor is not power)
        if rest and any(names(factor).keys() & self.parameters for factor in rest):
            raise ValueError(
                f"Law: {text(power)} is multiplied by something with parameters of its own; write that "
                "factor inside the bracket."
            )
        self._require_no_variable(power.exponent, text(power))
        inner = self._terms(power.base)
        centred = [self._centred(t.coefficient, 1.0, t.factors, True) for t in inner]
        columns, scales = zip(*centred, strict=True)
        if any(t.number <= 0 for t in inner):
            raise ValueError(f"Law: {text(power)} raises a difference to a power; it must be a sum.")
        if wanted := self.free & {t.coefficient for t in inner}:
            raise ValueError(
                f"Law: {min(wanted)} stands in a power and cannot be negative; leave it out of free."
            )
        first = inner[0].coefficient
        name = f"{first}'"
        lead = power_of(Name(name), power_of(power.exponent, MINUS))
        parts: list[Node] = [columns[0].node]
        for t, column, scale in zip(inner, columns, scales, strict=True):
            size = lead
            if t is not inner[0]:
                ratio = f"ln {t.coefficient}/{first}"
                self.ratios.append(ratio)
                parts.append(product_of(Call("exp", (Name(ratio),)), column.node))
                size = product_of(Call("exp", (Name(ratio),)), lead)
            own = product_of(size, Num(1 / t.number), power_of(scale, MINUS))
            self.recovered[t.coefficient] = power_of(own, power_of(t.exponent, MINUS))
        node = product_of(Num(term.number), *rest, Power(sum_of(*parts), power.exponent))
        self.columns.append(Column(name, node))

    def _centred(
        self, coefficient: str, number: float, factors: tuple[Node, ...], positive: bool = False
    ) -> tuple[Column, Node]:
        """The column of a term in centred logs, and what it was divided by.

        Inside a power every factor is positive, and what is known is centred too.
        """
        known: list[Node] = [Num(number)]
        exponents: list[Node] = []
        scales: list[Node] = []
        rest: list[Node] = []
        for factor in factors:
            match factor:
                case Num() | Power(Num(), _) if not names(factor):
                    known.append(factor)
                case _ if not names(factor).keys() & self.parameters:
                    if positive:
                        self._powered(factor, ONE, exponents, scales)
                    else:
                        known.append(factor)
                case Power(base, exponent):
                    for part in base.factors if isinstance(base, Product) else (base,):
                        if names(part).keys() & self.parameters:
                            rest.append(Power(part, exponent))
                        else:
                            self._powered(part, exponent, exponents, scales)
                case Call("exp", (argument,)):
                    exponents.append(argument)
                case _:
                    rest.append(factor)
        exponent, factor_ = sum_of(*exponents, Num(0.0)), product_of(*known)
        curve: list[Node] = [Call("exp", (exponent,))] if exponents else []
        node = product_of(factor_, *curve, *rest)
        slopes = None if rest else self._affine(exponent)
        return Column(coefficient, node, factor_, exponent, slopes), product_of(*scales)

    def _powered(self, base: Node, exponent: Node, exponents: list[Node], scales: list[Node]) -> None:
        """Add base**exponent, whose base is known, to the exponents of a column."""
        match base:
            case Power(inner, Num() as power):
                base, exponent = inner, product_of(power, exponent)
        if isinstance(base, Num) or names(exponent).keys() & self.variables:
            exponents.append(product_of(exponent, Call("log", (base,))))
        else:
            shown = text(base)
            self.logs[LOG + shown] = base
            exponents.append(product_of(exponent, Name(LOG + shown)))
            scales.append(Call("exp", (product_of(exponent, Name(CENTRE + shown)),)))

    def _affine(self, node: Node) -> dict[str, Node] | None:
        """The slopes of an expression in the parameters, where it is affine in them."""
        if not names(node).keys() & self.parameters:
            return {}
        match node:
            case Name(name):
                return {name: ONE}
            case Sum(terms):
                slopes: dict[str, Node] = {}
                for term in terms:
                    part = self._affine(term)
                    if part is None:
                        return None
                    for name, slope in part.items():
                        slopes[name] = sum_of(slopes[name], slope) if name in slopes else slope
                return slopes
            case Product(factors):
                moving = [factor for factor in factors if names(factor).keys() & self.parameters]
                inner = self._affine(moving[0]) if len(moving) == 1 else None
                if inner is not None:
                    rest = [factor for factor in factors if factor is not moving[0]]
                    return {name: product_of(*rest, slope) for name, slope in inner.items()}
        return None

    def finish(self, parameters: list[str]) -> Separated:
        """All columns, and the parameters that no coefficient stands for."""
        inside = [name for name in parameters if name not in self.recovered]
        self.recovered.update({name: Name(name) for name in inside})
        ordered = {name: self.recovered[name] for name in parameters}
        free = frozenset(f"{name}'" for name in self.free)
        nonlinear = (*inside, *self.ratios)
        return Separated(tuple(self.columns), tuple(self.offsets), nonlinear, self.logs, ordered, free)


def _require_distinct(columns: tuple[Column, ...]) -> None:
    """Raise ValueError if two coefficients multiply the same thing."""
    for k, one in enumerate(columns):
        for other in columns[:k]:
            if one.node == other.node:
                pair = (
                    f"{other.coefficient.removesuffix(chr(39))} and {one.coefficient.removesuffix(chr(39))}"
                )
                raise ValueError(
                    f"Law: {pair} multiply the same thing, so only their sum is determined; drop one."
                )
