// Approach 2: a parabola through every budget, then a power law through the vertices:
// scalinglab.fitting.approach2 and data.budgets.
import { distinct, general, greatest, least, line, median, range, sorted } from "./numbers.js";
import { fitParabola } from "./parabola.js";

const BUDGET_TOLERANCE = 0.01;

/** Budgets, ascending, each with the rows of its runs: computes within 1 % of the lowest are one budget. */
export function budgetsOf(C) {
  const order = range(C.length).sort((a, b) => C[a] - C[b]), found = [];
  let start = -Infinity;
  for (const row of order) {
    if (!(C[row] <= start * Math.exp(BUDGET_TOLERANCE))) found.push({ rows: [], start: (start = C[row]) });
    found.at(-1).rows.push(row);
  }
  return found.map(({ rows }) => ({ C: median(rows.map((row) => C[row])), rows: sorted(rows) }));
}

/** The parabola of one budget in ln N, with a verdict that says why its vertex cannot be used, or empty. */
function judgedParabola({ C, rows }, runs) {
  const N = rows.map((row) => runs.N[row]), L = rows.map((row) => runs.L[row]), sizes = distinct(N);
  const parabola = { C, rows, sampled: [least(N), greatest(N)], verdict: "", vertex: NaN };
  const leftOut = (reason) => ({ ...parabola, verdict: `Budget ${general(C, 3)} was left out: ${reason}` });
  if (sizes < 3)
    return leftOut(`it has ${sizes} distinct model size${sizes > 1 ? "s" : ""} and a parabola needs 3; add sizes.`);
  const fitted = fitParabola(N.map(Math.log), L), [, c1, c2] = fitted.coefficients;
  Object.assign(parabola, fitted);
  if (!fitted.bends)
    return leftOut("its parabola does not open upwards, so it has no minimum; add sizes on both sides of the best " +
      "one, or repeat its outlying runs.");
  parabola.vertex = Math.exp(fitted.middle - c1 / (2 * c2));
  const [low, high] = parabola.sampled;
  if (!(low <= parabola.vertex && parabola.vertex <= high))
    return leftOut(`its vertex, N = ${general(parabola.vertex, 3)}, lies outside the sampled sizes ${general(low, 3)} ` +
      `to ${general(high, 3)}; add ${parabola.vertex < low ? "smaller" : "larger"} models.`);
  return parabola;
}

/** Loss on a parabola at N parameters. */
export function parabolaLoss({ coefficients: [c0, c1, c2], middle }, N) {
  const x = Math.log(N) - middle;
  return c0 + c1 * x + c2 * x * x;
}

/** Approach 2 of runs, or { refusal } in words. */
export function fitApproach2(runs) {
  const budgets = budgetsOf(runs.C);
  if (budgets.length < 2)
    return { refusal: `all runs share the budget ${general(budgets[0].C, 3)} FLOPs, and a power law needs two; add an ` +
      "IsoFLOP curve at another budget." };
  const onCurves = budgets.filter(({ rows }) => distinct(rows.map((row) => runs.N[row])) >= 3);
  if (2 * onCurves.reduce((total, { rows }) => total + rows.length, 0) < runs.N.length)
    return { refusal: `these runs lie on no IsoFLOP curves (${runs.N.length} runs at ${budgets.length} budgets): the ` +
      "surface needs none; or if they were meant to share budgets, give the nominal ones in the column of the compute." };
  const parabolas = budgets.map((budget) => judgedParabola(budget, runs));
  const used = parabolas.filter(({ verdict }) => !verdict), verdicts = parabolas.map(({ verdict }) => verdict);
  if (used.length < 2)
    return { refusal: `${used.length} of ${budgets.length} budgets give a usable vertex, and a power law needs two. ` +
      verdicts.filter(Boolean).join(" ") };
  const { slope: a, intercept } = line(used.map(({ C }) => Math.log(C)), used.map(({ vertex }) => Math.log(vertex)));
  const NOpt = (C) => Math.exp(intercept + a * Math.log(C));
  const concerns = verdicts.filter(Boolean);
  if (a < 0 || a > 1)
    concerns.unshift(`a is ${a.toFixed(3)}: the best ${a < 0 ? "size" : "token count"} would shrink as compute grows, which ` +
      "no loss surface allows (a lies between 0 and 1). Check the columns and the budgets.");
  if (used.length === 2)
    concerns.push("two budgets fix a power law exactly and leave nothing to judge it by; add a third.");
  return { a, intercept, NOpt, DOpt: (C) => C / 6 / NOpt(C), parabolas, used, concerns };
}
