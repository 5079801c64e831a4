"""``scalinglab plan`` and ``bias``: what they print is what the package computes, and nonsense gets words."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner

from scalinglab import CHINCHILLA, IsoflopDesign, approach2_bias, plan_sweep, predict_error
from scalinglab.cli.commands import main

#: A plan of twenty runs.
PLAN = ("plan", "--surface", "chinchilla", "--target", 1e24, "--compute", 1e21, "--runs", 20)


def run(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_plan_is_that_of_the_package_and_its_table_can_be_launched(tmp_path):
    table = tmp_path / "plan.csv"
    done = run(*PLAN, "-o", table, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    own = plan_sweep(CHINCHILLA, 1e24, 1e21, 20)
    assert [row["N"] for row in told["runs"]] == pytest.approx(own.planned.N)
    assert told["standard_error_log_N"] == pytest.approx(own.predict(0.01).log_N)
    assert told["compute"] <= 1e21
    with table.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert [float(row["D"]) for row in rows] == pytest.approx(own.planned.D)
    assert all(row["reason"] for row in rows)
    assert len({(row["N"], row["D"]) for row in rows}) == 20


def test_a_bias_is_the_closed_form():
    words = ("--surface", "1.69,406.4,410.7,.34,.28", "--budgets", "1e18,1e19,1e20", "--target", 1e24)
    told = json.loads(run("bias", *words, "--offset", 3, "--noise", 0.01, "--json").stdout)
    design = IsoflopDesign([1e18, 1e19, 1e20], points=9, reach=8, offset=3)
    shift = approach2_bias(CHINCHILLA, design)
    assert told["exponent_bias"] == pytest.approx(shift.exponent_error, abs=1e-12)
    assert np.exp(told["log_N_bias"]) == pytest.approx(shift.N_factor(1e24))
    error = predict_error(design, CHINCHILLA, 0.01, 1e24)
    assert told["standard_error_log_N_vpnls"] == pytest.approx(error.log_N)
    assert "off by" in run("bias", *words).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "--surface", "x", "--target", 1e24, "--compute", 1e21), "--surface is 'x'"),
        (("plan", "--surface", "chinchilla", "--target", 1e19, "--compute", 1e21), "inside the sweep"),
        (("plan", "--surface", "chinchilla", "--target", 1e24, "--compute", 1e21, "--runs", 3), "runs"),
        ((*PLAN[:-1], 8, "--noise", 0), "noise"),
        (("bias", "--surface", "chinchilla", "--budgets", "a,b", "--target", 1e24), "--budgets is 'a,b'"),
        (("bias", "--surface", "chinchilla", "--budgets", "1e18", "--target", 1e24), "budget"),
        (("bias", "--surface", "0,0,0,0,0", "--budgets", "1e18,1e19", "--target", 1e24), "positive"),
    ],
)
def test_nonsense_gets_words_and_exit_code_two(words, said):
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert said in done.output


def test_a_plan_as_a_page_is_whole_and_needs_no_network(tmp_path):
    page = tmp_path / "plan.html"
    words = ("--target", 1e24, "--compute", 1e21, "--runs", 9, "-o", page)
    done = run("plan", "--surface", "chinchilla", *words)
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")
    assert text.count("<tr>") == 10
    assert text.count("<img ") == 2
    assert "http" not in text.replace("http://www.w3.org", "")
    assert not list(tmp_path.glob("*.part"))
    assert "One run more" in done.stdout
    assert "usual grid" in done.stdout
