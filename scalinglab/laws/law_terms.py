"""The summands of a law: which name is the coefficient of each, and what stands beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from scalinglab.laws.expressions import Name, Node, Num, Power, Product, Sum, product_of, text

MINUS, ZERO, ONE = Num(-1.0), Num(0.0), Num(1.0)


@dataclass(frozen=True)
class Term:
    """One summand: a number, a coefficient to some power, and the factors beside it."""

    number: float
    coefficient: str
    exponent: Node
    factors: tuple[Node, ...]


def expanded(node: Node, single: set[str]) -> Iterable[tuple[Node, ...]]:
    """The summands of an expression, each as factors; sums that hold coefficients are multiplied out."""
    if isinstance(node, Sum):
        for term in node.terms:
            yield from expanded(term, single)
        return
    factors = node.factors if isinstance(node, Product) else (node,)
    offered = [factor for factor in factors if isinstance(factor, Sum) and _offers(factor, single)]
    if not offered:
        yield factors
        return
    rest = [factor for factor in factors if factor not in offered]
    held = [factor.id for factor in rest if isinstance(factor, Name) and factor.id in single]
    if held or len(offered) > 1:
        raise ValueError(
            f"Law: in {text(node)} a coefficient multiplies a sum that has coefficients of its own, and only "
            f"their products are determined; drop {held[0] if held else 'those of one sum'} or fix it."
        )
    for chosen in product(*(expanded(factor, single) for factor in offered)):
        yield (*rest, *(factor for factors in chosen for factor in factors))


def _offers(node: Sum, single: set[str]) -> bool:
    """Whether a term of a sum has a bare coefficient."""
    return any(
        isinstance(factor, Name) and factor.id in single
        for factors in expanded(node, single)
        for factor in factors
    )


def summand(factors: tuple[Node, ...], single: set[str]) -> Term:
    """Find the coefficient of a summand."""
    flat = product_of(*factors)
    factors = flat.factors if isinstance(flat, Product) else (flat,)
    number = factors[0].value if isinstance(factors[0], Num) else 1.0
    rest = [factor for factor in factors if not isinstance(factor, Num)]
    found = [factor for factor in rest if _coefficient(factor, single)]
    if len(found) > 1:
        pair = " and ".join(one[0] for factor in found if (one := _coefficient(factor, single)))
        raise ValueError(
            f"Law: of {pair} only the product is determined in {text(flat)}; drop one or fix it."
        )
    if not found:
        return Term(number, "", ONE, tuple(rest))
    coefficient, exponent = _coefficient(found[0], single) or ("", ONE)
    others = tuple(factor for factor in rest if factor is not found[0])
    if isinstance(found[0], Power) and isinstance(found[0].base, Product):
        left = product_of(*(f for f in found[0].base.factors if f != Name(coefficient)))
        others = (*others, Power(left, found[0].exponent))
    return Term(number, coefficient, exponent, others)


def _coefficient(factor: Node, single: set[str]) -> tuple[str, Node] | None:
    """Name and power of the coefficient that a factor is, if it is one: A, A**k or (A*u)**k."""
    match factor:
        case Name(name) if name in single:
            return name, ONE
        case Power(Name(name), exponent) if name in single and exponent != MINUS:
            return name, exponent
        case Power(Product(factors), exponent):
            bare = [one.id for one in factors if isinstance(one, Name) and one.id in single]
            if len(bare) == 1 and exponent != MINUS:
                return bare[0], exponent
    return None


def gathered_names(
    terms: list[Term], counted: Mapping[str, int], variables: frozenset[str]
) -> dict[str, list[Term]]:
    """Names that are the bare factor of several terms, and nothing else: one coefficient of their sum."""
    bare: dict[str, list[Term]] = {}
    for term in terms:
        for factor in term.factors:
            if isinstance(factor, Name) and factor.id not in variables:
                bare.setdefault(factor.id, []).append(term)
    for name, held in bare.items():
        if len(held) != counted[name]:
            raise ValueError(
                f"Law: {name} is both a coefficient and a part of something else; give the two places "
                f'different names, and tie them if you mean one number (tie={{"{name}2": "{name}"}}).'
            )
        if any(term.coefficient for term in held):
            raise ValueError(
                f"Law: of {name} and {held[0].coefficient or held[-1].coefficient} only the product is "
                "determined in a term; drop one or fix it."
            )
    return bare
