import json
import re
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from scalinglab import fit_vpnls, plotting
from scalinglab.course import Oracle, OracleError, hidden_surface, leaderboard, tournament
from scalinglab.course.oracle import AHEAD, BUDGET, MOST_RUNS, NOISE


def play(name="Ada Lovelace", surface=None, width=0.05, size=1.0, **options):
    """A short game that ends with the best plan of a surface, the true one when absent."""
    oracle = Oracle(name, **options)
    for N in (1e8, 2e8, 4e8):
        oracle.query(N, 5e9)
    surface = surface or hidden_surface(oracle.student, oracle.term)
    C = 0.999999 * oracle.target
    N, D = size * surface.N_opt(C), surface.D_opt(C) / size
    L = surface.loss(N, D)
    oracle.predict(N, D, L, L - width, L + width)
    return oracle


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


def edited(oracle, tmp_path, change):
    oracle.save(tmp_path / "edited.json")
    record = json.loads((tmp_path / "edited.json").read_text())
    change(record)
    (tmp_path / "edited.json").write_text(json.dumps(record))
    return tmp_path / "edited.json"


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


@pytest.fixture
def folder(tmp_path):
    """Four good submissions, and every kind of broken one."""
    play("best", width=0.001).save(tmp_path / "best.json")
    play("wide", width=0.5, size=1.2).save(tmp_path / "Wide.json")
    wrong = hidden_surface("somebody else")
    play("off", surface=wrong, width=0.001).save(tmp_path / "off.json")
    for file in ("twice.json", "TWICE.json"):
        play("twice").save(tmp_path / file)
    unfinished = Oracle("unfinished")
    unfinished.query(1e8, 2e9)
    unfinished.save(tmp_path / "unfinished.json")
    play("rich", budget=10 * BUDGET).save(tmp_path / "rich.json")
    (tmp_path / "g.json").write_text("{")
    (tmp_path / "h.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "i.json").write_text("[" * 50_000)
    (tmp_path / "j.json").write_text("x" * 10**6)
    (tmp_path / "k.json").mkdir()
    (tmp_path / "l.json").write_text("[1, 2]")
    (tmp_path / "m.json").write_text('{"score": 0}')
    (tmp_path / "n.json").write_text("")
    edited(play("cheat"), tmp_path, lambda r: r["runs"][0].__setitem__(2, 1.0)).rename(
        tmp_path / "cheat.json"
    )
    edited(play("typed", size=1.1), tmp_path, lambda r: r.update(waste=0, score=-1)).rename(
        tmp_path / "typed.json"
    )
    return tmp_path


def test_the_leaderboard_ranks_what_it_can_and_says_why_not(folder):
    table = leaderboard(folder)
    assert len(table) == 17
    ranked = table[table["remark"] == ""]
    assert ranked["student"].tolist()[:2] == ["best", "typed"]
    assert set(ranked["student"]) == {"best", "typed", "wide", "off"}
    sums = ranked[["waste", "interval score"]].astype(float).rank().sum(axis=1)
    assert sums.is_monotonic_increasing
    assert ranked.index.tolist() == ["1", "2", "3", "4"]
    assert set(table.index[4:]) == {"-"}
    assert (table["remark"].iloc[4:].str.len() > 10).all()
    remarks = table.set_index("file")["remark"]
    assert "one shot" in remarks["twice.json"]
    assert "one shot" in remarks["TWICE.json"]
    assert "no prediction" in remarks["unfinished.json"]
    assert "this course has 1e+20" in remarks["rich.json"]
    assert "not JSON" in remarks["g.json"]
    assert "too long" in remarks["j.json"]
    assert "has been changed" in remarks["cheat.json"]
    assert abs(table.set_index("file").loc["best.json", "interval score"] - 0.002) < 1e-9


def test_the_leaderboard_keeps_terms_apart(tmp_path):
    play("Ada", term="spring").save(tmp_path / "ada.json")
    assert leaderboard(tmp_path, term="spring")["remark"].tolist() == [""]
    assert "this course has" in leaderboard(tmp_path).loc["-", "remark"]


def test_an_empty_folder_and_a_missing_one(tmp_path):
    assert leaderboard(tmp_path).empty
    with pytest.raises(ValueError, match="no folder"):
        leaderboard(tmp_path / "none")


def test_the_command_prints_the_table(folder):
    command = [sys.executable, "-m", "scalinglab.course", "leaderboard"]
    answer = subprocess.run(
        [*command, folder, "--csv", folder / "table.csv"], capture_output=True, text=True, check=True
    )
    lines = answer.stdout.splitlines()
    assert lines[2].split()[:2] == ["1", "best"]
    assert len(lines) == 19
    assert (folder / "table.csv").read_text().startswith("place,student,waste")
    wrong = subprocess.run([*command, folder / "none"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "no folder" in wrong.stderr


def right(oracle):
    truth = hidden_surface(oracle.student, oracle.term)
    N, D = truth.N_opt(0.99 * oracle.target), truth.D_opt(0.99 * oracle.target)
    L = truth.loss(N, D)
    oracle.query(1e8, 2e9)
    oracle.predict(N, D, L, L - 0.01, L + 0.01)


def fitted(oracle):
    for N in np.geomspace(2e7, 5e8, 5):
        for D in np.geomspace(2e8, 5e9, 5):
            oracle.query(N, D)
    fit = fit_vpnls(oracle.runs)
    N, D = fit.N_opt(0.999 * oracle.target), fit.D_opt(0.999 * oracle.target)
    L = fit.surface.loss(N, D)
    oracle.predict(N, D, L, 0.9 * L, 1.1 * L)


def broken(oracle):
    oracle.query(1e12, 1e12)


def silent(oracle):
    oracle.query(1e8, 2e9)


def test_a_tournament_gives_all_strategies_the_same_surfaces_and_counts_failures():
    strategies = {"right": right, "fitted": fitted, "broken": broken, "silent": silent}
    games = tournament(strategies, students=5)
    assert len(games) == 20
    assert games.groupby("strategy")["student"].apply(set).map(len).eq(5).all()
    mine = {name: games[games["strategy"] == name] for name in strategies}
    assert np.allclose(mine["right"]["waste"].astype(float), 0.01)
    assert mine["right"]["covers"].all()
    assert mine["fitted"]["waste"].between(0, 0.5).all()
    assert mine["broken"]["failure"].str.contains("can be paid").all()
    assert mine["silent"]["failure"].str.contains("no prediction").all()
    again = tournament({"fitted": fitted}, students=5)
    assert again["waste"].tolist() == mine["fitted"]["waste"].tolist()


def test_the_picture_has_a_row_a_strategy_and_names_failures():
    games = tournament({"right": right, "broken": broken}, students=3)
    ax = plotting.contest(games)
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["right", "broken"]
    assert [text.get_text() for text in ax.figure.axes[1].texts] == ["holds 100 %", "3 failed"]
    plt.close("all")


def test_the_target_is_a_hundred_times_the_budget():
    assert Oracle("Ada").target == AHEAD * BUDGET == 1e22
