import functools
import itertools
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalinglab.course import Question, Verdict, check
from scalinglab.course.questions import QUESTIONS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.md"))


class Hostile:
    """Whatever is asked of it, it raises."""

    def __repr__(self):
        raise RuntimeError("no name")

    def __array__(self, *_, **__):
        raise RuntimeError("no numbers")

    def __len__(self):
        raise RuntimeError("no length")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no message")


def endless(*_):
    return endless(*_)


def deep(*_):
    loop = []
    loop.append(loop)
    return loop


def fail(*_):
    raise Unspeakable


JUNK = {
    "None": lambda *_: None,
    "text": lambda *_: "x" * 10**6,
    "bytes": lambda *_: b"\xff" * 10**5,
    "nan": lambda *_: np.nan,
    "all nan": lambda *_: np.full(3, np.nan),
    "inf": lambda *_: np.inf,
    "complex": lambda *_: 1j,
    "huge integer": lambda *_: 10**400,
    "empty": lambda *_: [],
    "ragged": lambda *_: [[1, 2], [3], "four"],
    "deep": deep,
    "dictionary": lambda *_: {"a": 1},
    "set": lambda *_: {1, 2},
    "generator": lambda *_: (i for i in itertools.count()),
    "endless": endless,
    "class": lambda *_: Hostile,
    "hostile": lambda *_: Hostile(),
    "function": lambda *_: print,
    "dates": lambda *_: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "fails": fail,
    "divides by zero": lambda *_: 1 / 0,
    "not done": lambda *_: (_ for _ in ()).throw(NotImplementedError("your turn")),
    "no inputs": lambda: 1,
    "many inputs": lambda a, b, c, d, e, f, g: 1,
    "warns": lambda *_: np.log(-np.ones(1)),
}


def remembered(function):
    """A function that computes once what it is asked again."""
    known = {}

    @functools.wraps(function)
    def answer(*inputs):
        case = tuple(x.tobytes() if isinstance(x, np.ndarray) else x for x in inputs)
        if case not in known:
            known[case] = function(*inputs)
        return known[case]

    return answer


@functools.cache
def asked(label, seed):
    """A question with the cases of one seed, whose reference and mistakes compute each case once."""
    question = QUESTIONS[label]
    cases = question.cases(np.random.default_rng(seed))
    mistakes = tuple((sentence, remembered(wrong)) for sentence, wrong in question.mistakes)
    reference = remembered(question.reference)
    return replace(question, reference=reference, cases=lambda _: cases, mistakes=mistakes)


@pytest.mark.parametrize("label", QUESTIONS)
class TestQuestion:
    def test_reference_passes(self, label, rng):
        verdict = check(label, QUESTIONS[label].reference, rng)
        assert verdict
        assert re.fullmatch(r"Right, on \d+ random cases\.", str(verdict))
        assert check(asked(label, 0), QUESTIONS[label].reference)

    def test_a_known_mistake_gets_its_sentence(self, label):
        for seed in range(2):
            for sentence, wrong in asked(label, seed).mistakes:
                verdict = check(asked(label, seed), wrong)
                assert not verdict, sentence
                assert sentence in str(verdict)

    def test_junk_is_wrong_and_never_raises(self, label):
        few = (
            list(JUNK) if label == "ex-next-order" else ["None", "text", "nan", "hostile", "divides by zero"]
        )
        for kind in few:
            verdict = check(asked(label, 0), JUNK[kind])
            assert not verdict, kind
            assert 20 < len(str(verdict)) < 500, kind


def test_cases_are_fresh():
    for label in QUESTIONS:
        one, two = (asked(label, seed).cases(None) for seed in range(2))
        assert repr(one) != repr(two), label
        assert len(one) >= 4, label


def test_questions_belong_to_chapters_and_name_the_call():
    for label, question in QUESTIONS.items():
        assert question.chapter in CHAPTERS, label
        call = re.match(r"(\w+)\(([\w, ]+)\): ", question.asks)
        assert call, label
        assert call[1] == question.reference.__name__, label
        assert call[2].split(", ") == question.names, label


@pytest.mark.parametrize(
    "answer", [None, 3, "f", float("nan"), [], Hostile(), Hostile, np, int], ids=lambda x: type(x).__name__
)
def test_what_is_no_function_is_said(answer):
    verdict = check("ex-next-order", answer)
    assert not verdict
    assert "function" in str(verdict)
    assert "my_shift" in str(verdict)


def test_wrong_numbers_of_inputs_are_said():
    assert "takes 0 inputs; it is called with 3: alpha, beta, reach" in str(check("ex-next-order", lambda: 1))
    assert "takes 7 inputs" in str(check("ex-next-order", JUNK["many inputs"]))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("None", "returned None"),
        ("text", "the text"),
        ("nan", "returned nan"),
        ("complex", "complex number"),
        ("empty", "an empty list"),
        ("dictionary", "a dictionary"),
        ("generator", "a generator"),
        ("endless", "calls itself without end"),
        ("divides by zero", "raised ZeroDivisionError: division by zero"),
        ("fails", "raised Unspeakable"),
        ("not done", "still something to be done (NotImplementedError: your turn)"),
        ("function", "a function"),
    ],
)
def test_the_kind_of_a_wrong_result_is_said_with_its_input(kind, words):
    text = str(check("ex-next-order", JUNK[kind]))
    assert words in text
    assert re.search(r"for alpha = 0\.\d+, beta = 0\.\d+, reach = [\d.]+ ", text)


def slipped(change):
    """The reference of one question with a slip that any answer may have."""
    return lambda *inputs: change(QUESTIONS["ex-cost-exponent"].reference(*inputs))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: -x, "the sign is wrong"),
        (lambda x: x / 2, "half of what is asked"),
        (lambda x: 100 * x, "per cent"),
        (lambda x: x / np.log(10), "log10 stands where ln should"),
        (lambda x: 1 / x, "reciprocal"),
        (np.log10, "base-10 logarithm"),
        (lambda x: 1.25 * x, "1.25 times what is asked"),
        (lambda x: x * (1 + 1e-4 * np.sin(x)), "more than rounding"),
        (lambda x: [x, x], "2 numbers"),
        (lambda x: x + 1e30, "it returned"),
    ],
)
def test_slips_of_any_answer_are_named(change, words):
    verdict = check("ex-cost-exponent", slipped(change), np.random.default_rng(5))
    assert not verdict
    assert words in str(verdict)


def test_a_missing_six_is_named(rng):
    flops = Question(
        "flops", "", "flops(N, D): the FLOPs.", lambda N, D: 6 * N * D,
        lambda rng: [tuple(rng.uniform(1, 9, 2)) for _ in range(5)],
    )  # fmt: skip
    assert "the 6 of C = 6ND is missing" in str(check(flops, lambda N, D: N * D, rng))
    assert check(flops, lambda N, D: np.array([6 * N * D]), rng)


def test_exchanged_inputs_are_named():
    shrink = QUESTIONS["ex-runs-or-reach"].reference
    text = str(check("ex-runs-or-reach", lambda new, many, old, few: shrink(old, few, new, many)))
    assert "the old scatter over the new" in text
    text = str(check("ex-runs-or-reach", lambda points, reach, more, new: shrink(reach, points, new, more)))
    assert "the inputs are exchanged: the call is with reach, points, new_reach, new_points" in text


def test_an_answer_right_in_some_cases_says_in_how_many():
    right = QUESTIONS["ex-next-order"].reference
    calls = itertools.count()
    verdict = check("ex-next-order", lambda *x: right(*x) + (next(calls) == 2))
    assert "right in 5 of 6 cases" in str(verdict)


def test_what_a_function_does_to_its_inputs_is_its_own_affair(rng):
    def clustered(J, r, budget):
        answer = QUESTIONS["ex-sure-clustered"].reference(J, r, budget)
        J[:] = 0
        return answer

    assert check("ex-sure-clustered", clustered, rng)


def test_an_interrupt_gets_through():
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("ex-next-order", stop)


@pytest.mark.parametrize("name", ["7.2", "", "x" * 10**6, None, 3, [], Hostile()], ids=lambda x: str(type(x)))
def test_an_unknown_question_is_said(name):
    verdict = check(name, print)
    assert not verdict
    assert "There is no question" in str(verdict)


def test_a_name_nearly_right_finds_its_question():
    assert "`ex-next-order`" in str(check("ex-nextorder", print))
    assert "`ex-frontier-flat`" in str(check("frontier", print))


def test_without_an_answer_the_question_is_said():
    assert "my_shift(alpha, beta, reach)" in str(check("ex-next-order"))


def test_a_verdict_is_a_sentence_and_a_truth_value():
    verdict = Verdict(True, "Right.")
    assert verdict
    assert repr(verdict) == verdict._repr_markdown_() == "Right."


def test_seeded_checks_repeat():
    one, two = (str(check("ex-next-order", lambda a, b, r: 1.0, np.random.default_rng(3))) for _ in range(2))
    assert one == two
