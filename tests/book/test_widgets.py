"""The widgets of the workbench in a real browser: they answer to sliders, fields, files and fingers."""

import ast
import html
import json
import re
import shlex

import numpy as np
import pytest
from workbench_cases import GOOD, TABLES

from scalinglab import CHINCHILLA, IsoflopDesign, approach2_bias, fit_approach2, fit_vpnls, load_llama3
from scalinglab._text import format_count
from scalinglab.laws import ASYMMETRIC

TARGET = 1e24


@pytest.fixture(scope="module")
def script(extension):
    """The script that pages load, and its stylesheet."""
    made = extension("workbench_script")
    return made.bundle(), (made.SOURCES / "workbench.css").read_text(encoding="utf-8")


@pytest.fixture
def widgets(sheet, extension, script):
    """Opens a page with one widget, as wide as asked, on a touch screen."""

    def open_one(kind, width=1280, **options):
        code, css = script
        given = html.escape(json.dumps(getattr(extension("workbench"), kind)(options)[0]))
        sheet.go("about:blank", width)
        sheet.tab.set_content(
            f'<!doctype html><html lang="en" data-theme="light"><title>{kind}</title><style>{css}</style>'
            f'<main><div class="workbench" data-widget="{kind}" data-options="{given}">still</div></main>'
            f"<script>{code}</script></html>"
        )
        return sheet.tab

    yield open_one
    assert sheet.complaints() == []


def numbers_of(tab):
    return tab.locator(".wb-results dd").all_inner_texts()


def vertices_of(tab):
    return tab.evaluate(
        "[...document.querySelectorAll('.wb-mark.wb-approach2')].map(mark => mark.getAttribute('d'))"
    )


def drag(tab, name, by):
    """Drag a ring sideways with a finger, which the page must not take for scrolling."""
    ring = tab.locator(".wb-handle", has_text=name).bounding_box()
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    finger = tab.context.new_cdp_session(tab)
    for kind, share in [("touchStart", 0), *(("touchMove", k / 5) for k in range(1, 6)), ("touchEnd", None)]:
        points = [] if share is None else [{"x": x + by * share, "y": y + 5 * share}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_runs_without_noise_are_met_to_rounding(widgets):
    tab = widgets("fit")
    runs = IsoflopDesign([1e18, 1e19, 1e20], reach=4, points=7).runs(CHINCHILLA)
    rows = zip(runs.N.tolist(), runs.D.tolist(), runs.L.tolist(), strict=True)
    tab.get_by_label("Your runs").fill("N,D,L\n" + "".join(f"{N!r},{D!r},{L!r}\n" for N, D, L in rows))
    tab.locator(".wb-table tr", has_text="α").get_by_text("0.34", exact=True).wait_for()
    assert tab.locator(".wb-contour").count() > 20


def test_a_study_answers_to_sliders_fields_and_fingers(widgets):
    tab = widgets("isoflop")
    bias = approach2_bias(ASYMMETRIC, IsoflopDesign(np.geomspace(1e17, 1e21, 5)))
    said = [
        f"{100 * (factor - 1):+.1f}".replace("-", "−")
        for factor in (bias.N_factor(TARGET), bias.D_factor(TARGET))
    ]
    assert [text.split("\u00a0")[0] for text in numbers_of(tab)[:2]] == said
    seen = [vertices_of(tab)]
    reach = tab.get_by_label("reach (×)").last
    reach.focus()
    tab.keyboard.press("ArrowLeft")
    seen.append(vertices_of(tab))
    assert float(tab.get_by_label("reach (×)").first.input_value()) < 16
    tab.get_by_label("offset (×D*)").first.fill("3")
    seen.append(vertices_of(tab))
    drag(tab, "drag the top grid", 40)
    seen.append(vertices_of(tab))
    assert float(tab.get_by_label("drift (×)").first.input_value()) < 0.6
    tab.get_by_label("surface").select_option("Symmetric")
    seen.append(vertices_of(tab))
    assert len({tuple(marks) for marks in seen}) == len(seen)
    tab.get_by_label("α, of size").first.fill("nonsense")
    assert tab.get_by_label("α, of size").first.get_attribute("aria-invalid") is not None
    for picture in tab.locator("svg[role=img]").all():
        assert len(picture.get_attribute("aria-label")) > 60
    tab.locator(".wb-spoken", has_text="Approach 2 asks for").wait_for(state="attached")


def test_a_table_is_fitted_questioned_and_refused(widgets, tmp_path):
    tab = widgets("fit")
    tab.get_by_role("button", name="Try Llama 3's 133 runs").click()
    cells = tab.locator(".wb-table tr", has_text="N*").first.inner_text()
    fit = fit_vpnls(load_llama3())
    assert format_count(fit.N_opt(3.8e25)) in cells
    assert format_count(fit_approach2(load_llama3()).N_opt(3.8e25)) in cells
    area = tab.get_by_label("Your runs")
    area.fill(TABLES[4])
    tab.locator(".wb-refusal", has_text="line 3: 'tokens' is empty").wait_for()
    tab.get_by_label("leave out incomplete rows").check()
    tab.locator(".wb-notes", has_text="left out 1 incomplete of 8 rows").wait_for()
    assert "--drop-incomplete" in tab.locator("pre").inner_text()
    path = tmp_path / 'my "first" sweep $1.csv'
    two = GOOD.splitlines()
    path.write_text("\n".join([two[0] + ",eval_loss", *(f"{line},{k}" for k, line in enumerate(two[1:], 1))]))
    tab.locator("input[type=file]").set_input_files(path)
    tab.locator(".wb-refusal", has_text="'loss', 'eval_loss' may each be L").wait_for()
    tab.locator(".wb-choice select").select_option("loss")
    tab.locator(".wb-notes", has_text="8 runs").wait_for()
    lines = tab.locator("pre").inner_text()
    assert shlex.split(lines.splitlines()[0])[2] == path.name
    assert '--column "L=loss"' in lines
    assert ast.literal_eval(re.search(r"read_runs\((.*?), columns=", lines)[1]) == path.name
    compile(lines.partition("\n\n")[2], "lines", "exec")
    dropped = tab.evaluate_handle(
        """text => {
          const held = new DataTransfer();
          held.items.add(new File([text], "dropped.csv"));
          return held;
        }""",
        GOOD,
    )
    area.dispatch_event("drop", {"dataTransfer": dropped})
    tab.locator("pre", has_text='scalinglab fit "dropped.csv"').wait_for()
    tab.get_by_label("budget in FLOPs").fill("1e22")
    tab.locator("caption", has_text="At 10²² FLOPs").wait_for()
    tab.get_by_label("budget in FLOPs").fill("1e-300")
    tab.locator(".wb-refusal", has_text="such as 3.8e25").wait_for()
    tab.get_by_label("budget in FLOPs").fill("1e22")
    area.fill("N,D,L\n1e200,1e200,3.0\n")
    tab.locator(".wb-refusal", has_text="compute of line 2 ('C') is inf").wait_for()


def test_a_brief_study_folds_what_it_does_not_need(widgets):
    tab = widgets("isoflop", brief=None)
    assert tab.get_by_label("reach (×)").last.is_visible()
    assert not tab.get_by_label("α, of size").last.is_visible()
    tab.get_by_text("Surface and budgets").click()
    assert tab.get_by_label("α, of size").last.is_visible()


@pytest.mark.parametrize("kind", ["isoflop", "fit"])
def test_letters_can_be_read_and_all_fits_on_a_telephone(widgets, kind):
    tab = widgets(kind, width=390)
    if kind == "fit":
        tab.get_by_role("button", name="Try").click()
    tab.locator("svg").first.wait_for()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = tab.evaluate(
        "[...document.querySelectorAll('svg text')].map(text => parseFloat(getComputedStyle(text).fontSize))"
    )
    assert min(sizes) >= 9
    beyond = """[...document.querySelectorAll("svg text")].filter(text => {
      const [box, frame] = [text, text.ownerSVGElement].map(part => part.getBoundingClientRect());
      return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1;
    }).map(text => text.textContent)"""
    assert tab.evaluate(beyond) == []
    tab.emulate_media(media="print")
    shown = """[...document.querySelectorAll(".wb-controls, .wb-input, .wb-buttons, .wb-handle")]
      .filter(part => part.getClientRects().length).map(part => part.className)"""
    assert tab.evaluate(shown) == []
    assert tab.locator("svg").first.is_visible()
