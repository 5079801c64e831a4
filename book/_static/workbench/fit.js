// Fit my runs: a pasted table, both methods, their pictures, and the doubts that residuals can raise.
import { formatCount, general, greatest, least, range, typeset } from "./numbers.js";
import { MEANING, TableError, countOf, readRuns } from "./tables.js";
import { EXPONENT_RANGE, centredLogs, objectiveMap } from "./projection.js";
import { fitVpnls } from "./search.js";
import { budgetsOf, fitApproach2, parabolaLoss } from "./approach2.js";
import { noFrontier, risesWithSize, standardErrors, surfaceConcerns, unidentifiable } from "./concerns.js";
import { DOpt, LOpt, NOpt, aOf, lossOf } from "./surface.js";
import { el, followWidth, fresh, picture, speaker, ticks } from "./draw.js";

/** Everything the widget says about runs: both fits, or why there is none. */
export function analysed(runs, budget) {
  const refusal = unidentifiable(runs), parabolas = risesWithSize(runs) ?
    { refusal: "the losses rise with size, and no parabola has a minimum." } : fitApproach2(runs);
  if (refusal) return { refusal, parabolas };
  const logs = centredLogs(runs), fit = fitVpnls(logs), errors = standardErrors(logs, fit.theta, fit.objective, budget);
  const concerns = surfaceConcerns(runs, fit, errors), none = noFrontier(runs, fit, errors);
  const answer = none ? null :
    { N: NOpt(fit.surface, budget), D: DOpt(fit.surface, budget), loss: LOpt(fit.surface, budget) };
  return { logs, fit, errors, concerns, none, answer, parabolas };
}

/** A number with its standard error, two digits of it. */
export function withError(value, error) {
  if (!(error > 5e-7 * Math.abs(value))) return general(value, error >= 0 ? 6 : 4);
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(error)));
  return `${value.toFixed(decimals)} ± ${error.toFixed(decimals)}`;
}

/** Lines along which a function of two exponents has a given height, by marching squares. */
export function contour(x, y, height, level) {
  const segments = [], cross = (a, b, ha, hb) => a + ((b - a) * (level - ha)) / (hb - ha);
  for (let j = 0; j + 1 < x.length; j++)
    for (let k = 0; k + 1 < y.length; k++) {
      const corners = [[j, k], [j + 1, k], [j + 1, k + 1], [j, k + 1]], met = [];
      corners.forEach(([p, q], side) => {
        const [r, s] = corners[(side + 1) % 4], a = height[p][q], b = height[r][s];
        if (a < level !== b < level) met.push([cross(x[p], x[r], a, b), cross(y[q], y[s], a, b)]);
      });
      for (let i = 0; i + 1 < met.length; i += 2) segments.push([met[i], met[i + 1]]);
    }
  return segments;
}

/** Put the widget into an element. Options: the budget, and a table to begin with under its name. */
export function fit(root, { budget, example, table }) {
  const [id, goal] = [fresh("table"), fresh("budget")], spoken = speaker();
  let chosen = {}, file = "runs.csv";
  const area = el("textarea", { id, rows: 7, spellcheck: "false", autocomplete: "off", wrap: "off",
    placeholder: "params,tokens,loss\n125M,2.5B,3.21\n350M,7B,2.87\n…" });
  const ask = el("input", { id: goal, type: "text", inputmode: "text", autocomplete: "off", value: general(budget, 6).replace("e+", "e") });
  const drop = el("input", { type: "checkbox", id: fresh("drop") });
  const answers = el("div", { class: "wb-answers" });
  const take = async (given) => {
    if (!given) return;
    area.value = await given.text();
    file = given.name;
    begin();
  };
  const button = (words, act) => el("button", { type: "button", onclick: act }, words);
  const picker = el("input", { type: "file", accept: ".csv,.tsv,.txt,text/*", class: "wb-hidden", tabindex: -1,
    "aria-label": "a table of runs", onchange: () => take(picker.files[0]) });
  const begin = () => {
    chosen = {};
    drop.checked = false;
    look();
  };
  let timer = 0;
  const later = (act) => () => { clearTimeout(timer); timer = setTimeout(act, 350); };
  area.addEventListener("input", later(() => { file = "runs.csv"; chosen = {}; look(); }));
  ask.addEventListener("input", later(() => look()));
  drop.addEventListener("change", () => look());
  for (const name of ["dragover", "dragleave", "drop"])
    area.addEventListener(name, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      area.classList.toggle("wb-over", name === "dragover");
      if (name === "drop") take(event.dataTransfer.files[0]);
    });

  function look() {
    const wanted = countOf(ask.value.trim()), good = wanted >= 1 && wanted < 1e40;
    ask.toggleAttribute("aria-invalid", !good);
    if (!good) return answers.replaceChildren(el("p", { class: "wb-refusal" }, "the budget is a number of FLOPs, such as 3.8e25."));
    if (!area.value.trim()) return answers.replaceChildren();
    try {
      const runs = readRuns(area.value, { columns: chosen, dropIncomplete: drop.checked });
      shown(runs, wanted);
    } catch (error) {
      if (!(error instanceof TableError)) throw error;
      const choices = (error.questions ?? []).map(({ letter, names }) => el("label", { class: "wb-choice" },
        `${letter}, ${MEANING[letter]}: `, el("select", { onchange: (event) => {
          chosen[letter] = event.target.value;
          look();
        } }, el("option", { value: "" }, "choose"), names.map((name) => el("option", { value: name }, name)))));
      answers.replaceChildren(el("p", { class: "wb-refusal" }, typeset(error.message)), ...choices);
      spoken.say(error.message);
    }
  }

  function shown(runs, wanted) {
    const found = analysed(runs, wanted), { fit, errors, answer, parabolas } = found, dash = "—";
    const beyond = wanted / greatest(runs.C);
    const head = `${runs.N.length} runs` + (runs.notes.length ? `; ${runs.notes.join("; ")}.` : ".");
    const rows = [["", "Approach 2", "VPNLS"]], put = (name, two, one) => rows.push([name, two, one]);
    const two = parabolas.refusal ? null : parabolas, own = (key) => errors?.[key];
    put("N*", two ? formatCount(two.NOpt(wanted)) : dash,
      answer ? formatCount(answer.N) + (errors ? ` ×/÷ ${Math.exp(errors.logN).toFixed(2)}` : "") : dash);
    put("D*", two ? formatCount(two.DOpt(wanted)) : dash, answer ? formatCount(answer.D) : dash);
    put("D*/N*", two ? general(two.DOpt(wanted) / two.NOpt(wanted), 3) : dash, answer ? general(answer.D / answer.N, 3) : dash);
    put("loss", dash, answer ? answer.loss.toFixed(4) : dash);
    put("a, of N* ∝ Cᵃ", two ? two.a.toFixed(4) : dash, answer ? withError(aOf(fit.surface), own("a")) : dash);
    if (fit) {
      const { surface } = fit, gone = (name) => fit.spare.includes(name);
      put("E", dash, withError(surface.E, own("E")));
      put("A", dash, gone("alpha") ? dash : general(surface.A, 4));
      put("B", dash, gone("beta") ? dash : general(surface.B, 4));
      put("α", dash, gone("alpha") ? "not determined" : withError(surface.alpha, own("alpha")));
      put("β", dash, gone("beta") ? "not determined" : withError(surface.beta, own("beta")));
    }
    if (fit) put("sum of squares", dash, general(fit.objective, 5));
    const [top, ...body] = rows;
    const grid = el("table", { class: "wb-table" },
      el("caption", {}, typeset(`At ${general(wanted, 3)} FLOPs` + (beyond > 1 ? `, ${general(beyond, 2)} times the largest budget of the runs` : ""))),
      el("thead", {}, el("tr", {}, top.map((name) => (name ? el("th", { scope: "col" }, name) : el("td"))))),
      el("tbody", {}, body.map(([name, ...cells]) =>
        el("tr", {}, el("th", { scope: "row" }, name), cells.map((cell) => el("td", {}, typeset(cell)))))));
    const doubts = [];
    if (found.refusal) doubts.push(found.refusal);
    if (found.none) doubts.push(`no best size: ${found.none}. Heed the other concerns: add runs at other D/N and over wider ranges.`);
    doubts.push(...(found.concerns ?? []));
    doubts.push(...(parabolas.refusal ? [parabolas.refusal] : parabolas.concerns).map((words) => `Approach 2: ${words}`));
    const pictures = el("div", { class: "wb-pictures" });
    if (fit) pictures.append(drawMap(found), drawSlices(runs, found));
    const recipe = commands(runs, wanted);
    answers.replaceChildren(el("p", { class: "wb-notes" }, typeset(head)), grid,
      el("p", { class: "wb-buttons" }, copy("Copy the table", () => rows.map((row) => row.join("\t")).join("\n"))),
      pictures, el("p", { class: "wb-heading" }, doubts.length ? "Concerns" : "No concerns, as far as residuals tell"),
      el("ul", { class: "wb-concerns" }, doubts.map((words) => el("li", {}, typeset(words)))),
      el("p", { class: "wb-heading" }, "The whole answer"),
      el("p", {}, "Intervals, influence, runs that do not belong, a proof that the minimum is the minimum, and a page to hand on:"),
      el("pre", { tabindex: 0 }, recipe), el("p", { class: "wb-buttons" }, copy("Copy these lines", () => recipe)));
    spoken.say(answer ? `${runs.N.length} runs fitted. At ${general(wanted, 3)} FLOPs: ${formatCount(answer.N)} parameters on ` +
      `${formatCount(answer.D)} tokens by the surface. ${doubts.length} concerns.` : doubts[0] ?? "");
  }

  /** The command and the lines of Python that do the whole. */
  function commands(runs, wanted) {
    const picked = Object.entries(chosen), dropped = drop.checked, python = JSON.stringify;
    // a shell reads these signs within double quotes, too
    const shell = (word) => (/["$`\\!]/.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`);
    const options = picked.map((one) => ` --column ${shell(one.join("="))}`).join("") + (dropped ? " --drop-incomplete" : "");
    const given = picked.length ? `, columns=${python(chosen)}` : "";
    return `scalinglab fit ${shell(file.replace(/^-/, "./-"))} --budget ${general(wanted, 6)}${options}\n\n` +
      `from scalinglab import fit_approach2, fit_vpnls, read_runs\n\nruns = read_runs(${python(file)}${given}` +
      `${dropped ? ", drop_incomplete=True" : ""})\nfit = fit_vpnls(runs)\nprint(fit, fit.recommend(${general(wanted, 6)}), ` +
      "fit_approach2(runs), sep=\"\\n\\n\")";
  }

  function copy(words, text) {
    const made = button(words, async () => {
      try {
        await navigator.clipboard.writeText(text());
        made.textContent = "Copied";
      } catch {
        made.textContent = "The browser does not allow it: select and copy";
      }
      setTimeout(() => { made.textContent = words; }, 2000);
    });
    return made;
  }

  root.replaceChildren(
    el("div", { class: "wb-input" }, el("label", { for: id }, "Your runs, a table with a header: paste it, or drop a file"), area,
      el("div", { class: "wb-buttons" }, button("Open a file", () => picker.click()), picker,
        example ? button(`Try ${example}`, () => { area.value = table; file = "runs.csv"; begin(); }) : null,
        el("label", { class: "wb-inline" }, "budget in FLOPs ", ask),
        el("label", { class: "wb-inline", for: drop.id }, drop, " leave out incomplete rows")),
      el("p", { class: "wb-small" }, "Nothing leaves this page: it computes here, and asks no server.")),
    answers, spoken.root);
}

/** The reduced objective about its minimum: what other exponents would leave. */
function drawMap({ logs, fit }) {
  const place = el("div", { class: "wb-picture" }), { alpha, beta } = fit.surface, [low, high] = EXPONENT_RANGE;
  const around = (e) => [Math.max(low, e * 0.3), Math.min(high, Math.max(e * 1.8, 0.05))];
  const [x, y] = [around(alpha), around(beta)].map(([a, b]) => range(45).map((k) => a + ((b - a) * k) / 44));
  const cells = objectiveMap(logs, x, y).cells.map((row) => row.map(({ rss }) => rss)), freedom = Math.max(1, logs.L.length - 5);
  // where the law meets the runs to rounding, the map is drawn above a thousandth of its height
  const floor = Math.max(Math.min(fit.objective, least(cells.flat())), 1e-3 * greatest(cells.flat())), levels = [1 + 6 / freedom, 1.15, 1.4, 2, 4, 10, 30];
  followWidth(place, (width) => {
    const frame = picture({ width, height: 330, x: [x[0], x.at(-1)], y: [y[0], y.at(-1)] });
    const marks = (v) => ticks(v[0], v.at(-1), 4).map((at) => [at, general(at, 3)]);
    frame.axes(marks(x), marks(y), "exponent of size α", "exponent of data β");
    levels.forEach((factor, k) => {
      for (const segment of contour(x, y, cells, floor * factor)) frame.line(segment, k ? "contour" : "vpnls");
    });
    frame.mark([alpha, beta], "vpnls");
    frame.describe(`The sum of squares that the best E, A, B leave at each pair of exponents: least at alpha ${general(alpha, 3)}, ` +
      `beta ${general(beta, 3)}; the inner curve bounds what fits about as well.`);
    place.replaceChildren(frame.root, el("p", { class: "wb-small" },
      "Sum of squares against both exponents. Within the blue curve other exponents fit about as well."));
  });
  return place;
}

/** Cuts through the surface: each budget's runs, its curve and its parabola; or residuals where there are no curves. */
function drawSlices(runs, { fit, parabolas }) {
  const place = el("div", { class: "wb-picture" }), { surface } = fit;
  const curves = budgetsOf(runs.C).filter(({ rows }) => new Set(rows.map((row) => runs.N[row])).size >= 3);
  const few = curves.length > 1 && curves.reduce((total, { rows }) => total + rows.length, 0) > runs.N.length / 2;
  const wide = (values, share) => {
    const [a, b] = [least(values), greatest(values)];
    return [a - share * (b - a || 1), b + share * (b - a || 1)];
  };
  followWidth(place, (width) => {
    const log = runs[few ? "N" : "C"].map(Math.log), x = wide(log, 0.04);
    const heights = few ? runs.L : runs.L.map((loss, k) => loss - lossOf(surface, runs.N[k], runs.D[k])), y = wide(heights, 0.06);
    const frame = picture({ width, height: 330, x, y, left: 58 }), decades = ticks(x[0] / Math.LN10, x[1] / Math.LN10, 5);
    frame.axes(decades.filter(Number.isInteger).map((power) => [power * Math.LN10, few ? formatCount(10 ** power) : typeset(`1e+${power}`)]),
      ticks(...y, 5).map((at) => [at, typeset(general(at, 4))]), few ? "model size N" : "compute C (FLOPs)", few ? "loss" : "observed less fitted loss");
    if (few) {
      for (const { C, rows } of curves) {
        const [a, b] = wide(rows.map((row) => log[row]), 0.05), along = range(61).map((k) => a + ((b - a) * k) / 60);
        frame.line(along.map((n) => [n, lossOf(surface, Math.exp(n), C / 6 / Math.exp(n))]), "vpnls");
        const parabola = parabolas.parabolas?.find((one) => one.C === C && one.coefficients);
        if (parabola) frame.line(along.map((n) => [n, parabolaLoss(parabola, Math.exp(n))]), "approach2");
        if (parabola && !parabola.verdict) frame.mark([Math.log(parabola.vertex), parabolaLoss(parabola, parabola.vertex)], "approach2", 4);
      }
    } else frame.line(x.map((C) => [C, 0]), "vpnls");
    frame.dots(log.map((at, k) => [at, heights[k]]), "runs");
    frame.describe(few ? `Loss against model size of ${runs.N.length} runs at ${curves.length} budgets, with the fitted surface and the parabolas.` :
      `Residuals of ${runs.N.length} runs against compute, about the fitted surface.`);
    place.replaceChildren(frame.root, el("p", { class: "wb-small" }, few ?
      "Your runs by budget: the surface (blue), the parabolas (dashed) and their vertices." : "What the surface leaves of each run."));
  });
  return place;
}
