"""Arithmetic expressions: read from text without running it, rewritten, and printed."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scalinglab._arrays import shortened

#: Characters of a formula, and operations inside each other, at most.
LONGEST, DEEPEST = 2000, 60


@dataclass(frozen=True)
class Num:
    """A number."""

    value: float


@dataclass(frozen=True)
class Name:
    """A parameter or a variable."""

    id: str


@dataclass(frozen=True)
class Sum:
    """A sum of two terms or more; a difference has a factor of -1."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Product:
    """A product of two factors or more; a quotient has a power of -1."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Power:
    """A base raised to an exponent."""

    base: Node
    exponent: Node


@dataclass(frozen=True)
class Call:
    """One of the functions of ``FUNCTIONS``."""

    function: str
    arguments: tuple[Node, ...]


Node = Num | Name | Sum | Product | Power | Call

#: Functions that a formula may use, with the number of their arguments.
FUNCTIONS = {"exp": 1, "log": 1, "log1p": 1, "expm1": 1, "sqrt": 1, "min": 2, "max": 2}


def sum_of(*terms: Node) -> Node:
    """Sum, sums inside it taken apart and its numbers added up."""
    flat = [part for term in terms for part in (term.terms if isinstance(term, Sum) else (term,))]
    number = sum(part.value for part in flat if isinstance(part, Num))
    rest: list[Node] = [part for part in flat if not isinstance(part, Num)]
    if number or not rest:
        rest.append(Num(number))
    return rest[0] if len(rest) == 1 else Sum(tuple(rest))


def product_of(*factors: Node) -> Node:
    """Product, products inside it taken apart and its numbers multiplied."""
    flat = [part for one in factors for part in (one.factors if isinstance(one, Product) else (one,))]
    number = math.prod(part.value for part in flat if isinstance(part, Num))
    rest: list[Node] = [part for part in flat if not isinstance(part, Num)]
    if number != 1 or not rest:
        rest.insert(0, Num(number))
    return rest[0] if len(rest) == 1 else Product(tuple(rest))


def power_of(base: Node, exponent: Node) -> Node:
    """Power; of a product the power of each factor that is no sum, so that factors stand alone."""
    if isinstance(exponent, Num):
        if exponent.value == 1:
            return base
        if isinstance(base, Num):
            return Num(_real_power(base.value, exponent.value))
    if isinstance(base, Power) and isinstance(exponent, Num) and isinstance(base.exponent, Num):
        return power_of(base.base, Num(base.exponent.value * exponent.value))
    if isinstance(base, Product) and isinstance(exponent, Num) and exponent.value == -1:
        return product_of(*(power_of(factor, exponent) for factor in base.factors))
    if isinstance(base, Power) and exponent == Num(-1):
        return power_of(base.base, product_of(Num(-1), base.exponent))
    return Power(base, exponent)


def _real_power(base: float, exponent: float) -> float:
    """Power of two numbers of a formula, or ValueError where there is no real one."""
    try:
        number = base**exponent
    except (ZeroDivisionError, OverflowError):
        number = math.inf
    if isinstance(number, complex) or not math.isfinite(number):
        raise ValueError(
            f"Law: formula has {base:g} to the power {exponent:g}, which is no number; mend that part of it."
        )
    return float(number)


def parse(text: Any, what: str = "Law: formula") -> Node:
    """Read an expression in Python's own grammar; nothing of it is ever run.

    Arithmetic, powers (``**``) and the functions of ``FUNCTIONS`` are understood; anything else raises
    ValueError.
    """
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f'{what} is {shortened(text)}; give a text such as "E + A/N**alpha + B/D**beta".')
    if len(text) > LONGEST:
        raise ValueError(f"{what} has {len(text)} characters; give at most {LONGEST}.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = getattr(error, "offset", None)
        where = f" near character {place}" if place else ""
        raise ValueError(f"{what} {shortened(text)} is no expression{where}; check its brackets.") from None
    return _read(tree.body, what, 0)


def _read(node: ast.AST, what: str, depth: int) -> Node:
    """Translate one node of Python's tree."""
    if depth > DEEPEST:
        raise ValueError(f"{what} has more than {DEEPEST} operations inside each other; name parts of it.")

    def read(inner: ast.AST) -> Node:
        return _read(inner, what, depth + 1)

    match node:
        case ast.Constant(value=bool() | complex() | str() | bytes() | None):
            pass
        case ast.Constant(value=int() | float() as value) if math.isfinite(float(value)):
            return Num(float(value))
        case ast.Name(id=name) if name in FUNCTIONS:
            raise ValueError(f"{what} uses {name} without its brackets; write {name}(...).")
        case ast.Name(id=name):
            return Name(name)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return product_of(Num(-1.0), read(inner))
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return read(inner)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return sum_of(read(left), read(right))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return sum_of(read(left), product_of(Num(-1.0), read(right)))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return product_of(read(left), read(right))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return product_of(read(left), power_of(read(right), Num(-1.0)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return power_of(read(left), read(right))
        case ast.BinOp(op=ast.BitXor()):
            raise ValueError(f"{what} uses ^, which is no power in Python's grammar; write ** instead.")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            if len(arguments) != FUNCTIONS[name]:
                raise ValueError(
                    f"{what} gives {name} {len(arguments)} arguments; it takes {FUNCTIONS[name]}."
                )
            return Call(name, tuple(map(read, arguments)))
        case ast.Call(func=ast.Name(id=name)):
            raise ValueError(f"{what} calls {name}, which is not known; there are {', '.join(FUNCTIONS)}.")
    shown = shortened(ast.unparse(node))
    raise ValueError(
        f"{what} holds {shown}, which is no arithmetic; use numbers, names, + - * / **, brackets and "
        f"{', '.join(FUNCTIONS)}."
    )


def children(node: Node) -> tuple[Node, ...]:
    """The expressions a node is made of."""
    match node:
        case Sum(terms):
            return terms
        case Product(factors):
            return factors
        case Power(base, exponent):
            return base, exponent
        case Call(_, arguments):
            return arguments
    return ()


def names(node: Node) -> Counter[str]:
    """How often each name occurs."""
    found, waiting = Counter[str](), [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Name):
            found[part.id] += 1
        waiting += reversed(children(part))
    return found


def substitute(node: Node, values: Mapping[str, Node]) -> Node:
    """Put expressions in the place of names."""
    match node:
        case Name(name):
            return values.get(name, node)
        case Sum(terms):
            return sum_of(*(substitute(term, values) for term in terms))
        case Product(factors):
            return product_of(*(substitute(factor, values) for factor in factors))
        case Power(base, exponent):
            return power_of(substitute(base, values), substitute(exponent, values))
        case Call(function, arguments):
            return Call(function, tuple(substitute(argument, values) for argument in arguments))
    return node


def text(node: Node, tight: int = 0) -> str:
    """The expression as one would type it."""
    match node:
        case Num(number):
            shown = repr(number).removesuffix(".0")
            return f"({shown})" if number < 0 and tight else shown
        case Name(name):
            return name
        case Call(function, arguments):
            return f"{function}({', '.join(map(text, arguments))})"
        case Power(base, exponent):
            return f"{text(base, 3)}**{text(exponent, 3)}"
        case Sum(terms):
            shown = text(terms[0])
            for term in terms[1:]:
                part = text(term)
                shown += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
            return f"({shown})" if tight else shown
    over = [factor for factor in node.factors if not _below(factor)]
    under = [
        power_of(factor.base, _minus(factor.exponent))
        for factor in node.factors
        if isinstance(factor, Power) and _below(factor)
    ]
    sign = "-" if over and over[0] == Num(-1.0) else ""
    top = "*".join(text(factor, 2) for factor in (over[1:] if sign else over)) or "1"
    shown = sign + "/".join([top, *(text(factor, 2) for factor in under)])
    return f"({shown})" if tight > 1 else shown


def _below(factor: Node) -> bool:
    """Whether a factor is written below the line: its exponent has a minus."""
    if not isinstance(factor, Power):
        return False
    lead = factor.exponent.factors[0] if isinstance(factor.exponent, Product) else factor.exponent
    return isinstance(lead, Num) and lead.value < 0


def _minus(node: Node) -> Node:
    return product_of(Num(-1.0), node)
