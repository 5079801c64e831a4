"""What a parameter does in a formula, which decides where it is sought."""

from __future__ import annotations

from scalinglab.laws.expressions import Name, Node, Num, Power, Product, Sum, children, names

#: What a parameter does in a formula: an exponent of something known that falls, or of either sign; the
#: exponent of a bracket with parameters; or a scale.
FALLING, EXPONENT, OUTER, SCALE = "falling exponent", "exponent", "outer exponent", "scale"


def roles(formula: Node, variables: frozenset[str]) -> dict[str, str]:
    """What each parameter of a formula does in it, by its first place."""
    found: dict[str, str] = {}

    def visit(node: Node, sign: int, role: str) -> None:
        match node:
            case Name(name) if name not in variables:
                here = EXPONENT if role == FALLING and sign > 0 else role
                if name not in found or found[name] == SCALE:
                    found[name] = here
            case Product(factors):
                negative = any(isinstance(factor, Num) and factor.value < 0 for factor in factors)
                for factor in factors:
                    visit(factor, -sign if negative else sign, role)
            case Power(base, exponent):
                visit(base, 1, role if role == SCALE else EXPONENT)
                if not isinstance(exponent, Num):
                    known = not names(base).keys() - variables
                    visit(exponent, 1, FALLING if known else OUTER)
            case _:
                for inner in children(node):
                    visit(inner, sign, role if isinstance(node, Sum) or role == SCALE else EXPONENT)

    visit(formula, 1, SCALE)
    return found


def names_of_two_terms(formula: Node) -> dict[str, str]:
    """What stands for E, A, B, alpha, beta in E + A/N**alpha + B/D**beta; empty for other formulas."""
    found: dict[str, str] = {}
    terms = formula.terms if isinstance(formula, Sum) else ()
    for term in terms:
        match term:
            case Name(name):
                found["E"] = name
            case Product((Name(name), Power(Name(column), Product((Num(-1.0), Name(exponent)))))):
                letter, greek = ("A", "alpha") if column == "N" else ("B", "beta")
                found |= {letter: name, greek: exponent}
    return found if len(terms) == 3 and len(found) == 5 == len(set(found.values())) else {}
