import re

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from scalinglab import load_llama3, plotting
from scalinglab.plotting.drawings import drawing, written
from scalinglab.plotting.style import label_ends


@pytest.fixture(scope="module")
def drawn():
    plotting.use_style()
    figure = plotting.run_map(load_llama3()).figure
    plt.close("all")
    return drawing(figure)


def test_letters_are_text_and_no_family_or_ground_is_named(drawn):
    assert ">parameters N</text>" in drawn
    assert not re.search(r"font-family|metadata|<!--|<\?xml|xmlns|\.\d{3}[ \"]", drawn)
    assert drawn.startswith("<svg viewBox=")


def test_the_same_figure_is_the_same_drawing(drawn):
    plotting.use_style()
    again = drawing(plotting.run_map(load_llama3()).figure)
    plt.close("all")
    assert again == drawn


def test_names_that_a_drawing_refers_to_are_its_own(drawn):
    named, used = re.findall(r'id="([^"]+)"', drawn), re.findall(r'(?:url\(|href=")#([^)"]+)', drawn)
    assert set(named) == set(used) != set()
    other = drawing(Figure(figsize=(2, 2)), mark="other")
    assert not set(named) & set(re.findall(r'id="([^"]+)"', other))


def test_dots_are_circles_that_say_once_how_they_look():
    figure, ax = plt.subplots()
    ax.plot(range(50), "o", color="#123456", clip_on=False)
    ax.scatter([10, 30], [30, 10], s=[40, 400])
    drawn = drawing(figure)
    plt.close("all")
    assert drawn.count("<circle") == 3  # one mark for all fifty, and two that differ in size
    assert drawn.count("#123456") < 5  # fill and stroke, of the mark and of all dots
    radii = sorted(float(one) for one in re.findall(r' r="([\d.]+)"', drawn))
    assert radii[2] == pytest.approx(radii[1] * 10**0.5, abs=0.02)


def test_labels_at_ends_follow_the_limits():
    ax = plt.subplots()[1]
    ax.plot([0, 1], [0, 1])
    label_ends(ax, 1, [(1.0, "high", "black"), (0.0, "low", "black")])
    ax.set_ylim(0, 4)
    assert [text.xy[1] for text in ax.texts] == pytest.approx([0, 0.25])
    plt.close("all")


def test_a_figure_is_laid_out_and_drawn_once_without_small_ticks(monkeypatch):
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: (drawn.append(self), draw(self, renderer)))
    figure, ax = plt.subplots(layout="constrained")
    ax.set(xscale="log", yscale="log", xlim=(1, 1e3), ylim=(1, 20))
    first = ax.get_position().bounds
    written(figure)
    assert drawn == [figure]
    assert ax.get_position().bounds != first
    assert len(ax.xaxis.get_minorticklocs()) == 0
    assert len(ax.yaxis.get_minorticklocs()) > 5
    plt.close("all")
