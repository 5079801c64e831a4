"""The game of the capstone: runs that cost compute, one prediction, its score, and a log that replays."""

import re

import numpy as np
import pytest
from games import edited, play

from scalinglab.course import Oracle, OracleError, hidden_surface
from scalinglab.course.oracle import AHEAD, BUDGET, MOST_RUNS, NOISE


def test_queries_debit_compute_and_are_logged():
    oracle = Oracle("Ada")
    losses = [oracle.query(1e8, 2e9), oracle.query(2e8, 1e10)]
    assert oracle.spent == 6 * (1e8 * 2e9 + 2e8 * 1e10)
    assert oracle.left == BUDGET - oracle.spent
    assert oracle.runs.N.tolist() == [1e8, 2e8]
    assert oracle.runs.D.tolist() == [2e9, 1e10]
    assert oracle.runs.L.tolist() == losses
    assert "2 of 40 runs" in repr(oracle)


def test_noise_is_gaussian_of_the_stated_size_and_anew_at_every_run():
    errors = []
    for name in range(25):
        oracle = Oracle(f"student {name}")
        truth = hidden_surface(oracle.student).loss(1e8, 2e9)
        errors += [oracle.query(1e8, 2e9) - truth for _ in range(MOST_RUNS)]
    errors = np.array(errors) / NOISE
    n = len(errors)
    assert n == 1000
    assert len(set(errors)) == n
    assert abs(errors.mean()) < 4 / np.sqrt(n)
    assert abs(errors.std() - 1) < 4 / np.sqrt(2 * n)
    assert abs(np.corrcoef(errors[1:], errors[:-1])[0, 1]) < 4 / np.sqrt(n)


def test_a_name_decides_surface_and_noise():
    one, two = Oracle("Ada  Lovelace"), Oracle(" ada lovelace")
    assert [one.query(1e8, 2e9) for _ in range(3)] == [two.query(1e8, 2e9) for _ in range(3)]
    surfaces = {
        hidden_surface(*names) for names in (("Ada",), ("Eva",), ("Ada", "spring"), ("Ada", "autumn"))
    }
    assert len(surfaces) == 4


def test_hidden_surfaces_follow_the_documented_distribution():
    surfaces = [hidden_surface(str(i)) for i in range(400)]
    ratio = [s.D_opt(1e21) / s.N_opt(1e21) for s in surfaces]
    columns = {
        "E": ([s.E for s in surfaces], 1.5, 2.1),
        "alpha": (np.log([s.alpha for s in surfaces]), np.log(0.28), np.log(0.55)),
        "beta": (np.log([s.beta for s in surfaces]), np.log(0.22), np.log(0.45)),
        "ratio": (np.log(ratio), np.log(5), np.log(80)),
        "gain": ([s.L_opt(1e21) - s.E for s in surfaces], 0.35, 0.75),
    }
    shares = {}
    for name, (values, low, high) in columns.items():
        share = (np.asarray(values) - low) / (high - low)
        assert share.min() > -1e-9, name
        assert share.max() < 1 + 1e-9, name
        assert abs(share.mean() - 0.5) < 4 * np.sqrt(1 / 12 / len(surfaces)), name
        assert abs(share.std() - np.sqrt(1 / 12)) < 0.03, name
        shares[name] = share
    correlations = np.corrcoef(list(shares.values())) - np.eye(5)
    assert np.abs(correlations).max() < 4 / np.sqrt(len(surfaces))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda o: o.query(1e11, 1e12), "tokens can be paid"),
        (lambda o: o.query(1e6, 1e10), "not meant below 1e+07 parameters"),
        (lambda o: o.query(1e8, 1e8), "not meant below 2e+08 tokens"),
        (lambda o: o.query(float("nan"), 1e9), "N is nan"),
        (lambda o: o.query(-1e8, 1e9), "N is -100000000.0"),
        (lambda o: o.query("1e8", 1e9), "N is '1e8'"),
        (lambda o: o.query(1e8, [1e9, 2e9]), "D is [1000000000.0, 2000000000.0]"),
        (lambda o: o.query(1e8, None), "D is None"),
        (lambda o: o.predict(1e11, 1e12, 2, 1.9, 2.1), "the large budget is 1e+22"),
        (lambda o: o.predict(1e9, 1e11, 2, 2.1, 2.2), "must lie in its interval"),
        (lambda o: o.predict(1e9, 1e11, 2, 2.2, 1.9), "must lie in its interval"),
        (lambda o: o.predict(1e9, 1e11, np.inf, 1.9, np.inf), "loss is inf"),
        (lambda o: o.score(), "no prediction"),
    ],
)
def test_refusals_say_why_and_cost_nothing(call, words):
    oracle = Oracle("Ada")
    oracle.query(1e8, 2e9)
    spent = oracle.spent
    with pytest.raises(OracleError) as refusal:
        call(oracle)
    assert words in str(refusal.value)
    assert oracle.spent == spent
    assert len(oracle.runs) == 1


def test_a_refusal_does_not_contradict_itself_by_rounding():
    with pytest.raises(OracleError, match=r"loss 2\.09996 must lie in its interval, 2\.1 to 2\.2\."):
        Oracle("Ada").predict(1e9, 1e11, 2.09996, 2.1, 2.2)
    oracle = Oracle("Ada")
    with pytest.raises(OracleError, match=r"costs 1\.00002e\+20 FLOPs; 1e\+20 are left") as refusal:
        oracle.query(1e10, 1.00002e20 / 6e10)
    payable = float(re.search(r"these parameters (\S+) tokens", str(refusal.value))[1])
    oracle.query(1e10, payable)
    oracle.query(1e7, oracle.left / 6e7)
    with pytest.raises(OracleError, match=r"these parameters \S+ tokens can be paid"):
        oracle.query(1e10, 1e10)  # nothing is left
    assert oracle.prediction is None


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_name_is_needed(name):
    with pytest.raises(OracleError, match="give your name"):
        Oracle(name)


def test_the_whole_budget_can_be_spent_and_no_more():
    oracle = Oracle("Ada", budget=4 * 6 * 1e8 * 1e9)
    for _ in range(4):
        oracle.query(1e8, 1e9)
    with pytest.raises(OracleError, match="are left"):
        oracle.query(1e7, 2e8)


def test_the_number_of_runs_is_limited():
    oracle = Oracle("Ada")
    for _ in range(MOST_RUNS):
        oracle.query(1e7, 2e8)
    with pytest.raises(OracleError, match="all 40 runs"):
        oracle.query(1e7, 2e8)


def test_runs_before_the_first_are_refused():
    with pytest.raises(OracleError, match="no runs yet"):
        _ = Oracle("Ada").runs


def test_there_is_one_shot():
    oracle = play()
    with pytest.raises(OracleError, match="one shot"):
        oracle.predict(1e9, 1e11, 2, 1.9, 2.1)
    with pytest.raises(OracleError, match="no more runs"):
        oracle.query(1e8, 2e9)


def test_the_best_plan_wastes_nothing_and_a_saved_half_wastes_half():
    score = play().score()
    assert abs(score.waste - 1e-6) < 1e-7
    assert abs(score.best - score.loss) < 1e-6
    truth, oracle = hidden_surface("Ada"), Oracle("Ada")
    half = oracle.target / 2
    oracle.predict(truth.N_opt(half), truth.D_opt(half), 2, 1, 3)
    assert abs(oracle.score().waste - 0.5) < 1e-9


def test_interval_score_is_width_and_twenty_times_the_miss():
    truth = hidden_surface("Ada")
    N, D = truth.N_opt(1e22), truth.D_opt(1e22)
    L = truth.loss(N, D)
    for low, high, expected, covers in (
        (L - 0.01, L + 0.03, 0.04, True),
        (L + 0.01, L + 0.03, 0.02 + 20 * 0.01, False),
        (L - 0.05, L - 0.02, 0.03 + 20 * 0.02, False),
    ):
        oracle = Oracle("Ada")
        oracle.predict(N, D, (low + high) / 2, low, high)
        assert abs(oracle.score().interval_score - expected) < 1e-12
        assert oracle.score().covers is covers
        assert ("holds" if covers else "misses") in repr(oracle.score())


def test_the_interval_score_is_proper():
    """For a Gaussian belief the interval of its 5 % and 95 % quantiles has the least expected score."""
    z = np.random.default_rng(0).standard_normal(400_000)

    def expected(q):
        return np.mean(2 * q + 20 * np.maximum(np.abs(z) - q, 0))

    assert expected(1.645) < min(expected(1.3), expected(2.0))


def test_a_saved_game_can_be_taken_up_again(tmp_path):
    oracle = Oracle("Ada", term="spring")
    losses = [oracle.query(1e8, 2e9), oracle.query(3e8, 7e9 / 3)]
    oracle.save(tmp_path / "game.json")
    again = Oracle.load(tmp_path / "game.json")
    assert again.runs.L.tolist() == losses
    assert again.query(1e8, 2e9) == oracle.query(1e8, 2e9)
    assert again.prediction is None


def test_a_submission_replays(tmp_path):
    oracle = play()
    oracle.save(tmp_path / "ada.json")
    again = Oracle.load(tmp_path / "ada.json")
    assert again.prediction == oracle.prediction
    assert again.score() == oracle.score()
    assert (tmp_path / "ada.json").stat().st_size < 2000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r["runs"][1].__setitem__(2, 2.0), "run 2 is logged with a loss of 2"),
        (lambda r: r["runs"].pop(0), "run 1 is logged"),
        (lambda r: r["runs"].reverse(), "run 1 is logged"),
        (lambda r: r.update(student="Eva"), "run 1 is logged"),
        (lambda r: r.update(term="autumn"), "run 1 is logged"),
        (lambda r: r["runs"].append([1e12, 1e12, 2.0]), "costs"),
        (lambda r: r.update(runs=[[1e7, 2e8, 3.0]] * 1000), "at most 40"),
        (lambda r: r.update(runs="none"), "must be a list"),
        (lambda r: r.update(runs=[3]), "run 1 of the log is not a list"),
        (lambda r: r["runs"][0].__setitem__(0, "many"), "run 1 is 'many'"),
        (lambda r: r.update(prediction={"N": 1}), "N, D, loss, low and high"),
        (lambda r: r["prediction"].update(low=None), "low is None"),
        (lambda r: r["prediction"].update(D=1e15), "the large budget"),
        (lambda r: r.update(student=""), "give your name"),
        (lambda r: r.update(term=3), "give it as text"),
        (lambda r: r.update(budget="all"), "budget is 'all'"),
        (lambda r: r.update(format="scalinglab one shot, 1"), "not a submission"),
        (lambda r: r.pop("runs"), "not a submission"),
    ],
)
def test_a_changed_log_is_found_out(tmp_path, change, words):
    path = edited(play(), tmp_path, change)
    with pytest.raises(OracleError) as refusal:
        Oracle.load(path)
    assert words in str(refusal.value)


def test_the_target_is_a_hundred_times_the_budget():
    assert Oracle("Ada").target == AHEAD * BUDGET == 1e22
