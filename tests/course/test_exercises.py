"""Exercises and solutions as they stand on the pages."""

import contextlib
import io
import re
from pathlib import Path

import pages
import pytest
from pages import CODE, cells, globals_of, source

from scalinglab import studies
from scalinglab.course import check
from scalinglab.course.questions import QUESTIONS
from scalinglab.fitting import approach3
from scalinglab.studies import noise_studies

CHAPTERS = [Path(chapter).stem for chapter in pages.CHAPTERS]
EXERCISE = re.compile(r"^:::\{exercise\} (.*)\n:label: (\S+)\n((?:.*\n)*?):::$", re.MULTILINE)
SOLUTION = re.compile(r"^:::\{solution\} (\S+)\n:class: dropdown\n((?:.*\n)*?):::$", re.MULTILINE)
CHECKED = re.compile(r'check\("([^"]+)", (\w+)\)')


def page(chapter):
    return source(f"notebooks/{chapter}")


def needed(chapter, code):
    """The cells of a chapter that define what the code uses, directly or through others."""
    wanted, _ = globals_of(compile(code, chapter, "exec"))
    picked = []
    for cell in reversed([one for one in cells(page(chapter)) if one.head is not None]):
        if not any(name in cell.code for name in wanted):
            continue
        free, bound = globals_of(compile(cell.code, chapter, "exec"))
        if bound & wanted:
            picked.insert(0, cell.code)
            wanted = wanted - bound | free
    return picked


def solution_code(chapter, label):
    text = dict(SOLUTION.findall(page(chapter)))[label]
    return "\n".join(CODE.findall(text))


class TestChapters:
    def test_have_three_kinds_of_exercises(self):
        for chapter in CHAPTERS:
            titles = [title.split(":")[0] for title, _, _ in EXERCISE.findall(page(chapter))]
            assert {"By hand", "In code", "Judgement"} <= set(titles), chapter
            assert len(titles) >= 3, chapter

    def test_give_every_exercise_a_solution_behind_a_dropdown(self):
        for chapter in CHAPTERS:
            exercises = [label for _, label, _ in EXERCISE.findall(page(chapter))]
            assert [label for label, _ in SOLUTION.findall(page(chapter))] == exercises
            assert page(chapter).count("{exercise}") == len(exercises), chapter

    def test_show_the_check_of_every_coded_exercise(self):
        for chapter in CHAPTERS:
            for title, label, text in EXERCISE.findall(page(chapter)):
                if title.startswith("In code"):
                    call = f'from scalinglab.course import check\ncheck("{label}", '
                    assert call in text
                    function = CHECKED.search(text)[2]
                    assert QUESTIONS[label].chapter == chapter
                    assert QUESTIONS[label].reference.__name__ == function
                    signature = QUESTIONS[label].asks.split(":")[0]
                    assert re.sub(r"\s+", " ", f"`{signature}`") in re.sub(r"\s+", " ", text)
                    assert CHECKED.search(solution_code(chapter, label))[1] == label


def test_every_question_stands_in_its_chapter():
    shown = {
        label
        for chapter in CHAPTERS
        for _, label, text in EXERCISE.findall(page(chapter))
        if "check(" in text
    }
    assert shown == set(QUESTIONS)


@pytest.fixture
def small_studies(monkeypatch):
    """Two repeats where a solution asks a hundred or more, two starts where Approach 3 takes sixteen.

    What it prints is not asked, only that it runs.
    """

    def few(repeats, *design, **more):
        return noise_studies(repeats if repeats < 100 else 2, *design, **more)

    monkeypatch.setattr(studies, "noise_studies", few)
    usual = approach3._default_starts
    monkeypatch.setattr(approach3, "_default_starts", lambda logs: usual(logs)[::8])


@pytest.mark.usefixtures("small_studies")
@pytest.mark.parametrize("label", QUESTIONS)
def test_the_published_solution_runs_and_is_right(label):
    chapter = QUESTIONS[label].chapter
    code = solution_code(chapter, label)
    names_there = {"check": check, "display": lambda *_: None}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in needed(chapter, code):
            exec(compile(cell, chapter, "exec"), names_there)
        exec(compile(code, label, "exec"), names_there)
    assert CHECKED.search(code)[1] == label
    assert "Right, on " in printed.getvalue()
