"""Laws of the literature: constants come back, spot values, provenance, the authors' own runs."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from scalinglab import Huber, Law, Runs
from scalinglab.laws import (
    MUENNIGHOFF,
    PUBLISHED_LAWS,
    LossSurface,
    RepeatedSurface,
    published,
    published_law,
)
from scalinglab.laws.law_records import FIRST_HAND, NONE, NOT_CHECKED, OUR_FIT, SECOND_HAND
from scalinglab.solvers.objectives import objective

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RUNS = 160

#: Numbers for what has none: of an ordinary size.
OWN = {
    "tied": {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.34},
    "power": {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37, "k": 0.45},
    "interaction": {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37, "K": -3e3},
    "annealing": {"L0": 2.0, "A": 0.5, "alpha": 0.5, "C": 0.3},
    "broken": {"a": 0.5, "b": 3.0, "c0": 0.1, "d1": 2e6, "f1": 0.4, "c1": 0.5},
    "progress": {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37, "a": 0.1, "b": 0.3},
    "parscale": {"A": 1e7},
    "parscale-pile": {"A": 1e7},
}
#: Laws whose fits take a while.
LONG = ("abnar", "kumar", "ludziejewski")

needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="the tables of published runs are not beside the repository (../shared/data)"
)


def columns_for(one, rng):
    """Columns of simulated runs, in the ranges of ordinary studies."""
    bits, experts = [3.0, 4, 6, 8, 12, 16], [1.0, 2, 4, 8, 16, 32, 64]

    def spread(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), RUNS))

    made = {
        "N": lambda: spread(1e7, 1e10),
        "D": lambda: spread(1e9, 1e12),
        "G": lambda: spread(1, 16),
        "S": lambda: rng.choice([0.01, 0.5, 0.75, 0.9, 0.95], RUNS),
        "experts": lambda: rng.choice(experts, RUNS),
        "Pw": lambda: rng.choice(bits, RUNS),
        "Pa": lambda: rng.choice(bits, RUNS),
        "Pkv": lambda: rng.choice(bits, RUNS),
        "V": lambda: spread(4e3, 1e5),
        "d": lambda: spread(200, 4000),
        "P": lambda: rng.choice([1.0, 2, 4, 8], RUNS),
        "S1": lambda: spread(0.1, 30),
        "S2": lambda: rng.uniform(0, 0.5, RUNS),
        "x": lambda: spread(1e4, 1e9),
        "year": lambda: rng.uniform(2012, 2024, RUNS),
    }
    columns = {name: made[name]() for name in one.columns if name != "U"}
    if "U" in one.columns:  # up to forty epochs, up to forty times too many parameters
        columns["U"] = columns["D"] / spread(1, 40)
        columns["N"] = columns["U"] * spread(5e-3, 2)
    return columns


def simulated(name):
    """Noise-free runs of a law at its own constants, and those."""
    one = published_law(name)
    columns = columns_for(one, np.random.default_rng(14))
    true = {**one.parameters, **OWN.get(name, {})}
    losses = one.law.loss(true, **columns)
    N, D = columns.pop("N", np.full(RUNS, 1e9)), columns.pop("D", np.full(RUNS, 1e11))
    return one, Runs(N, D, losses, extra=columns), true


def come_back(name):
    one, runs, true = simulated(name)
    fit = one.law.fit(runs, log=name.startswith("clark"))
    assert set(fit.names) <= set(true)
    assert {key: fit[key] for key in fit.names} == pytest.approx({k: true[k] for k in fit.names}, rel=1e-8)


@pytest.mark.parametrize("name", sorted(set(PUBLISHED_LAWS) - set(LONG)))
def test_constants_come_back(name):
    """Every constant from runs simulated at the printed ones, without starting values."""
    come_back(name)


@pytest.mark.parametrize("name", LONG)
def test_constants_of_laws_with_many_nonlinear_parameters_come_back(name):
    come_back(name)


#: A loss of each law, written out by hand.
SPOTS = {
    "krajewski": (
        {"N": 1e9, "D": 2e10, "G": 8.0},
        (2.1 / 8**0.58 + 18.1) / 1e9**0.115 + 30.8 / 2e10**0.147 + 0.47,
    ),
    "abnar": (
        {"N": 1e9, "D": 2e10, "S": 0.9},
        16612.5 / 1e9**0.5962
        + 5455.67 / 2e10**0.3954
        + 0.4598 * 0.1**0.1666
        + 17.26 / (0.1**0.1603 * 1e9**0.1595)
        + 0.94,
    ),
    "frantar": (
        {"N": 1e8, "D": 2e10, "S": 0.75},
        (16.8 * 0.25**0.722 + 45) * 1e8**-0.245 + (6.9e8 / 2e10) ** 0.203 + 0.651,
    ),
    "tao": (
        {"N": 3e8, "D": 5e9, "V": 32768.0, "d": 1024.0},
        -5.533 + 1.831 / 300**0.447 + 0.196 / 33.554432**0.671 + 2.124 / 5**0.447,
    ),
    "kaplan": (
        {"N": 1e9, "D": 2e10},
        ((6.4e13 / 1e9) ** (0.076 / 0.103) + 1.8e13 / 2e10) ** 0.103,
    ),
    "kumar": (
        {"N": 1e8, "D": 1e10, "Pw": 4.0, "Pa": 8.0, "Pkv": 16.0},
        2.7648
        + 18060 / 1e10**0.4965
        + 4299
        / (
            1e8
            * (1 - np.exp(-4 / 2.6745 - 0.3037))
            * (1 - np.exp(-8 / 2.2102 - 1.4072))
            * (1 - np.exp(-16 / 0.9578 - 2.4185))
        )
        ** 0.4965,
    ),
}


@pytest.mark.parametrize("name", SPOTS)
def test_a_loss_by_hand(name):
    columns, expected = SPOTS[name]
    assert published_law(name).loss(**columns) == pytest.approx(expected, rel=1e-12)


def test_repeated_data_is_the_surface_the_book_derives():
    one, surface = (
        published_law("muennighoff"),
        RepeatedSurface(MUENNIGHOFF, published.MUENNIGHOFF_R_D, published.MUENNIGHOFF_R_N),
    )
    N, D = np.meshgrid(np.geomspace(1e8, 1e11, 7), np.geomspace(1e9, 1e12, 7))
    for unique in (5e9, 1e11, 1e13):
        assert one.loss(N=N, D=D, U=unique) == pytest.approx(surface.loss(N, D, unique), rel=1e-12)


def test_routed_constants_are_those_printed_in_base_ten():
    one = published_law("clark")
    Es, Em = 1.847, 314.478
    for N, experts in ((1.5e7, 1), (3.7e8, 64), (1.3e9, 512)):
        Eh = np.log10(1 / (1 / (experts - 1 + 1 / (1 / Es - 1 / Em)) + 1 / Em))
        lg = np.log10(N)
        expected = 10 ** (-0.082 * lg - 0.108 * Eh + 0.009 * lg * Eh + 1.104)
        assert one.loss(N=N, experts=experts) == pytest.approx(expected, rel=1e-12)


def test_effective_experts_of_a_dense_model_are_the_smallest():
    """Ludziejewski's law at one expert has E_start of them, by hand."""
    one, Eh = published_law("ludziejewski"), 2.0732
    expected = 1.3637 + 35.91 * Eh**-0.2285 * 1e9 ** (-0.1889 + 0.0098 * np.log(Eh))
    expected += 35.98 * Eh**0.5529 * 2e10 ** (-0.1775 - 0.0259 * np.log(Eh))
    assert one.loss(N=1e9, D=2e10, experts=1) == pytest.approx(expected, rel=1e-12)


def test_the_outer_power_and_ties_are_the_surface_where_they_say_nothing():
    surface = LossSurface(1.7, 400.0, 2000.0, 0.34, 0.34)
    expected = surface.loss(1e9, 2e10)
    for name, more in (("power", {"k": 1.0}), ("tied", {}), ("interaction", {"K": 0.0})):
        assert published_law(name).law.loss({**surface.parameters, **more}, N=1e9, D=2e10) == expected


#: How each law and its constants were read.
READ = {
    "muennighoff": (FIRST_HAND, FIRST_HAND),
    "muennighoff-fresh": (FIRST_HAND, FIRST_HAND),
    "tied": (SECOND_HAND, NONE),
    "power": (SECOND_HAND, NONE),
    "interaction": (NONE, NONE),
    "kaplan": (SECOND_HAND, SECOND_HAND),
    "krajewski": (FIRST_HAND, FIRST_HAND),
    "abnar": (SECOND_HAND, SECOND_HAND),
    "frantar": (SECOND_HAND, NOT_CHECKED),
    "ludziejewski": (FIRST_HAND, FIRST_HAND),
    "clark": (SECOND_HAND, SECOND_HAND),
    "clark-rl-r": (SECOND_HAND, SECOND_HAND),
    "clark-hash": (SECOND_HAND, SECOND_HAND),
    "kumar": (FIRST_HAND, FIRST_HAND),
    "tao": (SECOND_HAND, SECOND_HAND),
    "parscale": (FIRST_HAND, OUR_FIT),
    "parscale-pile": (FIRST_HAND, OUR_FIT),
    "annealing": (SECOND_HAND, NONE),
    "broken": (SECOND_HAND, NONE),
    "progress": (SECOND_HAND, NONE),
}


def test_provenance_is_printed_as_it_is():
    assert set(PUBLISHED_LAWS) == set(READ)
    for name, (formula, constants) in READ.items():
        one = published_law(name)
        assert one.name == one.law.name == name
        assert f"formula {formula}, constants {constants}" in str(one)
        assert str(one).count(FIRST_HAND) == (formula, constants).count(FIRST_HAND)
        assert (constants == NONE) == (not one.parameters)
        for parameter, number in one.parameters.items():
            assert f"{parameter} {number:.6g}" in str(one)


def test_every_column_has_a_meaning_and_every_work_an_entry():
    bibliography = (Path(__file__).parents[2] / "book/references.bib").read_text(encoding="utf-8")
    for one in PUBLISHED_LAWS.values():
        assert set(one.columns) == one.law.names_of()
        assert all(one.columns.values())
        assert set(one.parameters) <= {*one.law.parameters(), *one.law.tie}
        if one.key:
            assert f"{{{one.key}," in bibliography
            assert f"{one.key}" in published_law.__doc__


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(
        ValueError, match=r"published_law: name is 'chinchila'; there are muennighoff, .*progress"
    ):
        published_law("chinchila")
    with pytest.raises(ValueError, match="name is 3"):
        published_law(3)


def test_without_numbers_there_is_no_loss():
    with pytest.raises(ValueError, match=r"parscale has no number for A; give your own to one\.law\.loss"):
        published_law("parscale").loss(N=1e9, P=2)
    one = published_law("parscale")
    assert one.law.loss({**one.parameters, "A": 1e7}, N=1e9, P=2) > one.parameters["E"]


def test_constants_cannot_be_changed():
    with pytest.raises(TypeError):
        published_law("tao").parameters["E"] = 0.0
    with pytest.raises(TypeError):
        PUBLISHED_LAWS["mine"] = published_law("tao")


def test_an_exponential_of_free_coefficients_asks_for_logs():
    one, runs, true = simulated("clark")
    with pytest.raises(ValueError, match="fit it with log=True"):
        one.law.fit(runs)
    assert "in log L (log=True)" in str(one.law)
    assert set(one.law.parameters()) == set(true)


def table(path, *columns):
    """Columns of a table of published runs."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [np.array([float(row[name] or "nan") for row in rows]) for name in columns]


@pytest.fixture(scope="module")
def repeated():
    """The 182 runs of Muennighoff et al."""
    N, D, U, L = table(
        DATA / "derived" / "datablations_182.csv", "params", "tokens", "unique_tokens", "val_loss"
    )
    return Runs(N, D, L, extra={"U": U})


@needs_data
def test_repetition_is_a_flat_valley_in_the_authors_own_objective(repeated):
    one, loss = published_law("muennighoff"), Huber(1e-3, log=True)

    def at(**other):
        predicted = one.law.loss({**one.parameters, **other}, N=repeated.N, D=repeated.D, **repeated.extra)
        return objective(loss, predicted, repeated.L)

    assert at() == pytest.approx(0.0158259, abs=5e-8)
    assert at(R_D=95.4, R_N=1.71) == pytest.approx(0.0158047, abs=5e-8)
    held = {name: one.parameters[name] for name in ("E", "A", "B", "alpha", "beta")}
    two = Law(one.law.formula, where=one.law.where, variables=("N", "D", "U"), fixed=held)
    fit = two.fit(repeated, loss)
    assert fit.objective <= at(R_D=95.4, R_N=1.71)
    assert fit["R_D"] == pytest.approx(95.4, abs=0.5)


@needs_data
def test_all_seven_parameters_of_repetition(repeated):
    fit = published_law("muennighoff").law.fit(repeated, Huber(1e-3), log=True)
    assert fit.objective == pytest.approx(0.0063650, abs=5e-8)
    assert (fit.alpha, fit.beta, fit.R_D, fit.R_N) == pytest.approx((0.248, 0.498, 46.9, 14.3), rel=5e-3)


@needs_data
def test_vocabulary_with_the_polynomial_as_the_authors_call_it():
    """Tokens from characters by a quadratic in ln V that their code hands V/1000; the cheapest left out."""
    V, d, H, N, C, L = table(
        DATA / "public" / "vocabulary.csv",
        *("vocab_size", "embed_dim", "num_characters", "Non_vocab_parameters", "FLOPs", "Lossu"),
    )
    kept = C >= 2.18e17

    def runs(V_given):
        x = np.log(np.minimum(V_given, 2e5))
        D = H * (0.00639222 * x**2 - 0.15811069 * x + 1.20470122)
        return Runs(N[kept], D[kept], L[kept], extra={"V": V[kept], "d": d[kept]})

    one, given = published_law("tao"), runs(V / 1000)
    predicted = one.loss(N=given.N, D=given.D, **given.extra)
    assert objective(Huber(1e-3), predicted, given.L) == pytest.approx(0.06230, abs=5e-6)
    fit = one.law.fit(given, Huber(1e-3))
    assert fit.objective == pytest.approx(0.06229, abs=5e-6)
    assert [fit[name] for name in ("E", "A1", "B")] == pytest.approx([5.533, 1.831, 2.124], rel=3e-3)
    assert one.law.fit(runs(V), Huber(1e-3)).alpha2 == pytest.approx(1.06, abs=0.005)


@needs_data
def test_routed_models_come_back_within_rounding():
    """Clark's S-BASE row from the last step of each of its 53 runs with one expert a token."""
    path = DATA / "public" / "routing.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (row["router_type"], row["k"], row["routing_frequency"]) == ("S-Base", "1", "0.5")
        ]
    last = {}
    for row in rows:
        step, loss = float(row["step"]), float(row["loss_validation"] or "nan")
        if step and np.isfinite(loss) and step >= last.get(row["hyper_id"], (0,))[0]:
            last[row["hyper_id"]] = (
                step,
                loss,
                float(row["dense_parameter_count"]),
                float(row["num_experts"]),
            )
    _, L, N, experts = np.array(list(last.values())).T
    assert len(L) == 53
    one = published_law("clark")
    fit = one.law.fit(Runs(N, np.full(53, 1.3e11), L, extra={"experts": experts}), log=True)
    ten = np.log(10)
    assert fit.a == pytest.approx(-0.0835, abs=5e-5)
    assert fit.b == pytest.approx(-0.119, abs=5e-4)
    assert fit.c * ten == pytest.approx(0.0102, abs=5e-5)
    assert fit.d / ten == pytest.approx(1.116, abs=5e-4)
    assert [fit[name] for name in ("Es", "Em")] == pytest.approx([1.88, 255.0], rel=3e-3)
    assert np.sqrt(np.mean(np.log(fit.predicted / L) ** 2)) == pytest.approx(0.0077, abs=5e-5)
    assert np.sqrt(np.mean(np.log(one.loss(N=N, experts=experts) / L) ** 2)) == pytest.approx(
        0.0088, abs=5e-5
    )
