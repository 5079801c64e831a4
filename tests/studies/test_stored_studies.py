"""The stored run of the public studies: complete, of the catalogue's tables, and what comes out again."""

import json
from pathlib import Path

import numpy as np
import pytest
import studies as tool
from scipy.optimize import minimize

from scalinglab import Huber, Squared, data_card, fit_approach2, fit_approach3, fit_vpnls
from scalinglab.data import catalogue, open_runs
from scalinglab.studies import LAWS, PUBLIC_STUDIES, read_studies
from scalinglab.studies.stored_studies import KINDS, kind_of

ROOT = Path(__file__).parents[2]
STORED = ROOT / "book" / "stored" / "studies.json"
PUBLIC = ROOT.parent / "shared" / "data" / "public"
needs_tables = pytest.mark.skipif(
    not PUBLIC.is_dir(), reason="the public tables are not beside the repository"
)


@pytest.fixture(scope="module")
def stored():
    return read_studies(STORED)


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.setenv("SCALINGLAB_DATA", str(PUBLIC))


def test_the_stored_run_is_complete_and_of_the_catalogue_s_tables(stored):
    assert list(stored) == [study.name for study in PUBLIC_STUDIES]
    assert set(stored.tables) == {"llama3", "chinchilla", *catalogue()}, "add a PublicStudy, run make studies"
    for name, checksum in stored.tables.items():
        assert checksum == data_card(name).sha256
    parts = {"runs", "methods", "waste", "joint waste", "hindcast", "certificate", "screening", "laws"}
    for name, study in stored.items():
        assert parts < set(study), name
        assert set(study["methods"]) == {"Approach 1", "Approach 2", "Approach 3", "VPNLS", "Huber"}
        for outcome in study["methods"].values():
            assert ("refused" in outcome) != ("concerns" in outcome)
        if "laws" in study["laws"]:
            assert {*study["laws"]["laws"], *study["laws"]["refused"]} == {law.name for law in LAWS}
    assert set(stored.versions) >= {"scalinglab", "numpy", "scipy"}


def test_tables_of_the_stored_run(stored):
    exponents = stored.exponents()
    assert len(exponents) + len(stored.refusals()) == 5 * len(stored)
    a = exponents.set_index(["study", "method"])["a"]
    assert a["llama3", "VPNLS"] == pytest.approx(0.5029, abs=1e-4)
    screened = stored.screened("Huber").set_index(["study", "stage"])
    assert screened.loc[("llama3", "all runs"), "fixed"] == screened.loc[("llama3", "all runs"), "refitted"]
    assert (stored.laws().query("law == 'additive'")["AICc"] == 0).all()
    others = stored.other_budgets()
    assert set(others["study"]) == set(screened.index.get_level_values(0))
    assert others["rank"].between(0, 1).all()


def test_every_stored_concern_is_of_a_kind(stored):
    table = stored.concerns()
    assert set(table.columns) == set(KINDS)
    assert table.loc["Misfitting", "repeats disagree"] == 3
    for study in stored.values():
        for outcome in study["methods"].values():
            assert all(kind_of(text) for text in outcome.get("concerns", ()))


def test_what_is_no_stored_run_is_told(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_studies(tmp_path / "absent.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ValueError, match="make studies writes one"):
        read_studies(tmp_path / "other.json")


@needs_tables
@pytest.mark.parametrize("name", ["marin-nemotron"])
def test_one_study_comes_out_again(stored, tables, name):
    """All numbers, to the tolerance by which ``make studies`` tells what differs: a thousandth, or 1e-6."""
    (study,) = (one for one in PUBLIC_STUDIES if one.name == name)
    again = tool.plain(study.examined(np.random.default_rng(tool.SEED)))
    again.pop("sha256")
    assert list(tool.differences(without_words(stored[name]), without_words(again))) == []


def without_words(value):
    """What was found, without its sentences, which are put better from time to time."""
    if isinstance(value, dict):
        return {key: without_words(one) for key, one in value.items() if key not in ("concerns", "notes")}
    if isinstance(value, list):
        return [without_words(one) for one in value]
    return "..." if isinstance(value, str) else value


def test_what_differs_is_told():
    old = {"a": 1.0, "b": [1, 2], "c": "a is 0.501 here", "d": None}
    assert list(tool.differences(old, {**old, "a": 1.0005, "c": "a is 0.502 here"})) == []
    assert list(tool.differences(old, {**old, "a": 1.002})) == ["a: 1.0 is now 1.002"]
    assert list(tool.differences(old, {**old, "b": [1, 3], "e": 0})) == ["b, 1: 2 is now 3", "e: new"]
    assert list(tool.differences(old, {**old, "c": "beta is 0.501 here"}))
    assert list(tool.differences(old, {"a": 1.0, "b": [1], "c": old["c"]})) == [
        "b: [1, 2] is now [1]",
        "d: no longer there",
    ]


def test_a_second_run_changes_nothing_and_a_changed_one_is_told(tmp_path, monkeypatch, capsys):
    run = {"date": "2026-01-01", "versions": {}, "tables": {"t": "0"}, "studies": {"s": {"a": 1 / 3}}}
    monkeypatch.setattr(tool, "run", lambda: tool.plain(run))
    path = tmp_path / "stored" / "studies.json"
    tool.main(path)
    first = path.read_bytes()
    run["date"] = "2026-01-02"
    tool.main(path)
    assert path.read_bytes() == first
    run["studies"]["s"]["a"] = 0.34
    tool.main(path)
    assert json.loads(path.read_text())["date"] == "2026-01-02"
    assert "studies, s, a: 0.33333 is now 0.34" in capsys.readouterr().out


def test_numbers_are_rounded_to_five_digits_and_the_day_can_be_given(monkeypatch):
    assert tool.plain({"x": (1 / 3, np.inf, 2, "t")}) == {"x": [0.33333, None, 2, "t"]}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert tool.today() == "1970-01-02"


ISOFLOP = ["marin-dclm", "marin-nemotron", "fineweb-c4"]


def lowest(runs, rho, log):
    """Lowest objective of six starts of L-BFGS-B with its gradient, in centred logs; all of 30 arrived."""
    n, d = np.log(runs.N) - np.log(runs.N).mean(), np.log(runs.D) - np.log(runs.D).mean()

    def objective(p):
        terms = np.exp(np.array([np.full_like(n, p[0]), p[1] - p[3] * n, p[2] - p[4] * d]))
        fitted = terms.sum(axis=0)
        residual = np.log(fitted / runs.L) if log else fitted - runs.L
        value, slope = rho(residual)
        slope = slope / fitted if log else slope
        moves = np.array([terms[0], terms[1], terms[2], -n * terms[1], -d * terms[2]])
        return 1e6 * value.sum(), 1e6 * moves @ slope

    rng = np.random.default_rng(0)
    starts = rng.uniform([-1, -4, -4, 0.05, 0.05], [0, 0, 0, 1.0, 1.0], (6, 5))
    starts[:, :3] += np.log(runs.L.mean())
    options = {"maxiter": 2000, "maxfun": 4000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 30}
    ends = [minimize(objective, start, jac=True, method="L-BFGS-B", options=options).fun for start in starts]
    return min(ends) / 1e6


def squares(r):
    return r**2, 2 * r


def huber(r, delta=1e-3):
    inside = np.abs(r) <= delta
    return np.where(inside, r**2 / 2, delta * (np.abs(r) - delta / 2)), np.clip(r, -delta, delta)


@needs_tables
@pytest.mark.parametrize("name", ISOFLOP)
def test_objectives_are_those_of_an_independent_optimiser(tables, name):
    runs = open_runs(name)
    for fit, rho, log in (
        (fit_vpnls(runs), squares, False),
        (fit_approach3(runs, loss=Squared(log=True)), squares, True),
        (fit_approach3(runs, loss=Huber(1e-3, log=True)), huber, True),
    ):
        assert fit.objective == pytest.approx(lowest(runs, rho, log), rel=1e-9)


@needs_tables
@pytest.mark.parametrize("name", ISOFLOP)
def test_parabolas_are_those_of_the_upstream_procedure(tables, name):
    """``np.polyfit`` of L in log10 N at each budget, curvature positive; then of log10 N* in log10 C."""
    runs = open_runs(name)
    budgets, vertices = [], []
    for C in np.unique(runs.C):
        N, L = runs.N[runs.C == C], runs.L[runs.C == C]
        c2, c1, _ = np.polyfit(np.log10(N), L, 2) if len(N) >= 3 else (0, 0, 0)
        if c2 > 0:
            budgets.append(np.log10(C))
            vertices.append(-c1 / (2 * c2))
    expected = np.polyfit(budgets, vertices, 1)[0]
    assert fit_approach2(runs, extrapolate=True).a == pytest.approx(expected, rel=1e-6)
