"""The commands: exit codes, what goes to which stream, files whole or not at all, words that work."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings, strategies as st
from random_tables import outcome, tables

from scalinglab import CHINCHILLA, IsoflopDesign, Runs, fit_approach2, fit_vpnls, load_llama3, read_runs
from scalinglab.cli.commands import main
from scalinglab.cli.remedies import in_options

PUBLIC = Path(__file__).parents[3] / "shared" / "data" / "public"
CASES = Path(__file__).parents[3] / "shared" / "cases"
needs_tables = pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public tables are not beside the repository"
)
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside the repository")


def run(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Llama 3's runs under other people's names."""
    runs = load_llama3()
    frame = Runs(runs.N, runs.D, runs.L, runs.C).to_frame().drop(columns=["C"])
    path = tmp_path_factory.mktemp("runs") / "runs.csv"
    frame.rename(columns={"N": "params", "D": "tokens", "L": "val_loss"}).to_csv(path, index=False)
    return path


def test_an_answer_is_that_of_python_to_the_last_digit(table):
    done = run("fit", table, "--budget", "3.8e25", "--json", "--method", "VPNLS", "--method", "Approach 2")
    assert done.exit_code == 0, done.output
    told, runs = json.loads(done.stdout), read_runs(table)
    fit, frontier = fit_vpnls(runs), fit_approach2(runs)
    assert told["methods"]["VPNLS"]["parameters"] == fit.surface.parameters
    assert told["methods"]["VPNLS"]["N"] == fit.N_opt(3.8e25)
    assert told["methods"]["Approach 2"]["N"] == frontier.N_opt(3.8e25)
    assert told["notes"] == ["read N from 'params', D from 'tokens', L from 'val_loss'"]
    assert told["runs"] == len(runs)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(scope="module")
def report(table, tmp_path_factory):
    """A report by two methods as a page, and what a terminal showed meanwhile."""
    output = tmp_path_factory.mktemp("report") / "page.html"
    methods = ["--method", "VPNLS", "--method", "Approach 2"]
    with contextlib.redirect_stderr(Terminal()) as terminal:
        main(["report", str(table), "--budget", "3.8e25", *methods, "-o", str(output)], standalone_mode=False)
    return output.read_text(encoding="utf-8"), terminal.getvalue()


def test_on_a_terminal_a_bar_names_what_is_under_way(report):
    _, shown = report
    for said in ("133 runs", "VPNLS", "screening", "hindcast", "pictures", "100%"):
        assert said in shown


def test_a_text_says_what_was_read_and_what_an_error_costs(table):
    done = run("fit", table, "--budget", "3.8e25", "--method", "VPNLS", "--method", "Approach 2")
    for said in ("read N from 'params'", "wastes", "Screening", "Concerns", "foresee", "$"):
        assert said in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "Usage"),
        (["fit"], 2, "Missing option '--budget'"),
        (["fit", "--budget", "1e24"], 2, "give a table of runs, or --example llama3"),
        (["fit", "no.csv", "--budget", "1e24"], 2, "there is no file no.csv"),
        (["fit", "{folder}", "--budget", "1e24"], 2, "is a folder"),
        (["fit", "{table}", "--budget", "-1"], 2, "C is -1.0"),
        (["fit", "{table}", "--budget", "1e24", "--level", "2"], 2, "level"),
        (["fit", "{table}", "--budget", "1e24", "--law", "E +"], 2, "E +"),
        (["check", "{table}", "--column", "N:params"], 2, "write a letter, N, D, L or C"),
        (["check", "{table}", "--column", "N=parms"], 2, "Did you mean 'params'"),
        (["check", "{table}", "--column", "N=params", "--column", "N=tokens"], 2, "names N twice"),
        (["check", "{table}", "--unit", "C=parsec"], 2, "C is in 'parsec'; give GFLOP"),
        (["check", "{table}", "--unit", "C=EFLOP"], 2, "no column holds C"),
        (["check", "{table}", "--budgets", "1e18;1e19"], 2, "with commas between them"),
        (["check", "{table}", "--budgets", "1e10"], 2, "budgets"),
        (["report", "{table}", "--budget", "1e24", "-o", "r.pdf"], 2, "ends in .html or .md"),
        (["report", "{table}", "--budget", "1e24", "-o", "nowhere/r.md"], 2, "no folder nowhere"),
        (["fit", "{three}", "--budget", "1e24"], 1, "no method can answer"),
    ],
)
def test_exit_codes_and_words(tmp_path, table, arguments, code, says):
    three = tmp_path / "three.csv"
    three.write_text("params,tokens,loss\n1e8,1e9,3\n1e8,1e9,3\n1e8,1e9,3\n", encoding="utf-8")
    places = {"folder": tmp_path, "table": table, "three": three}
    done = run(*(one.format(**places) for one in arguments))
    assert done.exit_code == code, done.output
    assert says in done.output
    assert "Traceback" not in done.output


def test_where_no_method_can_answer_none_is_advised(tmp_path):
    four = tmp_path / "four.csv"
    four.write_text(
        "params,tokens,loss\n1e8,1e9,3\n2e8,3e9,2.9\n3e8,9e9,2.8\n4e8,3e10,2.7\n", encoding="utf-8"
    )
    said = run("fit", four, "--budget", "1e24").output
    assert "lie on no IsoFLOP curves" in said
    assert "--budgets 1e18,1e19" in said
    assert "--method VPNLS" not in said


def test_a_page_stands_by_itself(report):
    page, _ = report
    assert page.rstrip().endswith("</html>")
    assert "val_loss" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert page.count("<img") >= 3
    assert not re.findall(r'alt=""', page)


def test_a_report_is_there_whole_or_not_at_all(tmp_path, table, monkeypatch):
    output = tmp_path / "page.md"
    arguments = ["report", table, "--budget", "3.8e25", "-o", output, "--method", "VPNLS"]
    assert run(*arguments).exit_code == 0
    assert output.read_text(encoding="utf-8").startswith("# What to train")
    output.write_text("before", encoding="utf-8")

    def breaks(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr("os.replace", breaks)
    done = run(*arguments)
    assert done.exit_code == 2
    assert "the disk is full" in done.stderr
    assert output.read_text(encoding="utf-8") == "before"
    assert not list(tmp_path.glob("*.part"))


def test_remedies_are_options_that_work(tmp_path):
    rng = np.random.default_rng(0)
    design = IsoflopDesign([1e18, 3e18, 1e19, 3e19], points=7).runs(CHINCHILLA, noise=0.002, rng=rng)
    path = tmp_path / "runs.csv"

    def write(**columns):
        Runs(design.N, design.D, design.L).to_frame().drop(columns="C").assign(**columns).to_csv(
            path, index=False
        )

    write(C=design.C / 1e18)
    said = run("check", path).stdout
    option = re.search(r'--unit "(C=EFLOP)"', said)[1]
    assert "convert it with --unit" in said
    assert "EFLOP" not in run("check", path, "--unit", option).stdout.split("in EFLOP")[-1]
    assert "EFLOP" not in run("check", path, "--column", "C=").stdout
    write(D=design.D * np.exp(rng.normal(0, 0.02, len(design))))
    said = run("fit", path, "--budget", "1e21", "--method", "Approach 2")
    assert said.exit_code == 1
    option = re.search(r"--group [\d.]+", said.stderr)[0]
    assert run("fit", path, "--budget", "1e21", "--method", "Approach 2", *option.split()).exit_code == 0
    write(val_loss=design.L, train_loss=design.L + 0.1, L=design.L)
    assert run("check", path).exit_code == 0
    path.write_text(path.read_text(encoding="utf-8").replace(",L,", ",score,"), encoding="utf-8")
    said = run("check", path).stderr
    option = re.search(r'--column "?L=[^" ]+"?', said)[0]
    assert run("check", path, *shlex.split(option)).exit_code == 0


def test_incomplete_rows_repeats_and_budgets(tmp_path):
    path = tmp_path / "runs.csv"
    design = IsoflopDesign([1e18, 1e19, 1e20], points=7).runs(CHINCHILLA)
    lines = [
        "params,tokens,val_loss",
        *(f"{n:.6g},{d:.6g},{one:.6f}" for n, d, one in zip(design.N, design.D, design.L, strict=True)),
    ]
    lines += [line.rpartition(",")[0] + ",diverged" for line in lines[1:3]] + [lines[4][:-8] + "4.000000"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run("check", path)
    assert done.exit_code == 2
    assert "line 23: 'val_loss' is 'diverged'" in done.stderr
    assert "--drop-incomplete" in done.stderr
    done = run(
        "check", path, "--drop-incomplete", "--repeats", "best", "--budgets", "1e18,1e19,1e20", "--json"
    )
    told = json.loads(done.stdout)
    assert told["runs"] == 21
    assert len(told["notes"]) >= 4


def test_sentences_for_python_become_options():
    for words, option in [
        ("use fit_vpnls, which needs none", "--method VPNLS"),
        ('columns={"N": "a b"}, on the command line --column "N=a b".', '--column "N=a b".'),
        ("keep the best of each, best_of_repeats(runs), or", "--repeats best"),
        (
            "C stands in petaFLOP/s-days (8.64e+19 FLOPs); multiply it by 8.64e+19",
            '--unit "C=petaFLOP/s-days"',
        ),
    ]:
        said = in_options(words)
        assert option in said
        assert not re.search(r"fit_vpnls|columns=|of_repeats|multiply", said)
    assert in_options('covariance(fit), fit_vpnls(runs, levels="budget")').endswith('levels="budget")')


#: What each table needs: an option for each column that is truly ambiguous, or cannot be known.
OPTIONS = {
    "epoch-chinchilla.csv": "",
    "kyo-takano.csv": "",
    "misfitting.csv": "",
    "steplaw-dense.csv": "--column L=loss",
    "routing.csv.gz": "--column N=dense_parameter_count --column L=loss_validation "
    '--column "C=flops_per_step*step" --drop-incomplete',
    "vocabulary.csv": "--column L=Lossu",
    "marin-dclm.csv": "",
    "marin-nemotron.csv": "",
    "fineweb-c4.csv": "",
}


@needs_tables
@pytest.mark.parametrize("name", OPTIONS)
def test_public_tables_are_checked(name):
    options = shlex.split(OPTIONS[name])
    if options:
        asked = run("check", PUBLIC / name)
        assert asked.exit_code == 2
        assert name in asked.stderr
    done = run("check", PUBLIC / name, *options, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["notes"]


def fitted(name):
    """A command's answer, and the runs of a public table as Python reads them."""
    options = shlex.split(OPTIONS[name])
    done = run("fit", PUBLIC / name, *options, "--budget", "1e23", "--method", "VPNLS", "--json")
    chosen = dict(one.split("=") for one in options if "=" in one)
    return done, read_runs(PUBLIC / name, chosen, drop_incomplete="--drop-incomplete" in options)


@needs_tables
@pytest.mark.parametrize("name", sorted(OPTIONS.keys() - {"vocabulary.csv", "routing.csv.gz"}))
def test_public_tables_are_fitted_as_in_python(name):
    done, runs = fitted(name)
    assert done.exit_code == 0, done.output
    told, fit = json.loads(done.stdout)["methods"]["VPNLS"], fit_vpnls(runs)
    assert told["parameters"] == fit.surface.parameters
    assert told["N"] == fit.N_opt(1e23)


@needs_tables
def test_losses_below_zero_cannot_be_fitted():
    done, _ = fitted("vocabulary.csv")
    assert done.exit_code == 1
    assert "undo what shifted the losses" in done.stderr


@needs_tables
def test_checkpoints_of_experts_are_fitted_as_in_python():
    done, runs = fitted("routing.csv.gz")
    fit = fit_vpnls(runs)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["methods"]["VPNLS"]["parameters"] == fit.surface.parameters


@needs_cases
def test_cases_that_are_files_are_refused_in_words():
    for path in sorted(CASES.rglob("*.*")):
        done = run("check", path)
        assert done.exit_code in (0, 1, 2), path
        assert "Traceback" not in done.output
        assert done.exit_code == 0 or path.name in done.stderr, done.stderr


#: Half of the fits leave out the search from many starts, which takes longer than all the rest.
COMMANDS = [("check",)] * 4 + [("fit",), ("fit", "--method", "VPNLS", "--method", "Approach 2")]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(COMMANDS))
def test_random_tables_get_an_answer_or_words(tmp_path_factory, table, command):
    (content, ending, options), (name, *methods) = table, command
    outcome(content, ending, [*options, *methods], tmp_path_factory.mktemp("table"), name)


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(tables())
def test_a_few_random_tables_get_an_answer_or_words(tmp_path_factory, table):
    outcome(*table, tmp_path_factory.mktemp("table"))


def test_a_slow_search_of_many_runs_is_left_out_in_words(table, monkeypatch):
    monkeypatch.setattr("scalinglab.cli.commands.MANY", 100)
    told = json.loads(run("fit", table, "--budget", "1e24", "--json").stdout)
    assert set(told["methods"]) == {"Approach 2", "VPNLS"}
    option = shlex.split(re.search(r"--method .*", told["refused"]["Approach 3"])[0])
    told = json.loads(run("fit", table, "--budget", "1e24", "--json", *option).stdout)
    assert set(told["methods"]) == {"Approach 3"}


def test_runs_too_few_for_a_surface_are_not_sent_to_fit_one(tmp_path):
    path = tmp_path / "few.csv"
    path.write_text("params,tokens,loss\n12M,500M,4.11\n45M,1.2B,3.62\n1.3B,20B,2.9\n", encoding="utf-8")
    done = run("check", path)
    assert done.exit_code == 0, done.output
    assert "add runs until there are 5 or more" in done.stdout
    assert "fit them as they are" not in done.stdout
