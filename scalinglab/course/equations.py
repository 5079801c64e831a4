"""The source of a function as its equation: what it computes, without how it guards its arguments."""

from __future__ import annotations

import ast
import re
from typing import Any

from scalinglab import _arrays


def equation(source: str, scope: dict[str, Any]) -> str:
    r"""Source of a function without docstring, type hints, decorators and checks of its arguments.

    Parameters
    ----------
    source : str
        The definition of one function.
    scope : dict
        The globals of its module: they tell which calls check.

    Examples
    --------
    >>> from scalinglab._arrays import positive
    >>> guarded = 'def square(x: float) -> float:\n    x = positive("x", x)\n    return x**2'
    >>> print(equation(guarded, {"positive": positive}))
    def square(x):
        return x ** 2
    """
    tree = ast.fix_missing_locations(_Bare(scope).visit(ast.parse(source)))
    return "\n".join(_without_parentheses(line) for line in ast.unparse(tree).splitlines())


class _Bare(ast.NodeTransformer):
    """Leave out what does not compute; a call that checks becomes what it checks."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope

    def checks(self, node: ast.AST) -> bool:
        """Whether this is a call of a guard: one of ``_arrays``, or a surface's own."""
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute):
            return node.func.attr == "_held"
        known = self.scope.get(node.func.id) if isinstance(node.func, ast.Name) else None
        return getattr(known, "__module__", None) == _arrays.__name__

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        node.decorator_list, node.returns = [], None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not self.checks(node):
            return node
        if named := [one.value for one in node.keywords]:
            return ast.Tuple(named, ast.Load())
        return next(one for one in node.args if not isinstance(one, ast.Constant | ast.JoinedStr))

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if self.checks(node.value) else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        refuses = all(isinstance(one, ast.Raise) for one in node.body) and not node.orelse
        return None if refuses else self.generic_visit(node)

    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        silent = ast.unparse(node.items[0].context_expr).startswith("np.errstate(")
        return node.body if silent else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        left = [pair for pair in pairs if not _idle(*pair)]
        if any(_reads(value, target) for k, (target, _) in enumerate(left) for _, value in left[k + 1 :]):
            return node  # side by side they say something else than one after the other
        return [ast.Assign([one], what) for one, what in left]


def _idle(target: ast.expr, value: ast.expr) -> bool:
    """Whether an assignment gives a name what it had."""
    name, given = ast.unparse(target), ast.unparse(value)
    return given in (name, f"None if {name} is None else {name}")


def _reads(value: ast.expr, target: ast.expr) -> bool:
    """Whether a value is computed from what an assignment sets."""
    return any(
        ast.unparse(one) == ast.unparse(target) for one in ast.walk(value) if isinstance(one, ast.expr)
    )


def _without_parentheses(line: str) -> str:
    """``a, b = (c, d)`` as it is written by hand."""
    found = re.fullmatch(r"(\s*)(return|[^()=]+ =) \((.*)\)", line)
    if found is None:
        return line
    plain = f"{found[2]} {found[3]}"
    inside = "def f():\n "
    try:
        same = ast.dump(ast.parse(inside + plain)) == ast.dump(ast.parse(inside + line.strip()))
    except SyntaxError:
        return line
    return found[1] + plain if same else line
