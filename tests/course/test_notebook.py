import json

import matplotlib
import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup

from scalinglab.course import Explorer, show_source, show_text
from scalinglab.theory import leading_shift

matplotlib.use("Agg")


def draw(value):
    plt.plot([0, value])
    return f"the value is {value} < 10"


@pytest.fixture(scope="module")
def explorer():
    return Explorer(draw, [1, 2, 3], label="a value", alt="a line that rises", show="{} units".format)


@pytest.fixture(scope="module")
def element(explorer):
    return BeautifulSoup(explorer.to_html(), "html.parser")


def test_a_sentence_is_printed_outside_a_notebook(capsys):
    show_text("a -3, 1e-3, 1.5e+22 and `1e-3` stay apart")
    plain = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", "_")
    assert plain == "a \N{MINUS SIGN}3, 10⁻³, 1.5_×_10²² and `1e-3` stay apart\n"


def test_the_static_element_starts_in_the_middle(element):
    assert element.input["value"] == "1"
    assert element.output.get_text() == "2 units"
    assert element.figcaption.get_text() == "the value is 2 < 10"


def test_the_static_element_carries_every_frame(element):
    parts, frames = json.loads(element.select_one('script[type="application/json"]').string)
    assert [value for value, *_ in frames] == ["1 units", "2 units", "3 units"]
    pictures = ["\n".join(parts[k] for k in which) for _, _, which in frames]
    assert len(set(pictures)) == 3
    shown = element.select_one(".explorer-picture").decode_contents()
    assert shown == BeautifulSoup(pictures[1], "html.parser").decode()
    assert sum(map(len, parts)) < sum(map(len, pictures)) / 2  # what frames share is kept once


def test_the_static_element_can_be_used_without_sight(element):
    assert element.label["for"] == element.input["id"]
    assert element.select_one("[role=img]")["aria-label"] == "a line that rises"
    assert element.figcaption["aria-live"] == "polite"
    assert element.input["aria-valuetext"] == "2 units"


@pytest.fixture(scope="module")
def bare():
    """An explorer whose pictures have no Axes: they are drawn in no time."""

    def empty(value):
        plt.figure()
        return "nothing"

    return Explorer(empty, [1, 2], label="v", alt="nothing")


def test_two_explorers_on_a_page_do_not_share_names(bare):
    names = {BeautifulSoup(bare.to_html(), "html.parser").figure["id"] for _ in range(2)}
    assert len(names) == 2


def test_the_live_slider_redraws(explorer):
    slider, picture, readout = explorer.to_widget().children
    assert 'alt="a line that rises"' in picture.value
    before = picture.value
    slider.index = 2
    assert picture.value != before
    assert readout.value == "the value is 3 &lt; 10"


def test_the_book_gets_html_and_a_person_a_widget(bare, monkeypatch):
    monkeypatch.setenv("SCALINGLAB_STATIC", "1")
    assert "text/html" in bare._repr_mimebundle_()
    monkeypatch.delenv("SCALINGLAB_STATIC")
    assert "application/vnd.jupyter.widget-view+json" in bare._repr_mimebundle_()


@pytest.mark.parametrize("values", [[1], list(range(41))])
def test_a_slider_has_a_sensible_number_of_positions(values):
    with pytest.raises(ValueError, match=f"{len(values)} values; give 2 to 40"):
        Explorer(draw, values, label="v", alt="a")


def test_source_is_shown_without_its_docstring(monkeypatch, capsys):
    show_source(leading_shift)
    printed = capsys.readouterr().out
    assert "** 2 / 10" in printed
    assert '"""' not in printed
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    monkeypatch.setattr("scalinglab.course.notebook.in_notebook", lambda: True)
    show_source(leading_shift)
    assert shown[0].data.strip() == printed.strip()


def test_frames_leave_no_figure_open(bare):
    bare.frames()
    assert not plt.get_fignums()


def test_axes_keep_still_and_leave_room_for_every_frame():
    def high(value):
        _, ax = plt.subplots(layout="constrained")
        ax.plot([0, value])
        ax.annotate(
            f"{value:,}", (1, value), xytext=(8, 0), textcoords="offset points", annotation_clip=False
        )
        axes.append(ax)
        return "high"

    axes = []
    Explorer(high, [3, 10**9], label="v", alt="a").frames()
    assert len({(ax.get_xlim(), ax.get_ylim(), ax.get_position().bounds) for ax in axes}) == 1
    assert axes[0].get_ylim()[1] > 10**9
    for ax in axes:
        assert ax.figure.get_tightbbox().x1 <= ax.figure.get_size_inches()[0]
    axes.clear()
    slider = Explorer(high, [3, 10**9], label="v", alt="a").to_widget().children[0]
    slider.index = 0
    assert axes[-1].get_ylim()[1] > 10**9


def test_an_axis_that_reads_otherwise_finds_room():
    def labelled(value):
        _, ax = plt.subplots(layout="constrained")
        ax.set_ylabel("a line\n" * value)
        axes.append(ax)
        return "labelled"

    axes = []
    Explorer(labelled, [1, 2, 9], label="v", alt="a").frames()
    assert len({ax.get_position().bounds for ax in axes}) == 1
    assert min(ax.figure.get_tightbbox().x0 for ax in axes) >= 0
