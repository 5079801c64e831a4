"""Figures in the dark: every colour has a partner that can be seen and tells the same."""

import base64
import io
import re
from pathlib import Path

from matplotlib import colormaps
from matplotlib.colors import to_hex
from pages import extension

from scalinglab.plotting.style import CAMPS, ROLES, SPARE_LOOKS, budget_colours

USED = sorted(
    {to_hex(look["color"]) for look in (*ROLES.values(), *SPARE_LOOKS, *CAMPS.values())}
    | {to_hex(colour) for colour in budget_colours(range(9))}
    | {"#666666", "#444444", "#56b4e9"}
)


FIGURES = extension("figures")


def test_a_colour_that_draws_can_be_seen_in_the_dark():
    partners = {colour: FIGURES.channels(FIGURES.in_the_dark(colour)) for colour in USED}
    assert not [colour for colour, seen in partners.items() if FIGURES.contrast(seen, FIGURES.GROUND) <= 3]


def test_what_is_darker_on_the_light_page_is_lighter_on_the_dark_one():
    for shades in (
        ["#222222", "#7f7f7f", "#e6e6e6"],
        [to_hex(colormaps["viridis"](k / 6)) for k in range(7)],
    ):
        kept = [
            FIGURES.contrast(FIGURES.channels(FIGURES.in_the_dark(one)), FIGURES.GROUND) for one in shades
        ]
        assert kept == sorted(kept, reverse=True)


def test_a_link_can_be_read_where_a_search_has_marked_it():
    sheet = (Path(__file__).parents[2] / "book/_static/book.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--pst-color-link: (#\w+); --pst-color-target: (#\w+);", sheet)
    assert len(pairs) == 2
    for link, mark in pairs:
        assert FIGURES.contrast(FIGURES.channels(link), FIGURES.channels(mark)) >= 4.5


def test_a_colour_bar_has_a_partner_that_agrees_with_the_points():
    from PIL import Image

    def data(colours):
        buffer = io.BytesIO()
        Image.frombytes("RGB", (len(colours), 1), bytes(sum(map(FIGURES.channels, colours), ()))).save(
            buffer, "png"
        )
        return base64.b64encode(buffer.getvalue()).decode()

    bar = ["#440154", "#fde725"]
    drawn = FIGURES.inline(
        f'<svg><image href="data:image/png;base64,{data(bar)}" x="1"/></svg>', "A bar of colours."
    )
    day, night = re.findall(r'base64,([^"]*)" x="1" class="by-(?:day|night)"', drawn)
    assert day == data(bar)
    pixels = Image.open(io.BytesIO(base64.b64decode(night))).convert("RGB")
    seen = [pixels.getpixel((k, 0)) for k in range(2)]
    assert seen == [FIGURES.channels(FIGURES.in_the_dark(one)) for one in bar]


def test_text_and_ground_are_those_of_the_page():
    drawn, style = FIGURES.themed('<g style="fill: #000000; stroke: #ffffff"/><g style="stroke: #0072b2"/>')
    assert 'fill: currentColor; stroke: var(--figure-ground)"' in drawn
    assert 'stroke: var(--c0)"' in drawn
    assert re.fullmatch(r"--l0:#0072b2;--d0:#[0-9a-f]{6}", style)
    assert "--c0:var(--d0)" in FIGURES.stylesheet()
