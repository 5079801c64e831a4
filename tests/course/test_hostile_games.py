"""Games that try to bend the leaderboard: names, files, and more compute than there is."""

import os
import threading
import time

import pytest

from scalinglab.course import Oracle, OracleError, hidden_surface, leaderboard
from scalinglab.course.__main__ import main
from scalinglab.course.names import in_a_sheet, key, refused, shown


def play(name):
    oracle = Oracle(name)
    oracle.query(1e8, 5e9)
    truth = hidden_surface(name)
    oracle.predict(truth.N_opt(0.99e22), truth.D_opt(0.99e22), 2.5, 1.5, 3.5)
    return oracle


def remarks(table):
    return table.set_index("file")["remark"].to_dict()


def test_only_regular_files_are_read_and_only_so_far(tmp_path):
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "none")
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "long.json").write_text(" " * 100_001)
    start = time.monotonic()
    said = remarks(leaderboard(tmp_path))
    assert time.monotonic() - start < 5
    assert said == {
        "zero.json": "this is no file; hand in the file that save() wrote.",
        "pipe.json": "this is no file; hand in the file that save() wrote.",
        "folder.json": "this is no file; hand in the file that save() wrote.",
        "nowhere.json": "the file cannot be read (No such file or directory).",
        "long.json": "the file is too long for a submission.",
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Ada\x1b[2J", "control"),
        ("Ada\nbest", "control"),
        ("\u202eecalevoL", "direction"),
        ("A\u200bda", "control"),
        ("Ada \ud800", "control"),
        ("=cmd|' /C calc'!A0", "begins with a letter"),
        ("@SUM(1)", "begins with a letter"),
        ("Аda Lovelace", "one alphabet"),  # a Cyrillic A
        ("A" * 61, "at most 60"),
        ("!?", "letters"),
    ],
)
def test_what_is_no_name_is_refused(name, why):
    assert why in refused(name)
    with pytest.raises(OracleError, match=why):
        Oracle(name)


@pytest.mark.parametrize("name", ["José Núñez", "Łukasz O'Neill-Żak", "Ада Лавлейс", "王小明", "محمد", "नेहा"])
def test_names_of_the_world_are_names(name):
    assert refused(name) == ""
    assert shown(name) == name
    assert Oracle(name).student == name


def test_nobody_removes_or_plays_somebody_else(tmp_path):
    play("Ada Lovelace").save(tmp_path / "ada_lovelace.json")
    play("Ada Lovelace").save(tmp_path / "eve.json")
    table = leaderboard(tmp_path)
    assert table.loc["1", "student"] == "Ada Lovelace"
    assert "in the file of eve" in remarks(table)["eve.json"]
    by_number = leaderboard(tmp_path, roster={"EVE": "ada  lovelace"})
    assert remarks(by_number) == {"eve.json": "", "ada_lovelace.json": "the file is not on the roster."}


def test_who_looks_like_another_has_no_place_and_takes_none(tmp_path):
    play("Aca Hope").save(tmp_path / "aca hope.json")
    play("Аса Норе").save(tmp_path / "Аса Норе.json")
    table = leaderboard(tmp_path)
    assert table.loc["1", "student"] == "Aca Hope"
    assert remarks(table)["Аса Норе.json"] == "this name can be mistaken for another one here"


def test_names_of_files_are_shown_and_no_formula_in_a_sheet(tmp_path, capsys):
    for name in ("=cmd|x", "\x1b[2J\n", "x" * 200):
        (tmp_path / f"{name}.json").write_text("{}")
    (tmp_path / os.fsdecode(b"\xff\xfe.json")).write_text("{}")
    play("Ada").save(tmp_path / "ada.json")
    main(["leaderboard", str(tmp_path), "--csv", str(tmp_path / "table.csv")])
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert max(map(len, printed.splitlines())) < 400
    lines = (tmp_path / "table.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6
    assert sum(",'=cmd|x" in line for line in lines) == 1
    assert [in_a_sheet(x) for x in (" =1", "-x", -1.5)] == ["' =1", "'-x", -1.5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--budget", "nan"], "budget is nan; give one positive number"),
        (["--budget", "0"], "budget is 0.0; give one positive number"),
        (["--csv", "{}/none/table.csv"], "No such file or directory"),
        (["--csv", "{}"], "Is a directory"),
        (["--roster", "{}/none.csv"], "No such file or directory"),
        (["--roster", "{}/roster.csv"], "line 2: give the name of the file and that of the student"),
    ],
)
def test_options_that_lead_nowhere_get_words(tmp_path, capsys, options, words):
    (tmp_path / "roster.csv").write_text("17.json,Ada\nEva\n")
    with pytest.raises(SystemExit):
        main(["leaderboard", str(tmp_path), *(option.format(tmp_path) for option in options)])
    assert words in capsys.readouterr().err


def test_a_roster_names_files(tmp_path, capsys):
    play("Ada Lovelace").save(tmp_path / "17.json")
    (tmp_path / "roster.csv").write_text("\ufeff17.json,Ada Lovelace\n\n", encoding="utf-8")
    main(["leaderboard", str(tmp_path), "--roster", str(tmp_path / "roster.csv")])
    assert capsys.readouterr().out.splitlines()[2].split()[:3] == ["1", "Ada", "Lovelace"]


def test_no_race_overspends_or_predicts_twice():
    oracle = Oracle("Ada", budget=6 * 1e8 * 5e9)

    class Slow:
        @staticmethod
        def loss(N, D):
            time.sleep(0.01)
            return 3.0

    oracle._surface = Slow()
    answers = []

    def each(what):
        try:
            answers.append(what())
        except OracleError as refusal:
            answers.append(str(refusal))

    for what in (lambda: oracle.query(1e8, 5e9), lambda: oracle.predict(1e9, 1e10, 2, 1, 3)):
        threads = [threading.Thread(target=each, args=(what,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert oracle.spent == oracle.budget
    assert len(oracle.runs) == 1
    assert sum("are left" in str(answer) for answer in answers) == 7
    assert sum("has been taken" in str(answer) for answer in answers) == 7


def test_oracles_thrown_away_do_not_give_the_noise_away():
    """Two games of one name at different runs: their errors do not cancel."""
    truth = hidden_surface("Ada")
    runs = [(1e8, 5e9 * (1 + 1e-9 * i)) for i in range(20)]
    errors = {round(Oracle("Ada").query(*run) - truth.loss(*run), 6) for run in runs}
    assert len(errors) == 20
    assert Oracle("Ada").query(*runs[0]) == Oracle("Ada").query(*runs[0])


def test_spellings_of_a_name():
    assert key("Ada_Lovelace-King (1)") == key("ada lovelace king 1")
    assert key("Jose\u0301") == key("José")
