"""Runs the problem sets, makes the student editions and grades sample submissions with nbgrader, offline."""

import functools
import json
import re
import shutil
import sys
from pathlib import Path

import editions
import jupytext
import nbformat
import pytest
from gradebooks import quick_gradebooks
from nbgrader.api import Gradebook

ROOT = Path(__file__).parents[2]

NAMES = list(editions.sources())
SETS = [name for name in NAMES if re.fullmatch(r"ps\d", name)]


GRADED = "ps4"  # the set that goes through the whole of nbgrader
#: What a solution only draws is drawn of fewer. The last contest of the capstone has 12 games of each
#: strategy, and does not play those again that its hidden test has played.
FEWER = {
    "capstone": (
        "games = tournament(strategies, students=200)",
        "strategies.pop('mine')\ngames = tournament(strategies, students=12)\n"
        "games = type(games)([*games.to_dict('records'), *_mine.to_dict('records')])",
    ),
    "ps5": (
        "simulated = ratios(surface_fit, 400, ",
        "simulated = ratios(surface_fit, 40, ",
    ),
}
pytestmark = [  # warnings of nbgrader's own code
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning"),
]


def patience(cell):
    """Seconds that a cell may take: few where it never ends, else more than a busy machine needs."""
    return 4 if "sleep(" in cell.source else 300


@functools.cache
def written(name):
    """The cells of a set as we write it."""
    return jupytext.read(editions.SOURCES / f"{name}.md").cells


def marks(cell):
    return cell.metadata.get("nbgrader", {})


def solutions(notebook):
    return {marks(cell)["grade_id"]: cell for cell in notebook.cells if marks(cell).get("solution")}


def points(notebook):
    return {
        marks(cell)["grade_id"]: marks(cell)["points"] for cell in notebook.cells if marks(cell).get("grade")
    }


def lines(text):
    return {line.strip() for line in text.splitlines() if len(line.strip()) > 5}


def region(text, what):
    """The lines between the delimiters, and all others."""
    inside, outside, hidden = [], [], False
    for line in text.splitlines():
        if f"BEGIN {what}" in line or f"END {what}" in line:
            hidden = "BEGIN" in line
        else:
            (inside if hidden else outside).append(line)
    return lines("\n".join(inside)), lines("\n".join(outside))


def strings(value):
    """Every string in a notebook, whatever it belongs to; pictures left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in ("image/png", "checksum"):
                yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course directory that fills as sets are solved, two of them with fewer games and draws."""
    folder = tmp_path_factory.mktemp("sources")
    found = editions.sources()
    for name, (many, few) in FEWER.items():
        text = found[name].read_text(encoding="utf-8")
        assert text.count(many) == 1
        found[name] = folder / f"{name}.md"
        found[name].write_text(text.replace(many, few), encoding="utf-8")
    with quick_gradebooks() as patch:
        patch.setattr(editions, "sources", lambda: found)
        yield tmp_path_factory.mktemp("course")


@pytest.fixture(scope="module")
def solved(course):
    done = {}

    def solve(name):
        if name not in done:
            editions.write_instructor([name], course)
            done[name] = nbformat.read(course / "instructor" / name / f"{name}.ipynb", 4)
        return done[name]

    return solve


@pytest.fixture(scope="module")
def released(course, solved):
    done = {}

    def release(name):
        if name not in done:
            solved(name)
            editions.write_student([name], course)
            done[name] = nbformat.read(course / "student" / name / f"{name}.ipynb", 4)
        return done[name]

    return release


#: Numbers that a limit of a written answer is spelt with.
SPELT = {"one": 1, "two": 2, "three": 3, "eighty": 80, "a hundred": 100}


def limits(asked):
    """The limits that a text sets a written answer: pairs of a number and what is counted."""
    found = re.findall(
        r"\b(at most|about) (eighty|a hundred|\d+) (words)|\((one|two|three) (sentence)s?\b", asked
    )
    for kind, words, _, sentences, _ in found:
        number = words or sentences
        most = SPELT.get(number) or int(number)
        yield (1.1 * most if kind == "about" else most), "words" if words else "sentences"


def test_limits_are_read():
    asked = "why (two sentences, at most eighty words), or about 60 words, or (one sentence)"
    assert [*limits(asked)] == [(2, "sentences"), (80, "words"), (66, "words"), (1, "sentences")]


@pytest.mark.parametrize("name", NAMES)
def test_model_answers_keep_the_limits_they_set(name):
    asked, held = "", 0
    for cell in written(name):
        if "**Deliverable:**" in cell.source:
            asked = cell.source.split("**Deliverable:**")[-1]
        if not (marks(cell).get("solution") and marks(cell)["grade"]):
            continue
        text = cell.source
        if cell.cell_type == "code":  # what it prints
            text = " ".join(re.findall(r'"([^"]*)"', text.partition("print(")[2]))
        text = re.sub(r"\$[^$]+\$", "x", text)  # a formula is a word
        counted = {
            "words": len(re.findall(r"\w\S*", text)),
            "sentences": len(re.findall(r"[.?!]\W*(?:\s|$)", text)),
        }
        for most, what in limits(cell.metadata.get("todo", "") + asked):
            assert counted[what] <= most, f"{marks(cell)['grade_id']}: {counted[what]} {what}"
            held += 1
    assert held >= 1


def test_the_five_sets_are_there():
    assert SETS == ["ps1", "ps2", "ps3", "ps4", "ps5"]


@pytest.mark.parametrize("name", NAMES)
def test_the_solved_source_runs(solved, name):
    assert all(
        output.output_type != "error" and output.get("name") != "stderr"
        for cell in solved(name).cells
        for output in cell.get("outputs", [])
    )


@pytest.mark.parametrize("name", SETS)
class TestForm:
    def test_problems_say_slug_points_and_deliverable(self, solved, name):
        problems = [cell.source for cell in solved(name).cells if cell.source.startswith("## Problem")]
        assert 5 <= len(problems) <= 6
        headings = [re.match(r"## Problem \(([a-z-]+)\): .+ \((\d+) points\)\n", text) for text in problems]
        assert all(headings)
        assert sum(int(heading[2]) for heading in headings) == sum(points(solved(name)).values()) == 60
        for heading in headings:
            own = {k: v for k, v in points(solved(name)).items() if k.startswith(heading[1])}
            assert sum(own.values()) == int(heading[2]), heading[1]
        assert sum("**Deliverable:**" in cell.source for cell in solved(name).cells) >= len(problems)

    def test_metadata_are_complete(self, solved, name):
        for cell in solved(name).cells:
            if mark := marks(cell):
                assert {"grade", "solution", "locked", "grade_id", "schema_version"} <= set(mark)
                assert mark["schema_version"] == 3
                assert ("points" in mark) == mark["grade"]

    def test_what_is_graded_by_hand_has_a_rubric(self, solved, name):
        texts = [c.source for c in solved(name).cells if "instructor" in c.metadata.get("tags", [])]
        by_hand = [c for c in solved(name).cells if marks(c).get("grade") and marks(c).get("solution")]
        assert sum(text.count("**Rubric") for text in texts) == len(by_hand) > 0

    def test_coded_answers_meet_hidden_tests_on_fresh_cases(self, solved, name):
        tests = [c.source for c in solved(name).cells if marks(c).get("grade") and not marks(c)["solution"]]
        assert all(
            "### BEGIN HIDDEN TESTS" in test and "assert" in test.split("### BEGIN")[0] for test in tests
        )
        assert sum("default_rng()" in test for test in tests) >= 3


@pytest.mark.parametrize("name", NAMES)
class TestStudentEdition:
    def test_leaks_nothing(self, released, name):
        secret, visible = set(), ""
        for cell in written(name):
            answer = marks(cell).get("solution")
            if "instructor" in cell.metadata.get("tags", []) or (answer and "BEGIN SOL" not in cell.source):
                secret |= lines(cell.source)
            else:
                within, around = region(cell.source, "SOLUTION" if answer else "HIDDEN TESTS")
                secret, visible = secret | within, "\n".join([visible, *around])
        secret = {line for line in secret if line not in visible}
        assert len(secret) > 30
        student = list(strings(released(name)))
        assert not set().union(*(lines(text) for text in student)) & secret
        everything = "\n".join(student)
        assert not [line for line in secret if len(line) > 25 and line in everything]
        assert not re.search(r"(BEGIN|END) (SOLUTION|HIDDEN)|[Rr]ubric", everything)

    def test_keeps_no_outputs_and_no_metadata_but_nbgraders(self, released, name):
        for cell in released(name).cells:
            assert not cell.get("outputs")
            assert set(cell.metadata) <= {"nbgrader", "deletable", "editable"}

    def test_has_every_problem_and_every_question(self, released, solved, name):
        for text in (c.source for c in solved(name).cells if c.cell_type == "markdown"):
            if "**Deliverable" in text or text.startswith("#"):
                assert any(text == cell.source for cell in released(name).cells), text[:80]

    def test_what_is_graded_by_hand_shows_its_points(self, released, name):
        by_hand = [c for c in released(name).cells if marks(c).get("grade") and marks(c).get("solution")]
        for cell in by_hand:
            slug, worth = marks(cell)["grade_id"], marks(cell)["points"]
            assert f"({slug}, {worth} points): " in cell.source

    def test_shows_the_picture_of_each_solution_that_draws(self, released, solved, name):
        drawn = [
            slug
            for slug, cell in solutions(solved(name)).items()
            if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))
        ]
        cells = released(name).cells
        for slug in drawn:
            place = next(i for i, cell in enumerate(cells) if marks(cell).get("grade_id") == slug)
            example = cells[place + 1]
            assert list(example.attachments) == [f"{slug}-0.png"]
            assert re.search(r"!\[.{20,}\]\(attachment:", example.source), f"{slug} has no alternative text"
        assert len([cell for cell in cells if cell.get("attachments")]) >= len(drawn)

    def test_runs_to_its_first_stub_and_says_what_to_do(self, released, solved, name):
        first, cell = next((k, c) for k, c in solutions(solved(name)).items() if c.cell_type == "code")
        namespace = {}
        program = "\n\n".join(c.source for c in released(name).cells if c.cell_type == "code")
        with pytest.raises(NotImplementedError) as stop:
            exec(compile(program, name, "exec"), namespace)
        assert str(stop.value) == f"Problem ({first}): {cell.metadata.todo}"


class TestGrading:
    """One set through generate, autograde and feedback, with submissions of every kind."""

    @pytest.fixture(scope="class")
    def graded(self, course, solved, released):
        """Scores of each submission: grade_id to (score, whether a person must look)."""
        full, empty = solved(GRADED), released(GRADED)
        answers = solutions(full)
        undrawn = tuple(slug for slug in answers if not slug.endswith("-plot"))

        def submission(student, slugs=tuple(answers), change=None, drop=()):
            change = change or {}
            notebook = nbformat.from_dict(json.loads(json.dumps(empty)))
            for cell in notebook.cells:
                slug = marks(cell).get("grade_id")
                if slug in slugs and slug in answers:
                    cell.source = answers[slug].source
                cell.source = change.get(slug, cell.source)
            notebook.cells = [cell for cell in notebook.cells if marks(cell).get("grade_id") not in drop]
            path = course / "submitted" / student / GRADED / f"{GRADED}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)

        submission("full")
        submission("empty", slugs=())
        submission("partial", slugs=("expected-waste-hand", "expected-waste", "shared-hand"))
        broken, endless = "def spread(x:\n    return 1", "import time\n\ntime.sleep(3600)"
        submission("damaged", undrawn, change={"shared": broken, "failures-hand": endless})
        submission(
            "deleted", undrawn, drop=("shared", "digits-hand-test", "sneak", "sneak-test", "sneak-why")
        )
        api = editions.grader(course, Execute={"timeout_func": patience})
        answer = api.autograde(GRADED, "*")
        assert answer["success"], answer.get("log")
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            return {
                student.id: {
                    grade.name: (grade.score, grade.needs_manual_grade)
                    for notebook in book.find_submission(GRADED, student.id).notebooks
                    for grade in notebook.grades
                }
                for student in book.students
            }

    @pytest.fixture(scope="class")
    def worth(self, solved):
        return points(solved(GRADED))

    @pytest.fixture(scope="class")
    def automatic(self, solved):
        return {k for k in points(solved(GRADED)) if k.endswith("-test")}

    def test_the_solved_edition_gets_full_marks(self, graded, worth, automatic):
        for slug, (score, look) in graded["full"].items():
            assert (score, look) == ((worth[slug], False) if slug in automatic else (0, True)), slug

    def test_with_what_a_person_grants_it_has_all_points(self, graded, course, worth, automatic):
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            for slug in set(worth) - automatic:
                grade = book.find_grade(slug, GRADED, GRADED, "full")
                grade.manual_score, grade.needs_manual_grade = worth[slug], False
            book.db.commit()
            assert book.find_submission(GRADED, "full").score == sum(worth.values()) == 60

    def test_the_empty_one_gets_none_and_needs_no_person(self, graded, worth):
        assert graded["empty"] == dict.fromkeys(worth, (0, False))

    def test_the_partial_one_gets_what_it_solved(self, graded, automatic, worth):
        own = {"expected-waste-hand-test", "expected-waste-test", "shared-hand-test"}
        for slug in automatic:
            assert graded["partial"][slug][0] == (worth[slug] if slug in own else 0), slug

    @pytest.mark.parametrize(
        ("student", "lost"),
        [
            ("damaged", {"shared-test", "failures-hand-test"}),
            ("deleted", {"shared-test", "sneak-test"}),
        ],
    )
    def test_a_damaged_submission_loses_that_problem_only(self, graded, worth, automatic, student, lost):
        for slug in automatic:
            assert graded[student][slug][0] == (0 if slug in lost else worth[slug]), slug

    def test_deleted_cells_come_back_with_a_notice(self, graded, course, worth):
        path = course / "autograded" / "deleted" / GRADED / f"{GRADED}.ipynb"
        cells = {marks(cell).get("grade_id"): cell for cell in nbformat.read(path, 4).cells}
        assert set(worth) <= set(cells)
        order = list(cells)
        assert order.index("digits-hand-test") == order.index("digits-hand") + 1
        for slug in ("digits-hand-test", "sneak-test", "sneak-why"):
            assert "was missing from the submission" in cells[slug].source, slug
        assert graded["deleted"]["sneak-why"] == (0, True)

    def test_feedback_is_a_page_with_the_points(self, graded, course):
        answer = editions.grader(course).generate_feedback(GRADED, "partial")
        assert answer["success"], answer.get("log")
        page = (course / "feedback" / "partial" / GRADED / f"{GRADED}.html").read_text(encoding="utf-8")
        assert "NotImplementedError" in page
        assert "Score" in page


def test_the_program_that_a_new_gradebook_asks_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not shutil.which("alembic")
    editions.grader(tmp_path)
    assert shutil.which("alembic")


class TestRefusals:
    def test_a_problem_inside_an_instructor_cell(self, tmp_path):
        source = tmp_path / "bad.md"
        text = editions.sources()["ps2"].read_text(encoding="utf-8")
        source.write_text(text.replace("\n+++\n\n## Problem (liar)", "\n## Problem (liar)"), encoding="utf-8")
        with pytest.raises(ValueError, match=r"bad\.md: the text of a problem stands in the cell"):
            editions.check_cells(jupytext.read(source), source)

    def test_a_solution_that_does_not_say_what_is_to_be_done(self, tmp_path):
        source = tmp_path / "bad.md"
        text = editions.sources()["ps2"].read_text(encoding="utf-8")
        source.write_text(re.sub(r"^todo: .*\n", "", text, count=1, flags=re.M), encoding="utf-8")
        with pytest.raises(ValueError, match="cell horizon has no metadata 'todo'"):
            editions.check_cells(jupytext.read(source), source)

    def test_a_set_that_is_not_there(self, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["editions.py", "student", "ps9"])
        with pytest.raises(SystemExit, match="There is no problem set ps9; there are"):
            editions.main()


def test_no_notebook_file_is_tracked():
    assert shutil.which("git")
    assert "*.ipynb" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
