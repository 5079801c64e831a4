import ast
import inspect
import re
import textwrap

import numpy as np
import pytest
from pages import CHAPTERS, ROOT

from scalinglab import CHINCHILLA, LossSurface
from scalinglab._arrays import matched, of_kind, positive
from scalinglab.course.equations import equation
from scalinglab.theory import leading_shift

SCOPE = {"positive": positive, "matched": matched, "of_kind": of_kind}


@pytest.mark.parametrize(
    ("guarded", "bare"),
    [
        ('x = positive("f: x", x)', ""),
        ("x, y = matched(x=x, y=y)", ""),
        ("a, b = b, a", "a, b = b, a"),
        ("a, b = c, d", "a = c\nb = d"),
        ("return (a + b) * (c, d)", "return (a + b) * (c, d)"),
        ("return (a, b)", "return a, b"),
        ('of_kind("f", x, int, "help")', ""),
        ('if x < 0:\n    raise ValueError("x")', ""),
        ("if x < 0:\n    x = 0", "if x < 0:\n    x = 0"),
        ('with np.errstate(over="ignore"):\n    y = x', "y = x"),
        ("with stream:\n    y = x", "with stream:\n    y = x"),
        ('x = None if x is None else positive("x", x)', ""),
    ],
)
def test_what_guards_is_left_out_and_what_computes_stays(guarded, bare):
    def function(body):
        return "def f(x):\n" + "".join(f"    {line}\n" for line in body.splitlines())

    shown = equation(function(guarded + "\nreturn x"), SCOPE)
    assert shown == function(bare + "\nreturn x" if bare else "return x").rstrip()


@pytest.mark.parametrize(
    ("function", "arguments"), [(leading_shift, (0.34, 0.28, 16.0)), (LossSurface.loss, (1e9, 2e10))]
)
def test_what_is_shown_computes_the_same(function, arguments):
    scope = {"np": np}
    exec(equation(textwrap.dedent(inspect.getsource(function)), inspect.unwrap(function).__globals__), scope)
    owner = (CHINCHILLA,) if function is LossSurface.loss else ()
    assert scope[function.__name__](*owner, *arguments) == pytest.approx(
        function(*owner, *arguments), rel=1e-12
    )


def test_no_chapter_shows_a_guard(capsys):
    from scalinglab.course import show_source

    shown = 0
    for chapter in CHAPTERS:
        page = (ROOT / f"{chapter}.md").read_text(encoding="utf-8")
        scope = {}
        for imported in re.findall(
            r"^from scalinglab[^(\n]*\([^)]*\)|^from scalinglab[^(\n]*$", page, re.MULTILINE
        ):
            exec(imported, scope)
        for name in re.findall(r"show_source\(([\w.]+)\)", page):
            show_source(eval(name, scope))
            text = capsys.readouterr().out
            ast.parse(text)
            assert not re.search(r"Any|raise |of_kind|positive\(|held\(", text), name
            assert max(map(len, text.splitlines())) <= 100
            shown += 1
    assert shown > 10
