"""Whatever is passed gets an answer or words: examples by name, and thousands of random calls a run."""

import collections
import copy
import decimal
import math
import os
import pickle
import signal
from decimal import Decimal
from fractions import Fraction

import fuzz
import joblib
import numpy as np
import pandas as pd
import pytest
from every_name import TRUTH, design, fit, rng, runs

import scalinglab as sl
from scalinglab import data, fitting, laws, studies
from scalinglab.theory.vertex_formulas import SMALL

guarded = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the guard on time needs Unix signals")


@guarded
def test_random_calls_get_an_answer_or_words(tmp_path, monkeypatch):
    """And there are many of either; fuzz.py, run as a program, tries other seeds."""
    monkeypatch.chdir(tmp_path)
    calls, counts, wrong = 6000, collections.Counter(), []
    before = {number: signal.getsignal(number) for number in (signal.SIGPROF, signal.SIGALRM)}
    try:
        for label, said, text, _ in fuzz.fuzz(2, calls):
            counts[said if said in ("answer", "words") else "other"] += 1
            if said not in ("answer", "words"):
                wrong.append(f"{label}({text}): {said}")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert not wrong, f"{len(wrong)} of {calls} calls\n" + "\n".join(wrong[:20])
    assert min(counts["answer"], counts["words"]) > calls / 10, "the calls are all of one kind"


FRAME = pd.DataFrame({"N": [1e8, 2e8], "D": [1e9, 2e9], "L": [3.0, 2.9]})


@pytest.mark.parametrize("table", [FRAME, "runs.csv", FRAME.to_dict(), FRAME.to_numpy(), 3, None, [FRAME]])
@pytest.mark.parametrize(
    "takes_runs",
    [
        sl.fit_vpnls, sl.fit_approach2, sl.fit_approach3, sl.screen, fitting.fit_parabola,
        fitting.fit_every_budget,
        lambda table: sl.hindcast(table, 1e20), lambda table: sl.bootstrap(table, fit(), 3, rng()),
        lambda table: fitting.objective_map(table, 0.3, 0.3),
        lambda table: fitting.solve_coefficients(table, 0.3, 0.3),
        lambda table: studies.published_search(table, TRUTH),
    ],
)  # fmt: skip
def test_a_table_where_runs_are_meant_is_told_how_to_become_some(takes_runs, table):
    with pytest.raises(ValueError, match=r"runs is .*Runs\.from_frame"):
        takes_runs(table)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sl.fit_vpnls(runs(), 1e-3), "fit_vpnls: loss is 0.001; give Squared"),
        (lambda: sl.fit_approach3(runs(), sl.Huber), "fit_approach3: loss is"),
        (lambda: sl.bootstrap(runs(), fit(), 10, 0), "bootstrap: rng is 0; give numpy.random.default_rng"),
        (lambda: sl.bootstrap(runs(), fit(), 10, np.random.Generator), "rng is"),  # numpy would crash
        (lambda: design().runs(TRUTH, 0.1, 7), "rng is 7"),
        (lambda: sl.bootstrap(runs(), fit(), "many", rng()), "draws is 'many'"),
        (lambda: sl.bootstrap(runs(), fit(), np.inf, rng()), "draws is inf"),
        (lambda: sl.bootstrap(runs(), fit(), 10**12, rng()), "draws is .* from 2 to 10000000"),
        (lambda: sl.approach2_bias(0.34, design()), "surface is 0.34; give a LossSurface"),
        (lambda: sl.misallocation(3.0, TRUTH, 1e20), "plan is 3.0"),
        (lambda: sl.misallocation(TRUTH, TRUTH, C=True), "C is True"),
        (lambda: sl.certify(fit(), cells=np.nan), "cells is nan"),
        (lambda: runs().take([0.5]), "which is"),
        (lambda: runs().at("1e18"), "C is '1e18'"),
        (lambda: sl.hindcast(runs(), "1e21"), "highest is '1e21'"),
        (lambda: sl.Runs([1e8, 2e8], [1e9, 2e9], [True, False]), "row 0 is .*True.*not a number"),
        (lambda: sl.Runs(["1_0", "20"], [1e9, 2e9], [3.0, 2.9]), "row 0 is '1_0', not a number"),
        (lambda: TRUTH.loss("1_0", 1e9), "N is '1_0'"),
        (lambda: sl.LossSurface(1.0, 1e300, 1e-300, 0.01, 0.01).N_opt(1e20), "beyond what a float can hold"),
        (lambda: sl.LossSurface(1.0, 1e-300, 1e300, 0.01, 0.01).D_opt(1e20), "beyond what a float can hold"),
        (lambda: sl.LossSurface(0.0, 1e10, 1e10, 100, 100).loss(1e-300, 1e-300),
        "beyond what a float can hold"),
        (lambda: sl.LossSurface(0.0, 1.0, 1.0, 1e-9, 1e-9).C_for(1e-3), "beyond what a float can hold"),
        (lambda: studies.noise_studies(repeats=10**9), "repeats is 1000000000"),
        (lambda: data.simulate_curves(TRUTH, [1e8], [1e9], steps=1e12), "steps"),
        (lambda: studies.coverage(TRUTH, design(), 0.1, 10**15, rng()), "studies is"),
        (lambda: sl.vertex_shift(0.3, 0.3, 4, points=10**12), "points is 1000000000000"),
        (lambda: laws.Surfaces([1, 2], [1, 2, 3], 1, 1, 1), "shapes do not match: E .2,., A .3,."),
    ],
)  # fmt: skip
def test_named_examples(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("header", ["N,N,D,L", "N,D,L,L"])
def test_a_header_that_names_a_column_twice(tmp_path, header):
    path = tmp_path / "runs.csv"
    path.write_text(f"{header}\n1e8,1e8,2e9,3\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"names '[NL]' twice"):
        sl.Runs.read_csv(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"path is .*cannot be read"):
        sl.Runs.read_csv(tmp_path / "no.csv")


def through_joblib(thing, folder):
    joblib.dump(thing, folder / "thing")
    return joblib.load(folder / "thing")


@pytest.mark.parametrize(
    "copied",
    [
        lambda thing, _: copy.copy(thing),
        lambda thing, _: copy.deepcopy(thing),
        lambda thing, _: pickle.loads(pickle.dumps(thing)),
        through_joblib,
    ],
)
def test_runs_and_designs_stay_read_only(copied, tmp_path):
    again = copied(runs(), tmp_path)
    for letter in "NDLC":
        assert np.array_equal(getattr(again, letter), getattr(runs(), letter))
        with pytest.raises(ValueError, match="read-only"):
            getattr(again, letter)[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        copied(design(), tmp_path).budgets[0] = 1
    inside = copied(fit(), tmp_path).runs
    with pytest.raises(ValueError, match="read-only"):
        inside.N[0] = 1


# Exponents next to zero, against as many digits as it takes.


def exact_shift(alpha, beta, reach, points, offset):
    """The vertex by its definition, on the points of the grid or as an integral, in as many digits as cancel.

    Differences of fourth order in the exponents cancel in it, twice in the smaller one.
    """
    with decimal.localcontext(prec=60 - 3 * math.floor(math.log10(min(alpha, beta)))):
        a, b, U, u0 = Decimal(alpha), Decimal(beta), Decimal(reach).ln(), -Decimal(offset).ln()
        grid = [U * (Decimal(2 * k) / (points - 1) - 1) for k in range(points or 0)]

        def moment(k, rate):
            """Mean of u^k e^(rate u)."""
            if points:
                return sum((u**k if k else 1) * (rate * u).exp() for u in grid) / points
            terms, total = Decimal(1), Decimal(0)
            for j in range(60):
                if (j + k) % 2 == 0:
                    total += terms * U**k / (j + k + 1)
                terms = terms * rate * U / (j + 1)
            return total

        p, q = b * (-a * u0).exp(), a * (b * u0).exp()
        m0, m1, m2 = (p * moment(k, -a) + q * moment(k, b) for k in range(3))
        M2, M4 = moment(2, Decimal(0)), moment(4, Decimal(0))
        return float(u0 - m1 / M2 / (2 * (m2 - M2 * m0) / (M4 - M2**2)))


@pytest.mark.parametrize("points", [None, 5])
@pytest.mark.parametrize("offset", [1.0, 3.0])
@pytest.mark.parametrize(
    "exponents",
    [(1e-9, 2e-9), (1e-300, 3e-300), (1e-9, 0.3), (0.3, 1e-9), (1e-200, 0.5), (1e-3, 2e-3), (0.05, 0.02)],
)
def test_vertex_shift_at_exponents_next_to_zero(exponents, offset, points):
    exact = exact_shift(*exponents, 4.0, points, offset)
    assert sl.vertex_shift(*exponents, 4.0, points, offset) == pytest.approx(exact, rel=1e-12)


def test_the_series_of_vertex_shift_meets_the_formulas():
    # 3 (cosh u / u - sinh u / u^2) / u, by the series of both: 1 + u^2 / 10 + u^4 / 280
    cosh, sinh = ([Fraction(1, math.factorial(2 * k + odd)) for k in (1, 2, 3)] for odd in (0, 1))
    series = [3 * (one - other) for one, other in zip(cosh, sinh, strict=True)]
    assert series == [1, Fraction(1, 10), Fraction(1, 280)]
    edge = SMALL / np.log(4)
    for points in (None, 5, 15):
        below, above = (
            sl.vertex_shift(x, 0.5 * x, 4, points) for x in (edge * (1 - 1e-9), edge * (1 + 1e-9))
        )
        assert above == pytest.approx(below, rel=1e-8)
    mixed = sl.vertex_shift(np.array([1e-9, 0.34]), np.array([2e-9, 0.28]), 4)
    assert mixed.tolist() == [sl.vertex_shift(1e-9, 2e-9, 4), sl.vertex_shift(0.34, 0.28, 4)]


# A comparison keeps what it has.


def counted(runs):
    counted.calls += 1
    if counted.calls == counted.stop:
        raise KeyboardInterrupt
    return sl.fit_vpnls(runs)


def test_an_interrupted_comparison_goes_on_where_it_stopped(tmp_path):
    several, store = studies.noise_studies(repeats=1, points=(8,)), tmp_path / "outcomes.jsonl"
    counted.calls, counted.stop = 0, 5
    with pytest.raises(KeyboardInterrupt):
        studies.compare_methods(several, {"VPNLS": counted}, rng(), store=store)
    assert len(store.read_text().splitlines()) == 4
    with store.open("a") as file:
        file.write('{"key": "cut sh')  # killed while it wrote
    counted.calls, counted.stop = 0, -1
    found = studies.compare_methods(several, {"VPNLS": counted}, rng(), store=store)
    assert counted.calls == len(several) - 4
    assert found.outcomes == studies.compare_methods(several, {"VPNLS": sl.fit_vpnls}, rng()).outcomes
    again = studies.compare_methods(several, {"VPNLS": counted}, rng(), store=store)
    assert counted.calls == len(several) - 4
    assert again.outcomes == found.outcomes


def test_a_store_that_is_none(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("remember the milk\n")
    with pytest.raises(ValueError, match=r"line 1 of store .* is no outcome"):
        studies.compare_methods(studies.noise_studies(repeats=1), None, rng(), store=path)
    assert path.read_text() == "remember the milk\n"


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs Unix signals")
def test_a_killed_worker_costs_its_study_alone():
    several = studies.noise_studies(repeats=1, points=(8,))[:1]
    several = studies.draw_from_one_stream(several, rng())

    def method(runs):  # defined here, so that no worker imports this file
        os.kill(os.getpid(), signal.SIGKILL)

    with joblib.parallel_config(n_jobs=2):
        found = studies.compare_methods(several, {"VPNLS": method})
    assert [bool(outcome.failure) for outcome in found.outcomes] == [True]
    assert "killed" in found.outcomes[0].failure


def test_many_starts_show_their_progress(capsys):
    sl.fit_approach3(runs(), starts=fitting.hoffmann_starts()[::1500], progress=True)
    assert "3/3" in capsys.readouterr().err
