import csv
import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

import scalinglab
from scalinglab import Runs, data_card, fit_vpnls, load_chinchilla, load_llama3
from scalinglab._text import typeset
from scalinglab.data.datasets import checksum
from scalinglab.laws import CHINCHILLA_REFIT, SOURCES

DATA = Path(scalinglab.__file__).parent / "data/tables"
NAMES = ("llama3", "chinchilla")
each = pytest.mark.parametrize("name", NAMES)


def rows(name):
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@each
def test_checksum_matches_the_card(name):
    digest = hashlib.sha256((DATA / f"{name}.csv").read_bytes()).hexdigest()
    assert digest == data_card(name).sha256 == checksum(name)


@each
def test_card_describes_the_file(name):
    table, sheet = rows(name), data_card(name)
    assert len(table) == sheet.rows
    assert list(table[0]) == list(sheet.columns)
    assert sheet.citation in set(SOURCES.values())


@each
def test_card_is_the_toml_file(name):
    fields = tomllib.loads((DATA / f"{name}.toml").read_text(encoding="utf-8"))
    sheet = data_card(name)
    assert sheet.name == name
    for key, value in fields.items():
        assert getattr(sheet, key) == (tuple(value) if key == "caveats" else value)


@each
def test_card_in_markdown_tells_source_rows_and_caveats(name):
    sheet = data_card(name)
    text = sheet._repr_markdown_()
    for part in (sheet.title, str(sheet.rows), sheet.source, sheet.sha256[:16], *map(typeset, sheet.caveats)):
        assert part in text


def test_every_file_has_a_card():
    assert sorted(path.stem for path in DATA.glob("*.csv")) == sorted(NAMES)


@pytest.mark.parametrize("name", ["nope", "", "../data/llama3"])
def test_unknown_card(name):
    with pytest.raises(ValueError, match="'chinchilla' and 'llama3'"):
        data_card(name)


def test_llama3_rows_are_those_of_the_file():
    runs, table = load_llama3(), rows("llama3")
    assert len(runs) == data_card("llama3").rows == 133
    np.testing.assert_array_equal(runs.L, [float(row["loss"]) for row in table])
    np.testing.assert_array_equal(runs.D, [float(row["tokens"]) for row in table])
    np.testing.assert_array_equal(runs.C, [float(row["compute_flops"]) for row in table])
    np.testing.assert_allclose(6 * runs.N * runs.D, runs.C, rtol=1e-14)


def test_llama3_as_its_card_says():
    runs = load_llama3()
    assert len(runs.budgets) == 10
    assert (runs.budgets.min(), runs.budgets.max()) == (6e18, 1e22)
    assert len(runs.at(3e21)) == len(runs.at(1e22)) == 6
    assert np.ptp(np.log(runs.at(3e21).D)) == pytest.approx(np.log(2.2), abs=0.05)
    assert f"{runs.N.min() / 1e6:.2f} {runs.N.max() / 1e9:.2f}" == "58.72 16.76"
    sizes = np.sort(np.log(runs.N))
    assert 1 + (np.diff(sizes) > 1e-3).sum() == 49
    assert (runs.L.min().round(2), runs.L.max().round(2)) == (0.69, 0.93)


def test_chinchilla_rows_are_those_of_the_file():
    runs, table = load_chinchilla(), rows("chinchilla")
    assert len(runs) == data_card("chinchilla").rows == 245
    np.testing.assert_array_equal(runs.N, [float(row["params"]) for row in table])
    np.testing.assert_array_equal(runs.L, [float(row["loss"]) for row in table])
    stated = np.array([float(row["compute_flops"]) for row in table])
    np.testing.assert_allclose(runs.C, stated, rtol=1e-4)


def test_chinchilla_isoflops_are_the_rows_with_a_budget():
    runs = load_chinchilla("isoflops")
    table = [row for row in rows("chinchilla") if row["isoflop_budget"]]
    assert len(runs) == len(table) == 114
    np.testing.assert_array_equal(runs.C, [float(row["isoflop_budget"]) for row in table])
    np.testing.assert_array_equal(runs.D, [float(row["tokens"]) for row in table])
    assert len(runs.budgets) == 9
    assert (runs.budgets.min(), runs.budgets.max()) == (6e18, 3e21)


def test_chinchilla_as_its_card_says():
    runs, sources = load_chinchilla(), [row["loss_source"] for row in rows("chinchilla")]
    assert sources.count("right_panel") == 114
    assert sources.count("colour") == 130
    assert sources.count("colour_saturated") == 1
    assert runs.L[sources.index("colour_saturated")] == runs.L.max()
    highest = np.argsort(runs.L)[-5:]
    ratio = runs.D / runs.N
    assert set(highest) == set(np.argsort(ratio)[:5])
    assert ratio[highest].max() < 0.41


def test_unknown_part():
    with pytest.raises(ValueError, match="'all' or 'isoflops'"):
        load_chinchilla("some")


def test_loading_twice_gives_equal_independent_runs():
    first, second = load_llama3(), load_llama3()
    assert first is not second
    np.testing.assert_array_equal(first.L, second.L)


def test_saturated_loss_on_the_card():
    assert f"{load_chinchilla().L.max():.2f}" in data_card("chinchilla").caveats[0]


def test_a_common_factor_moves_the_floor_as_the_card_says_and_no_exponent():
    runs = load_chinchilla("isoflops")
    ours = fit_vpnls(runs).surface
    theirs = fit_vpnls(Runs(runs.N, runs.D, 1.0015 * runs.L, runs.C)).surface
    assert theirs.parameters == pytest.approx(
        ours.parameters | {name: 1.0015 * ours.parameters[name] for name in "EAB"}, rel=1e-6
    )
    moved = f"moves E by {0.0015 * CHINCHILLA_REFIT.E:+.4f} and no exponent"
    assert moved in " ".join(data_card("chinchilla").caveats)
