"""Many games: the leaderboard of a folder of submissions, and the tournament of strategies."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from games import edited, play

from scalinglab import fit_vpnls, plotting
from scalinglab.course import Oracle, hidden_surface, leaderboard, tournament
from scalinglab.course.__main__ import main
from scalinglab.course.oracle import BUDGET


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four good submissions, and every kind of broken one."""
    folder = tmp_path_factory.mktemp("submissions")
    play("best", width=0.001).save(folder / "best.json")
    play("wide", width=0.5, size=1.2).save(folder / "Wide.json")
    wrong = hidden_surface("somebody else")
    play("off", surface=wrong, width=0.001).save(folder / "off.json")
    for file in ("twice.json", "TWICE.json"):
        play("twice").save(folder / file)
    unfinished = Oracle("unfinished")
    unfinished.query(1e8, 2e9)
    unfinished.save(folder / "unfinished.json")
    play("rich", budget=10 * BUDGET).save(folder / "rich.json")
    (folder / "g.json").write_text("{")
    (folder / "h.json").write_bytes(b"\xff\xfe\x00")
    (folder / "i.json").write_text("[" * 50_000)
    (folder / "j.json").write_text("x" * 10**6)
    (folder / "k.json").mkdir()
    (folder / "l.json").write_text("[1, 2]")
    (folder / "m.json").write_text('{"score": 0}')
    (folder / "n.json").write_text("")
    edited(play("cheat"), folder, lambda r: r["runs"][0].__setitem__(2, 1.0)).rename(folder / "cheat.json")
    edited(play("typed", size=1.1), folder, lambda r: r.update(waste=0, score=-1)).rename(
        folder / "typed.json"
    )
    return folder


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


def test_the_command_prints_the_table(folder, tmp_path, capsys):
    main(["leaderboard", str(folder), "--csv", str(tmp_path / "table.csv")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:2] == ["1", "best"]
    assert len(lines) == 19
    assert (tmp_path / "table.csv").read_text().startswith("place,student,waste")


def test_the_command_says_what_is_wrong(tmp_path):
    command = [sys.executable, "-m", "scalinglab.course", "leaderboard", tmp_path / "none"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "no folder" in answer.stderr


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
