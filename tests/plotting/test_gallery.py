"""Every picture against its stored baseline, and one look for each role in all of them."""

import inspect

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import shared_formulas  # noqa: F401  (pictures read their formulas once)
import shared_ticks  # noqa: F401  (and find their ticks once)
from gallery import BASELINE, EXAMPLES, drawn, save
from matplotlib.colors import to_hex
from matplotlib.testing.compare import compare_images

from scalinglab import plotting
from scalinglab.plotting import ROLES

#: Root mean square difference of pixels (0-255) below which pictures count as equal.
TOLERANCE = 0.5

#: Colour of each method, which nothing else may have.
METHODS = {to_hex(look["color"]): name for name, look in ROLES.items() if name.startswith(("App", "VPN"))}


@pytest.fixture(autouse=True)
def own_style():
    with matplotlib.rc_context():
        yield
    plt.close("all")


def test_every_public_picture_has_an_example():
    pictures = {
        name
        for name, member in ((name, getattr(plotting, name)) for name in plotting.__all__)
        if inspect.isfunction(member) and "Axes" in str(inspect.signature(member).return_annotation)
    }
    assert pictures == set(EXAMPLES)


def test_the_baseline_is_complete_and_small():
    files = {path.stem: path.stat().st_size for path in BASELINE.glob("*.png")}
    assert set(files) == set(EXAMPLES), "make gallery renews the baseline"
    assert max(files.values()) < 30_000
    assert sum(files.values()) < 12_000 * len(files)


def difference(figure, name, folder):
    path = folder / f"{name}.png"
    save(figure, path)
    found = compare_images(BASELINE / path.name, path, TOLERANCE, in_decorator=True)
    return 0.0 if found is None else found["rms"]


def roles_look_the_same(name, axes):
    for text in (text for ax in axes for text in ax.texts):
        named = next((role for role in ROLES if text.get_text().startswith(role)), None)
        if named and name != "exponent_map":  # there dark letters stand on colours
            assert to_hex(text.get_color()) == to_hex(ROLES[named]["color"]), text.get_text()
    for line in (line for ax in axes for line in ax.lines):
        named = next((role for role in ROLES if str(line.get_label()).startswith(role)), None)
        role = METHODS.get(to_hex(line.get_color()))
        if named:
            assert to_hex(line.get_color()) == to_hex(ROLES[named]["color"]), line.get_label()
        if role:
            marks = {ROLES[role]["marker"], "None", "", "|"}  # a tick marks the middle of an interval
            assert line.get_marker() in marks, f"{role} is marked {line.get_marker()}"
        if line.get_marker() == "x" and name != "screening":  # there every mark is a way to be dropped
            assert to_hex(line.get_color()) in (ROLES["truth"]["color"], ROLES["approximation"]["color"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_picture_is_the_stored_one_in_the_looks_of_its_roles(name, tmp_path):
    """Each picture is drawn once, and all is asked of it."""
    figure = drawn(name)
    roles_look_the_same(name, figure.axes)
    assert not [ax.get_title() for ax in figure.axes if ax.get_title()], "titles stand outside pictures"
    assert difference(figure, name, tmp_path) <= TOLERANCE, "look at it; make gallery accepts it"


def shift_a_label(figure):
    text = figure.axes[0].texts[0]
    x, y = text.xyann
    text.xyann = (x + 12, y)


def recolour_a_line(figure):
    figure.axes[0].lines[-1].set_color("#0072B2")


def rename_an_axis(figure):
    figure.axes[0].set_ylabel("loss l")


@pytest.mark.parametrize(
    ("change", "name"),
    [(shift_a_label, "deadweight"), (recolour_a_line, "deadweight"), (rename_an_axis, "missed_minimum")],
)
def test_a_changed_picture_is_noticed(change, name, tmp_path):
    """In pictures where it shows little."""
    figure = drawn(name)
    change(figure)
    assert difference(figure, name, tmp_path) > TOLERANCE


def test_examples_are_drawn_alike_twice(tmp_path):
    first, second = tmp_path / "a.png", tmp_path / "b.png"
    for path in (first, second):
        save(drawn("exponent_spread"), path)
    assert np.array_equal(plt.imread(first), plt.imread(second))
