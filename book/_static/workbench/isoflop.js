// How far off is my IsoFLOP study? The parabolas against the true curves, from the closed form.
import { formatCount, general, geomspace, greatest, percent, range, typeset } from "./numbers.js";
import { approach2Bias, deadweightLoss, offsetsOf, shape } from "./vertex.js";
import { DOpt, NOpt } from "./surface.js";
import { el, field, followWidth, fresh, picture, speaker, svg } from "./draw.js";
import { fitParabola } from "./parabola.js";

const WINDOW = Math.log(50); // sizes from a fiftieth to fifty times the best
// factors at which the axis of errors may end, and those it names
const HEIGHTS = [[1.1, 0.92, 0.96, 1.04, 1.08], [1.3, 0.8, 0.9, 1.1, 1.2], [2, 0.6, 0.8, 1.3, 1.7], [8, 1 / 6, 1 / 2, 2, 6],
  [64, 1 / 50, 1 / 7, 7, 50], [1e4, 1e-3, 0.03, 30, 1e3], [1e12, 1e-9, 1e-4, 1e4, 1e9]];
const flops = (C) => typeset(general(C, 3));

/** The sizes of a grid as u = ln(N/N*), and the parabola that least squares puts through the curve there. */
export function gridAndParabola(surface, { reach, points }, offset) {
  const U = Math.log(reach), u0 = -Math.log(offset);
  const u = range(points).map((k) => u0 - U + (2 * U * k) / (points - 1));
  const { coefficients: [c0, c1, c2], middle } = fitParabola(u, u.map((at) => shape(surface, at)));
  return { u, parabola: (at) => c0 + c1 * (at - middle) + c2 * (at - middle) ** 2 };
}

/** All that the study says, in a sentence. */
export function sentence(state) {
  const { surface, target, bias } = state, N = bias.NFactor(target);
  const many = (factor, what) => Math.abs(Math.log(factor)) < 5e-6 ? `the right ${what}` :
    `${percent(factor - 1).replace(/^[+−]/, "")} too ${factor > 1 ? "many" : "few"} ${what}`;
  const a = bias.exponentError, exponent = Math.abs(a) < 5e-5 ? "its exponents are right" :
    `its exponent a is off by ${a > 0 ? "+" : "−"}${Math.abs(a).toFixed(4)}`;
  return `At ${flops(target)} FLOPs Approach 2 asks for ${many(N, "parameters")} and ${many(1 / N, "tokens")}; ` +
    `${exponent}, and following it wastes ${percent(deadweightLoss(surface, N), false)} of the compute.`;
}

/** Put the widget into an element. Options: surfaces by name, and the state to begin with. */
export function isoflop(root, { surfaces, ...start }) {
  const state = { ...start, surface: { ...surfaces[start.name] } };
  const spoken = speaker(), results = el("dl", { class: "wb-results" }), words = el("p", { class: "wb-sentence" });
  const left = el("div", { class: "wb-picture" }), right = el("div", { class: "wb-picture" });
  const fields = {};
  const changed = () => {
    state.budgets = geomspace(state.lowest, state.highest, state.count);
    state.bias = approach2Bias(state.surface, state);
    drawCurves();
    drawErrors();
    tell();
  };
  const make = (name, options, target = state, after = changed) => {
    fields[name] = field({ value: target[name], ...options, change: (value) => { target[name] = value; after(); } });
    return fields[name].root;
  };
  const own = () => { chosen.value = "your own"; balance(); changed(); };
  const place = fresh("surface"), chosen = el("select", { id: place, onchange: () => {
    if (surfaces[chosen.value]) Object.assign(state.surface, surfaces[chosen.value]);
    for (const name of ["alpha", "beta"]) fields[name].put(state.surface[name]);
    balance();
    changed();
  } }, [...Object.keys(surfaces), "your own"].map((name) => el("option", { selected: name === start.name }, name)));
  const shares = {}; // the same two exponents as a and their sum
  const balance = () => {
    const { alpha, beta } = state.surface;
    shares.a = beta / (alpha + beta);
    shares.sum = alpha + beta;
    for (const name of ["a", "sum"]) fields[name]?.put(shares[name]);
  };
  balance();
  const unshare = () => {
    state.surface.beta = shares.a * shares.sum;
    state.surface.alpha = shares.sum - state.surface.beta;
    for (const name of ["alpha", "beta"]) fields[name].put(state.surface[name]);
    chosen.value = "your own";
    changed();
  };
  const show = (v) => general(v, 3).replace("e+", "e"), big = { log: true, show, unit: "FLOPs" };
  const exponent = { low: 0.02, high: 1.5, log: true, show };
  const group = (title, ...parts) => el("fieldset", {}, el("legend", {}, title), ...parts);
  const groups = [
    group("The grids",
      make("reach", { label: "reach (×)", low: 1.2, high: 32, log: true, show, unit: "times" }),
      make("offset", { label: "offset (×D*)", low: 0.2, high: 5, log: true, show, unit: "times D*" }),
      make("drift", { label: "drift (×)", low: 0.2, high: 5, log: true, show, unit: "times" }),
      make("points", { label: "points", low: 3, high: 31, whole: true })),
    group("The truth",
      el("div", { class: "wb-field" }, el("label", { for: place }, "surface"), chosen),
      make("alpha", { label: "α, of size", ...exponent }, state.surface, own),
      make("beta", { label: "β, of data", ...exponent }, state.surface, own),
      make("a", { label: "a = β/(α + β)", low: 0.05, high: 0.95, show }, shares, unshare),
      make("sum", { label: "α + β", low: 0.1, high: 2, log: true, show }, shares, unshare)),
    group("The budgets",
      make("lowest", { label: "lowest, FLOPs", low: 1e15, high: 1e22, ...big }, state, () => {
        if (state.highest < 10 * state.lowest) set("highest", 10 * state.lowest);
        changed();
      }),
      make("highest", { label: "highest, FLOPs", low: 1e16, high: 1e25, ...big }, state, () => {
        if (state.lowest > state.highest / 10) set("lowest", state.highest / 10);
        changed();
      }),
      make("count", { label: "budgets", low: 2, high: 9, whole: true }),
      make("target", { label: "target, FLOPs", low: 1e18, high: 1e28, ...big })),
  ];
  const [first, ...others] = groups, row = (parts) => el("div", { class: "wb-controls" }, parts);
  const controls = start.brief ?
    [el("div", { class: "wb-brief" }, first), el("details", {}, el("summary", {}, "Surface and budgets"), row(others))] : [row(groups)];

  /**
   * Rings over a picture that can be dragged; the sliders say the same to those who cannot. They stay in the page
   * while the picture is drawn anew, or a finger would lose them.
   */
  const rings = (place, drags) => {
    const layer = svg("svg", { class: "wb-rings", "aria-hidden": true }), shown = el("div");
    place.append(shown, layer);
    let frame = null;
    const grips = Object.entries(drags).map(([title, drag]) => {
      const grip = svg("g", { class: "wb-handle" }, svg("title", {}, title),
        svg("circle", { class: "wb-touch", r: 22 }), svg("circle", { class: "wb-grip", r: 7 }));
      grip.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        grip.setPointerCapture(event.pointerId);
        grip.onpointermove = (at) => {
          drag(frame.xOf(at.clientX - layer.getBoundingClientRect().left));
          changed();
        };
        grip.onpointerup = grip.onpointercancel = () => { grip.onpointermove = null; };
      });
      layer.append(grip);
      return grip;
    });
    return (picture, points) => {
      frame = picture;
      shown.replaceChildren(frame.root);
      points.forEach(([px, py], k) => grips[k].setAttribute("transform", `translate(${px.toFixed(1)} ${py.toFixed(1)})`));
    };
  };
  const set = (name, value) => { fields[name].put((state[name] = fields[name].clamp(value))); };

  const showCurves = rings(left, {
    "drag the top grid: drift": (x) => set("drift", Math.exp(-x) / state.offset),
    "drag the end of the grids: reach": (x) => set("reach", Math.exp(Math.abs(x + Math.log(state.offset)))),
    "drag all grids: offset": (x) => set("offset", Math.exp(-x)),
  });
  const showErrors = rings(right, { "drag the target": (C) => set("target", Math.exp(C)) });

  const drawCurves = followWidth(left, (width) => {
    const { surface, budgets, reach, bias: { shifts } } = state, rows = budgets.length, offsets = offsetsOf(state);
    const grids = offsets.map((offset) => gridAndParabola(surface, state, offset));
    const ends = grids.flatMap(({ u }) => [u[0], u.at(-1)].map((at) => shape(surface, at)));
    const rise = greatest(ends) * 1.6 || 1, level = (k) => k * rise * 0.55;
    const frame = picture({ width, height: 380, left: 70, x: [-WINDOW, WINDOW], y: [-0.15 * rise, level(rows - 1) + rise] });
    frame.axes([1 / 32, 1 / 8, 1 / 2, 1, 2, 8, 32].map((k) => [Math.log(k), k < 1 ? `1/${1 / k}` : `${k}`]),
      [], "model size over the best, N/N*", "loss above the best of each budget");
    frame.line([[0, -rise], [0, level(rows) + rise]], "ghost");
    budgets.forEach((C, k) => {
      const shift = shifts[k], { u, parabola } = grids[k];
      const lift = ([at, loss]) => [at, loss + level(k)], along = (low, high) => range(81).map((j) => low + ((high - low) * j) / 80);
      frame.line(along(-WINDOW, WINDOW).map((at) => lift([at, shape(surface, at)])), "truth");
      frame.dots(u.map((at) => lift([at, shape(surface, at)])), "runs", 2.2);
      frame.line(along(Math.min(u[0], shift), Math.max(u.at(-1), shift)).map((at) => lift([at, parabola(at)])), "approach2");
      frame.mark(lift([0, 0]), "truth", 4);
      frame.mark(lift([shift, parabola(shift)]), "approach2");
      frame.text([frame.X(-WINDOW) - 6, frame.Y(level(k)) + 4], flops(Number(general(C, 1))).replace(/\s/g, ""), { "text-anchor": "end" });
    });
    const base = (k) => frame.Y(level(k) - 0.08 * rise), last = rows - 1;
    const logs = offsets.map((offset) => -Math.log(offset)), U = Math.log(reach);
    for (const k of [0, last])
      frame.inside.append(svg("path", { class: "wb-span", d: `M${frame.X(logs[k] - U)} ${base(k)}H${frame.X(logs[k] + U)}` }));
    frame.describe(`Loss against model size at ${rows} budgets, ${flops(budgets[0])} to ${flops(budgets[last])} FLOPs: the true ` +
      "curves with their minimum at one, and parabolas fitted on the grids. Their vertices are off in size by " +
      `${shifts.map((shift) => percent(Math.expm1(shift))).join(", ")}.`);
    const within = (x) => frame.X(Math.min(Math.max(x, -WINDOW), WINDOW));
    showCurves(frame, [[within(logs[last]), base(last)], [within(logs[0] + U), base(0)], [within(logs[0]), base(0)]]);
  });

  const drawErrors = followWidth(right, (width) => {
    const { budgets, target, bias } = state;
    const errors = bias.shifts.map((shift) => -shift), at = -Math.log(bias.NFactor(target));
    const most = greatest([...errors, at].map(Math.abs)), [top, ...marks] = HEIGHTS.find(([factor]) => most < Math.log(factor)) ?? HEIGHTS.at(-1);
    const x = [15, 28].map((power) => power * Math.LN10), y = [-Math.log(top), Math.log(top)];
    const frame = picture({ width, height: 380, left: 66, right: 20, x, y });
    frame.axes([16, 19, 22, 25, 28].map((power) => [power * Math.LN10, typeset(`1e+${power}`)]),
      [1, ...marks].map((k) => [Math.log(k), k === 1 ? "0" : top < 3 ? typeset(`${k > 1 ? "+" : "−"}${Math.round(Math.abs(100 * k - 100))} %`) :
        k > 1 ? `×${typeset(general(k, 2))}` : `÷${typeset(general(1 / k, 2))}`]), "compute C (FLOPs)", "error of the tokens D*");
    const ends = [budgets[0], budgets.at(-1)].map(Math.log);
    frame.inside.append(svg("rect", { class: "wb-band", x: frame.X(Math.min(...ends)), width: Math.abs(frame.X(ends[1]) - frame.X(ends[0])),
      y: frame.Y(y[1]), height: frame.Y(y[0]) - frame.Y(y[1]) }));
    frame.line([[x[0], 0], [x[1], 0]], "truth");
    frame.line(x.map((C) => [C, -(bias.interceptError + bias.exponentError * C)]), "approach2");
    budgets.forEach((C, k) => frame.mark([Math.log(C), errors[k]], "approach2"));
    const goal = Math.log(target);
    frame.line([[goal, 0], [goal, at]], "waste");
    frame.mark([goal, at], "approach2", 7);
    const side = frame.X(goal) > width - 90 ? "end" : "start", below = (bias.exponentError <= 0) === (side === "start");
    frame.text([frame.X(goal) + (side === "end" ? -12 : 12), frame.Y(at) + (below ? 18 : -8)], percent(Math.expm1(at)),
      { class: "wb-strong wb-approach2", "text-anchor": side });
    frame.describe(`Error of the recommended tokens against compute: vertices of ${budgets.length} budgets, the line through ` +
      `them, and ${percent(Math.expm1(at))} at the target of ${flops(target)} FLOPs.`);
    showErrors(frame, [[frame.X(goal), frame.Y(0)]]);
  });

  function tell() {
    const { surface, target, bias } = state, N = bias.NFactor(target);
    const cell = (more, title, value, below) => el("div", {}, el("dt", {}, el("span", {}, more), title), el("dd", {}, value, el("small", {}, below)));
    const a = bias.exponentError, named = chosen.value !== "your own";
    const best = (value) => (named ? `of ${value < 1e15 ? formatCount(value) : flops(value)}` : "of the best");
    results.replaceChildren(
      cell("parameters ", "N*", percent(N - 1), best(NOpt(surface, target))),
      cell("tokens ", "D*", percent(1 / N - 1), best(DOpt(surface, target))),
      cell("exponent ", "a", (Math.abs(a) < 5e-5 ? "" : a > 0 ? "+" : "−") + Math.abs(a).toFixed(4),
        `true ${(surface.beta / (surface.alpha + surface.beta)).toFixed(4)}`),
      cell("compute ", "wasted", percent(deadweightLoss(surface, N), false), `at ${flops(target)} FLOPs`));
    words.textContent = sentence(state);
    spoken.say(words.textContent);
  }
  root.replaceChildren(results, el("div", { class: "wb-pictures" }, left, right), words, ...controls, spoken.root);
  changed();
}
