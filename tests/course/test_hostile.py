"""Submissions that try to bend the grading: what each gets, and that it costs nobody else anything."""

import json
import os
import re

import answering
import editions
import grading
import jupytext
import nbformat
import numpy as np
import pytest
from gradebooks import quick_gradebooks
from nbgrader.api import Gradebook

from scalinglab.data import IsoflopDesign, Runs
from scalinglab.laws import CHINCHILLA

pytestmark = [  # warnings of nbgrader's own code
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]

SET = "tiny"
#: Points of the tests; the written answer, 4 more, waits for a person.
WORTH = {"number-test": 2, "twice-test": 3, "close-test": 3}

MARK = "grade_id: {0}, grade: {1}, solution: {2}, locked: {3}, task: false, schema_version: 3"


def cell(slug, source, points=None, solution=False):
    graded = points is not None
    mark = MARK.format(slug, *(str(x).lower() for x in (graded, solution, graded and not solution)))
    mark += f", points: {points}" if graded else ""
    todo = f"\ntodo: answer {slug}." if solution else ""
    return f"```{{code-cell}} ipython3\n---\nnbgrader: {{{mark}}}{todo}\n---\n{source}\n```\n\n"


def solved(text):
    return f"### BEGIN SOLUTION\n{text}\n### END SOLUTION"


SOURCE = "".join(
    [
        "---\nkernelspec: {display_name: Python 3, language: python, name: python3}\n---\n\n# Tiny\n\n",
        "```{code-cell} ipython3\nimport numpy as np\n```\n\n",
        cell("number", solved("number = 6 * 7"), solution=True),
        cell("number-test", "assert abs(number - 42) < 1e-9", points=2),
        cell("twice", solved("def twice(x):\n    return 2 * x"), solution=True),
        cell(
            "twice-test",
            "assert twice(1.0) == 2\n### BEGIN HIDDEN TESTS\n_x = np.random.default_rng().random(3)\n"
            "assert np.allclose(twice(_x), 2 * _x)\n### END HIDDEN TESTS",
            points=3,
        ),
        cell("close", solved("def close(x):\n    return [x, str(x)]"), solution=True),
        cell("close-test", "assert close(3) == [3, '3']", points=3),
        cell("words", solved("print('what I think')"), points=4, solution=True),
    ]
)

#: An object that agrees with everything.
YES = """
class Yes:
    def __getattr__(self, name):
        return self
    def __bool__(self):
        return True
    def __iter__(self):
        return iter((self, self))
for _name in "add radd sub rsub mul rmul truediv abs neg call getitem array_ufunc array_function".split():
    setattr(Yes, f"__{_name}__", lambda self, *a, **k: self)
for _name in "lt le gt ge eq ne contains".split():
    setattr(Yes, f"__{_name}__", lambda self, *a, **k: True)
class Float(float):
    __eq__ = __lt__ = __gt__ = lambda self, other: True
    __hash__ = float.__hash__
    __sub__ = __rsub__ = __abs__ = lambda self, *a: self
number = Yes()
twice = lambda x: Yes() if isinstance(x, float) else np.empty((0, 3))
close = lambda x: Float(x)
"""

#: Every way to change the tests' own tools at once.
TOOLS_BENT = """
import ast, builtins, sys
builtins.abs = lambda x: 0
np.allclose = lambda *a, **k: True
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Drop())
def points(*a, **k):
    get_ipython().display_pub.publish({"text/plain": "3"})
    get_ipython().displayhook(3)
    return 0
number, twice, close = 0, points, points
"""

#: The cells of tests are replaced before they run.
PASS = "get_ipython().input_transformers_post.append(lambda lines: ['pass\\n'])"

CRASH = "import os\ndef twice(x):\n    os.kill(os.getpid(), 9)"
ENDLESS = "import time\nwhile True:\n    try:\n        time.sleep(9)\n    except BaseException:\n        pass"
DEEP = "x, y = [], []\nfor _ in range(10**5):\n    x, y = [x], [y]\nx == y"
RECURSION = f"import sys\nsys.setrecursionlimit(10**9)\n{DEEP}"


def patience(cell):
    """Seconds that a cell may take: few where it never ends, else more than a busy machine needs."""
    return 4 if "sleep(" in cell.source else 300


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course directory of a tiny set, with its two editions."""
    course = tmp_path_factory.mktemp("hostile")
    (course / f"{SET}.md").write_text(SOURCE, encoding="utf-8")
    with quick_gradebooks() as patch:
        patch.setattr(editions, "SOURCES", course)
        editions.write_instructor([SET], course)
        editions.write_student([SET], course)
        yield course


@pytest.fixture(scope="module")
def graded(course):
    """Points of each test and each student, after one run over the folder."""
    solved = nbformat.read(course / "instructor" / SET / f"{SET}.ipynb", 4)
    stubs = nbformat.read(course / "student" / SET / f"{SET}.ipynb", 4)
    answers = {c.metadata.nbgrader.grade_id: c.source for c in solved.cells if slug(c) in WORTH_OR_ANSWER}

    def submission(honest=True, **change):
        notebook = nbformat.from_dict(json.loads(json.dumps(stubs)))
        for one in notebook.cells:
            if honest and slug(one) in ("number", "twice", "close"):
                one.source = answers[slug(one)]
            one.source = change.get(slug(one), one.source)
        return notebook

    def hand_in(student, notebook, name=f"{SET}.ipynb"):
        path = course / "submitted" / student / SET / name
        path.parent.mkdir(parents=True)
        text = notebook if isinstance(notebook, str) else nbformat.writes(notebook)
        path.write_text(text, encoding="utf-8")

    hand_in("yes", submission(False, number=YES))
    hand_in("bent", submission(False, number=TOOLS_BENT))
    hand_in("pass", submission(False, number=PASS))
    hand_in("crash", submission(number=RECURSION, twice=CRASH, words="<script src='http://x'></script>"))
    long = {"number": f"number = '{'4' * 20_000_000}'", "words": "print('x' * 3_000_000)"}
    hand_in("endless", submission(close=ENDLESS, **long))
    hand_in("none", '{"cells": [')

    honest = submission(words="my words")
    place = next(i for i, one in enumerate(honest.cells) if slug(one) == "words")
    twin = nbformat.from_dict(json.loads(json.dumps(stubs.cells[place])))
    twin.id = "twin"
    honest.cells.insert(place + 1, twin)  # a copy, still the stub
    for one in honest.cells:
        if slug(one) == "twice-test":
            one.metadata.nbgrader = {"grade_id": "twice-test", "points": "many", "schema_version": "x"}
        if slug(one) == "close-test":
            one.metadata.nbgrader = ["malformed"]
    honest.cells.append(nbformat.v4.new_code_cell("1", metadata={"nbgrader": {"solution": True}}, id="z"))
    hand_in("renamed", honest, f"{SET} (1) final.ipynb")

    target = course / "submitted" / "link" / SET / f"{SET}.ipynb"
    target.parent.mkdir(parents=True)
    target.symlink_to(course / "kept elsewhere" / SET / f"{SET}.ipynb")
    os.mkfifo(target.with_name("pipe.csv"))
    target.with_name("zero.csv").symlink_to("/dev/zero")

    (course / "instructor").rename(course / "kept elsewhere")
    answer = editions.grader(course, Execute={"timeout_func": patience}).autograde(SET, "*")
    assert answer["success"], answer.get("log")
    assert "Traceback" not in answer["log"]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        return {
            student.id: {
                grade.name: (grade.score, grade.needs_manual_grade)
                for notebook in book.find_submission(SET, student.id).notebooks
                for grade in notebook.grades
            }
            for student in book.students
        }


WORTH_OR_ANSWER = {*WORTH, "number", "twice", "close", "words"}


def slug(cell):
    mark = cell.metadata.get("nbgrader", {})
    return mark.get("grade_id") if isinstance(mark, dict) else None


@pytest.mark.parametrize(
    ("student", "earned"),
    [
        ("yes", set()),  # tests inside the student's kernel gave it all 8
        ("bent", set()),  # 8
        ("pass", set()),  # 8
        ("crash", {"close-test"}),  # the whole set was lost
        ("endless", {"twice-test"}),  # the same
        ("none", set()),  # a traceback, and no grade
        ("link", set()),  # 8: the solutions, by their address
        ("renamed", set(WORTH)),  # a traceback, and no grade
    ],
)
def test_a_submission_gets_what_its_honest_part_deserves(graded, student, earned):
    points = {name: graded[student][name][0] for name in WORTH}
    assert points == {name: worth if name in earned else 0 for name, worth in WORTH.items()}


def test_of_two_copies_the_one_that_was_worked_on_is_graded(graded):
    assert graded["renamed"]["words"] == (0, True)
    assert graded["pass"]["words"] == (0, False)


@pytest.fixture(scope="module")
def pages(graded, course):
    """What students read whose names begin so."""
    answer = editions.grader(course).generate_feedback(SET, "[celn]*")
    assert answer["success"], answer.get("log")
    found = (course / "feedback").glob(f"*/{SET}/{SET}.html")
    return {path.parts[-3]: path.read_text(encoding="utf-8") for path in found}


def test_feedback_says_what_happened(pages):
    assert "tiny.ipynb is not a notebook" in pages["none"]
    assert "tiny.ipynb was a link" in pages["link"]
    assert "20,000,011 characters and was not run" in pages["endless"]
    assert "CellTimeoutError" in pages["endless"]
    assert len(pages["endless"]) < 10**6
    # where Python does not end a comparison that goes too deep, its process ends
    assert re.search("KernelDied|RecursionError", pages["crash"])


def test_feedback_loads_nothing_from_the_network(pages):
    text = pages["crash"]
    assert text.index("Content-Security-Policy") < 200
    assert "default-src 'none'" in text
    assert not re.search(r"<(script|link|iframe)\b", text)
    nested = "<p>a</p><me<link>ta http-equiv=refresh content='0;url=http://x'><scr<base>ipt>1</script>"
    left, before = nested, None
    while left != before:
        before, left = left, grading.Feedback.ACTIVE.sub("", left)
    assert left == "<p>a</p>"


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 3, 2.5, "text", [1, (2.0, "x")], {"a": 1}, np.float64(2.5), np.arange(6).reshape(2, 3)),
        *(CHINCHILLA, IsoflopDesign([1e18, 1e20], 4, 5, 1.5, 2), Runs([1e8], [1e9], [2.0])),
    ],
)
def test_an_honest_answer_arrives_as_it_was_sent(value):
    back = grading.rebuilt(json.loads(json.dumps(answering.plain(value))))
    assert type(back) is type(value)
    if isinstance(value, Runs | IsoflopDesign):
        assert repr(back) == repr(value)
    else:
        assert np.all(back == value)


@pytest.mark.parametrize("value", [object(), np.array([object()]), {1, 2}, lambda: 1, np.ma.masked])
def test_what_is_no_data_is_refused_in_words(value):
    if value is np.ma.masked:
        assert type(grading.rebuilt(answering.plain(value))) is np.float64
        return
    with pytest.raises(TypeError, match="the tests take numbers"):
        answering.plain(value)


@pytest.mark.parametrize(
    "said",
    [
        {"array": ["<f8", [0, 2], ""]},
        {"array": ["|O", [1], "AAAAAAAAAAA="]},
        {"array": ["<f8", [10**12], "AAAAAAAAAAA="]},
        {"array": ["|V8", [1], "AAAAAAAAAAA="]},
        {"record": "Popen", "fields": ["ls"]},
        {"record": "LossSurface", "fields": [1.7, -400, 400, 0.3, 0.3]},
        {"module": "os"},
        [1, 2],
    ],
)
def test_what_a_forged_answer_says_is_not_built(said):
    with pytest.raises((grading.AnswerError, ValueError, KeyError)):
        grading.rebuilt(said)


def test_a_cell_of_the_book_that_needs_an_answer_is_no_test(tmp_path):
    text = SOURCE.replace("import numpy as np", "import numpy as np\nnumber = number + 1", 1)
    path = tmp_path / "instructor" / "bad" / "bad.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(jupytext.reads(text, "md:myst"), path)
    editions.write_tests("bad", tmp_path)
    with pytest.raises(NameError, match="number"):
        grading.Paper(tmp_path / "tests" / "bad" / "bad.ipynb")


def test_grading_needs_no_solution(course):
    """All that a submission could read of a course directory without its ``instructor``."""
    text = (course / "tests" / SET / f"{SET}.ipynb").read_text(encoding="utf-8")
    assert "np.allclose(twice" in text
    assert "return 2 * x" not in text
    assert b"return 2 * x" not in (course / "gradebook.db").read_bytes()
