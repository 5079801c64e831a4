"""The workbench against the package: the same numbers from the same cases, in a real browser."""

import ast
import html
import importlib
import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from scalinglab import (
    CHINCHILLA,
    FitError,
    IsoflopDesign,
    LossSurface,
    Runs,
    approach2_bias,
    deadweight_loss,
    fit_approach2,
    fit_vpnls,
    load_chinchilla,
    load_llama3,
    read_runs,
    vertex_shift,
)
from scalinglab._text import format_count
from scalinglab.data.usual_names import meaning_of
from scalinglab.fitting import objective_map
from scalinglab.laws import ASYMMETRIC
from scalinglab.solvers.centred_logs import CentredLogs
from scalinglab.solvers.newton import newton
from scalinglab.solvers.objectives import Squared
from scalinglab.solvers.quantiles import two_sided_quantile

ROOT = Path(__file__).parents[2]
CLOSE = {"rtol": 1e-8, "atol": 1e-13}
TARGET, BUDGET = 1e24, 1e23
EXPONENTS = [0.2, 0.5], [0.3, 0.4, 1.0]


#: What the tests call by name.
OFFERED = (
    "analysed", "approach2Bias", "centredLogs", "deadweightLoss", "fitVpnls", "meaningOf", "objectiveMap",
    "readRuns", "vertexShift",
)  # fmt: skip


@pytest.fixture(scope="module")
def extension():
    """The book's extension, by the name of a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "book/_ext")
        yield importlib.import_module


def studies():
    """Twenty random surfaces and designs, some with equal exponents, some centred."""
    rng = np.random.default_rng(18)
    for k in range(20):
        alpha, beta = np.exp(rng.uniform(np.log(0.05), np.log(1.0), 2))
        A, B = np.exp(rng.uniform(3, 12, 2))
        surface = LossSurface(rng.uniform(1, 3), A, B, alpha, alpha if k % 7 == 3 else beta)
        budgets = np.geomspace(1e17, 10 ** rng.uniform(19, 23), int(rng.integers(2, 10)))
        offset, drift = np.exp(rng.uniform(-1.5, 1.5, 2)) if k % 5 else (1.0, 1.0)
        reach, points = np.exp(rng.uniform(0.2, 3.4)), int(rng.integers(3, 32))
        yield surface, IsoflopDesign(budgets, float(reach), points, float(offset), float(drift))


def sweeps():
    """Eighteen tables of runs: the two of the package, and random sweeps on IsoFLOP curves and scattered."""
    yield load_llama3()
    yield load_chinchilla()
    rng = np.random.default_rng(1808)
    for k in range(16):
        alpha, beta = rng.uniform(0.2, 0.6, 2)
        A, B = np.exp([alpha * rng.uniform(16, 20), beta * rng.uniform(18, 22)])
        surface = LossSurface(rng.uniform(0.5, 2), A, B, alpha, beta)
        noise = float(rng.choice([1e-3, 3e-3, 1e-2]))
        if k % 2:
            design = IsoflopDesign(np.geomspace(1e18, 1e21, 4 + k % 4), reach=6, points=9, drift=1.5)
            yield design.runs(surface, noise=noise, rng=rng)
        else:
            N, D = np.exp(rng.uniform(np.log([[2e7], [1e9]]), np.log([[4e9], [2e11]]), (2, 30 + 4 * k)))
            yield Runs(N, D, surface.loss(N, D) + noise * rng.standard_normal(len(N)))


SIZES = [(25, 1), (50, 0.5), (101, 3), (210, 2), (405, 9), (800, 4), (1601, 30), (3200, 20)]
GOOD = "params,tokens,loss\n" + "".join(
    f"{n}M,{d}B,{CHINCHILLA.loss(n * 1e6, d * 1e9) + 0.002 * (-1) ** n:.6f}\n" for n, d in SIZES
)
#: Tables as people have them: the first four are read, the others are refused.
TABLES = [
    GOOD,
    "# mine\nmodel size;tokens (B);val_loss\n12M;0,24;5,1\n\n25M;0,5;4,2\n1.3B;2,5;3,3\n",
    'run,n_params,total_gflops,loss\na,"25,165,824",1.2e9,3.1\nb,"50,331,648",4.8e9,3.0\n',
    "N\tD\tL\tC\n1e8\t2e9\t3.1\t1.2e18\n2e8\t4e9\t3.0\t4.8e18\n",
    GOOD.replace("50M,0.5B", "50M,"),
    GOOD.replace("101M,3B", "101M,3x"),
    GOOD.replace(",3.", ",3.O", 1),
    GOOD + "# late\n-4e9,1e9,3.0\n",
    GOOD.replace("800M,", "0,"),
    GOOD + "1e9,2e9,3.0,7\n",
    GOOD.replace("params", "width"),
    GOOD.replace("loss", "tokens", 1),
]
READ = TABLES[:4]


def letters_of(runs):
    return {letter: getattr(runs, letter).tolist() for letter in "NDLC"}


@pytest.fixture(scope="module")
def page(browser, extension):
    """A page that knows the functions of the modules."""
    opened = browser.new_page(offline=True)
    opened.evaluate("code => (0, eval)(code)", extension("workbench_script").bundle(*OFFERED))
    yield opened
    opened.close()


def test_fifty_cases_are_shared():
    assert len([*studies(), *sweeps(), *TABLES]) == 50


def test_the_script_is_light_and_needs_no_network(extension):
    script = extension("workbench_script")
    assert len(script.bundle().encode()) <= 60_000
    names = script.in_order("start")
    assert sorted(names) == sorted(path.stem for path in script.SOURCES.glob("*.js"))
    for name in names:
        text = script.source(name).replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"fetch\(|XMLHttpRequest|https?:|import\(|sendBeacon|WebSocket", text)


def test_names_of_properties_stay_and_those_of_variables_shrink(extension):
    tight = extension("workbench_script").tight
    before = """
    // a comment
    const longest = (matrix, { width, height = 2 }) => {
      total = matrix.length + +width; /* and another */
      return { width, rows: `${longest} of ${ total }  rows`, total: 1 };
    };"""
    after = tight(before)
    assert after.startswith("const a=(b,{width,height=2})=>{total=b.length+ +width;return{width,rows:")
    assert after.endswith("`${a} of ${total}  rows`,total:1};};")


def test_closed_forms_are_those_of_the_package(page):
    cases = list(studies())
    grids = ("reach", "points", "offset", "drift")
    told = page.evaluate(
        """([cases, target]) => cases.map(([surface, design]) => {
          const { approach2Bias, deadweightLoss, vertexShift } = Workbench, { alpha, beta } = surface;
          const bias = approach2Bias(surface, design), N = bias.NFactor(target);
          return [bias.shifts, bias.exponentError, bias.interceptError, N, 1 - deadweightLoss(surface, N),
            vertexShift(alpha, beta, design.reach)];
        })""",
        [
            [
                (
                    surface.parameters,
                    {"budgets": design.budgets.tolist()} | {k: getattr(design, k) for k in grids},
                )
                for surface, design in cases
            ],
            TARGET,
        ],
    )
    for (surface, design), answers in zip(cases, told, strict=True):
        bias = approach2_bias(surface, design)
        N = bias.N_factor(TARGET)
        bare = replace(
            surface, E=0.0
        )  # waste does not depend on E, whose digits the little above it would lose
        kept = 1 - deadweight_loss(bare, bare.N_opt(TARGET) * N, bare.D_opt(TARGET) / N)
        dense = vertex_shift(surface.alpha, surface.beta, design.reach)
        ours = (bias.shifts, bias.exponent_error, bias.intercept_error, N, kept, dense)
        for one, other in zip(answers, ours, strict=True):
            np.testing.assert_allclose(one, other, **CLOSE)


def last_digits(fit):
    """The surface of a fit after one more of Newton's steps: its objective needs none, its parameters do."""
    logs, s = CentredLogs.of(fit.runs), fit.surface
    A, B = s.A * np.exp(-s.alpha * logs.log_N0), s.B * np.exp(-s.beta * logs.log_D0)
    return logs.surface(*newton(logs, Squared(), np.array([s.E, A, B, s.alpha, s.beta])).theta)


ANALYSE = """([cases, budget, [alphas, betas]]) => cases.map((runs) => {
  const { fit, errors, answer, parabolas, concerns, none } =
    Workbench.analysed({ ...runs, lines: runs.N.map((_, k) => k) }, budget);
  const map = Workbench.objectiveMap(Workbench.centredLogs(runs), alphas, betas).cells;
  return { fit, errors, answer, concerns, none, refusal: parabolas.refusal ?? "",
    map: map.map((row) => row.map(({ rss }) => rss)),
    two: parabolas.refusal ? null : [parabolas.a, parabolas.NOpt(budget), parabolas.DOpt(budget)],
    vertices: (parabolas.used ?? []).map(({ vertex }) => vertex) };
})"""


def test_fits_are_those_of_the_package(page):
    cases = list(sweeps())
    told = page.evaluate(ANALYSE, [[letters_of(runs) for runs in cases], BUDGET, EXPONENTS])
    for runs, found in zip(cases, told, strict=True):
        fit = fit_vpnls(runs)
        best = last_digits(fit)
        for name, value in best.parameters.items():
            np.testing.assert_allclose(found["fit"]["surface"][name], value, **CLOSE, err_msg=name)
        np.testing.assert_allclose(found["fit"]["objective"], fit.objective, rtol=1e-10)
        np.testing.assert_allclose(found["map"], objective_map(runs, *EXPONENTS), rtol=1e-8)
        answers = [best.N_opt(BUDGET), best.D_opt(BUDGET), best.L_opt(BUDGET)]
        np.testing.assert_allclose([found["answer"][key] for key in ("N", "D", "loss")], answers, **CLOSE)
        spread = fit.recommend(BUDGET, level=0.5).spread / two_sided_quantile(0.5, fit.freedom)
        errors = [fit.standard_errors[name] for name in ("E", "alpha", "beta", "a")]
        assert list(found["errors"]) == ["E", "alpha", "beta", "a", "logN"]
        np.testing.assert_allclose([*found["errors"].values()], [*errors, spread], rtol=1e-4)
        ours = " ".join(fit.concerns)
        assert all(one in ours for one in found["concerns"] if not one.startswith("line "))
        try:
            two = fit_approach2(runs)
        except FitError:
            assert "on no IsoFLOP curves" in found["refusal"]
            continue
        np.testing.assert_allclose(found["two"], [two.a, two.N_opt(BUDGET), two.D_opt(BUDGET)], **CLOSE)
        np.testing.assert_allclose(found["vertices"], [one.vertex for one in two.used], **CLOSE)


def test_runs_that_cannot_answer_get_the_words_of_the_package(page):
    N = np.geomspace(2e7, 4e9, 24)
    rng = np.random.default_rng(1)
    one_ratio = Runs(N, 20 * N, CHINCHILLA.loss(N, 20 * N) + rng.normal(0, 0.003, 24))
    D = np.tile([1e9, 1e10, 1e11], 8)
    flat = Runs(N, D, 2 + N**-0.3 * 50 + rng.normal(0, 0.01, 24))
    few = Runs(N[:6], D[:6], CHINCHILLA.loss(N[:6], D[:6]) + rng.normal(0, 0.01, 6))
    cases = [one_ratio, flat, few]
    told = page.evaluate(ANALYSE, [[letters_of(runs) for runs in cases], BUDGET, EXPONENTS])
    seen = set()
    for runs, found in zip(cases, told, strict=True):
        fit = fit_vpnls(runs)
        np.testing.assert_allclose(found["fit"]["objective"], fit.objective, rtol=1e-7)
        assert bool(found["none"]) == bool(fit.no_frontier)
        assert (found["answer"] is None) == bool(fit.no_frontier)
        shared = set(found["concerns"]) & set(fit.concerns)
        assert shared, (found["concerns"], fit.concerns)
        seen |= shared
    assert any("share D/N" in words for words in seen)
    assert any("is not determined" in words for words in seen)
    assert any("for 5 parameters leave 1" in words for words in seen)


def test_runs_without_noise_are_met_to_rounding(widgets):
    tab = widgets("fit")
    runs = IsoflopDesign([1e18, 1e19, 1e20], reach=4, points=7).runs(CHINCHILLA)
    rows = zip(runs.N.tolist(), runs.D.tolist(), runs.L.tolist(), strict=True)
    tab.get_by_label("Your runs").fill("N,D,L\n" + "".join(f"{N!r},{D!r},{L!r}\n" for N, D, L in rows))
    tab.locator(".wb-table tr", has_text="α").get_by_text("0.34", exact=True).wait_for()
    assert tab.locator(".wb-contour").count() > 20


def told_of(text):
    """What the package makes of a table: its runs, or its words."""
    try:
        return read_runs(io.StringIO(text))
    except ValueError as error:
        return str(error)


def test_tables_are_read_or_refused_as_the_package_does(page):
    told = page.evaluate(
        """tables => tables.map((text) => {
          try { return Workbench.readRuns(text); } catch (error) { return { message: error.message }; }
        })""",
        TABLES,
    )
    for text, found in zip(TABLES, told, strict=True):
        ours = told_of(text)
        assert isinstance(ours, str) == ("message" in found) == (text not in READ), (ours, found)
        if isinstance(ours, Runs):
            for letter in "NDLC":
                np.testing.assert_allclose(np.array(found[letter], float), getattr(ours, letter), rtol=1e-14)
            assert found["notes"] == list(ours.notes)
            lines = [int(re.search(r"line (\d+)", ours.label(k))[1]) for k in range(len(ours))]
            assert found["lines"] == lines
            continue
        for line in re.findall(r"line (\d+)", ours):
            assert re.search(rf"line {line}\b", found["message"]), (ours, found)
        for quoted in re.findall(r"'([^']*)'", ours):
            if "tokenizing" not in quoted and "tokens.1" not in quoted:  # pandas speaking
                assert quoted in found["message"], (ours, found)


NAMES = """params; n_params; Parameters; parameter_count; model_size; ModelSize; non_embedding_params
N_no_emb; num_parameters; num parameters; params.n_params; model/params; active_params; params_m
N (M); params in millions; Params [Million]; tokens; n_tokens; train_tokens
throughput/total_tokens; TrainTokens; tokens_seen; tokens (B); train_tokens_b
tokens_in_billions; D (1e9); loss; val_loss; eval/loss; final_loss; metrics.val_loss; bpb
eval/paloma/macro_loss; eval/bpb; Loss (nats); bits per byte; validation cross-entropy; flops
total_flops; FLOPs; Training FLOP; compute; budget; C; C_6ND; total_gflops
throughput/total_gflops; compute (GFLOP); EFLOP; compute [EFLOPs]; exaflops; C (1e18)
flops x1e18; PF-days; petaflop/s-days; PFdays; compute_pf_days; D/N; tokens_per_second
max_tokens; d_model; n_layers; loss_scale; aux_loss; peak_lr; flops_per_step; FLOP/s; tflops
throughput/tflops; embedding params; num_experts; k; loss__MIN; params/step; total_steps
vocab params; loss std; unique_tokens"""


def test_names_of_columns_say_what_the_package_reads_in_them(page):
    names = re.split(r"[;\n] *", NAMES)
    assert len(names) > 60
    told = page.evaluate("names => names.map(Workbench.meaningOf)", names)
    for name, found in zip(names, told, strict=True):
        ours = meaning_of(name)
        read = found and (found["letter"], found["size"], found["unit"])
        assert read == (ours and (ours.letter, ours.size, ours.unit)), name


def test_a_fit_of_133_runs_takes_few_steps(page):
    """Counted in exponentials a run: the map needs fifty, a step two. No clock is asked."""
    count = page.evaluate(
        """runs => {
          const exp = Math.exp, logs = Workbench.centredLogs(runs);
          let count = 0;
          Math.exp = (x) => { count++; return exp(x); };
          try { Workbench.fitVpnls(logs); } finally { Math.exp = exp; }
          return count / runs.N.length;
        }""",
        letters_of(load_llama3()),
    )
    assert 50 < count < 1000


@pytest.fixture
def widgets(browser, extension):
    """Opens a page with one widget, as wide as asked, on a touch screen."""
    opened, wrong = [], []

    def open_one(kind, width=1280, **options):
        directive, script = extension("workbench"), extension("workbench_script")
        given = json.dumps(getattr(directive, kind)(options)[0])
        tab = browser.new_page(viewport={"width": width, "height": 900}, has_touch=True, offline=True)
        opened.append(tab)
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        css = (script.SOURCES / "workbench.css").read_text(encoding="utf-8")
        place = f'<div class="workbench" data-widget="{kind}" data-options="{html.escape(given)}">still</div>'
        tab.set_content(
            f'<!doctype html><html lang="en" data-theme="light"><title>{kind}</title><style>{css}</style>'
            f"<main>{place}</main><script>{script.bundle()}</script></html>"
        )
        return tab

    yield open_one
    for tab in opened:
        tab.close()
    assert not wrong


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
