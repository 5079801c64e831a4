// What runs cannot answer, and what speaks against an answer they gave, as far as residuals tell:
// scalinglab.fitting.concerns, data_concerns, run_concerns and linearised.
import { dot, general, greatest, least, mean, median, solvePositive } from "./numbers.js";
import { EXPONENT_RANGE } from "./projection.js";
import { scatter } from "./newton.js";
import { aOf, lossOf } from "./surface.js";
import { budgetsOf } from "./approach2.js";

const COMPUTE_TOLERANCE = 0.02, RISE = 4, ONE_RATIO = 1.2, FALSE_ALARMS = 0.005, LARGE_ERROR = 0.1, FAR = 4, MOST = 6;
const plural = (count) => (count > 1 ? "s" : "");
const spread = (x) => greatest(x) / least(x);

/** Why no method can tell the parameters of a surface from these runs; empty if one can. */
export function unidentifiable({ N, D, L, lines }) {
  const pairs = new Set(N.map((size, k) => `${size} ${D[k]}`)).size;
  if (pairs < 5)
    return `a surface has 5 parameters and these are ${pairs} distinct runs (N, D); add runs until there are 5 or more, ` +
      "better 15.";
  for (const [letter, column, what, exponent] of [["N", N, "model size", "alpha"], ["D", D, "token count", "beta"]]) {
    const values = new Set(column).size;
    if (values < 3)
      return `all runs share ${values} value${plural(values)} of ${letter}, which cannot fix ${exponent} beside E; add ` +
        `runs until there are three or more ${what}s.`;
  }
  const wrong = L.findIndex((loss) => loss <= 0);
  if (wrong >= 0)
    return `the loss of line ${lines[wrong]} is ${general(L[wrong])}, and the law knows only positive losses; correct or ` +
      "drop the run, or undo what shifted the losses.";
  if (least(L) === greatest(L))
    return `every run has the same loss, ${general(L[0])}, so nothing depends on N or D; check the loss column, or add ` +
      "runs that differ.";
  return "";
}

/** Whether the losses rise along compute, as an accuracy does. */
export function risesWithSize({ N, D, L }) {
  if (L.length < 6) return false;
  const centred = (x) => { const m = mean(x); return x.map((v) => v - m); };
  const n = N.map(Math.log), d = D.map(Math.log), y = centred(L);
  const u = centred(n.map((v, k) => v + d[k])), v = centred(n.map((x, k) => x - d[k]));
  const uu = dot(u, u), uL = dot(u, y);
  let uv = dot(u, v), vv = dot(v, v), vL = dot(v, y), area = uu * vv - uv ** 2;
  if (!(uu * vv > 0)) [vv, uv, vL, area] = [1, 0, 0, uu];
  if (!(area > 1e-9 * uu * vv)) return false;
  const inU = (vv * uL - uv * vL) / area, inV = (uu * vL - uv * uL) / area;
  const rest = Math.max(dot(y, y) - inU * uL - inV * vL, 0);
  return inU > RISE * Math.sqrt((rest * vv) / area / (L.length - 3)) && inU * greatest(u) > 1e-9;
}

function unitConcerns(runs) {
  const [N, D] = [runs.N, runs.D].map((x) => Math.exp(mean(x.map(Math.log))));
  const remedy = "multiply them out before fitting, or N_opt of a budget in FLOPs is wrong by powers of ten";
  const cause = N < 1000 && D < 1e6 ? "N is in millions or billions of parameters and D in billions" :
    N < 1e6 && D < 1e4 && D < 0.5 * N ? "N is in millions of parameters and D in billions of tokens" :
    N < 1e5 && D > 1e5 * N ? "N is in millions of parameters" :
    N > 1e6 && D < 1e-3 * N ? "D is in millions or billions of tokens" : "";
  return cause ? [`N is ${general(N, 3)} and D ${general(D, 3)} in the middle: if ${cause}, ${remedy}.`] : [];
}

function computeConcerns({ N, D, C }) {
  const ratio = C.map((c, k) => c / (6 * N[k] * D[k])), [low, high] = [least(ratio), greatest(ratio)];
  const near = Math.max(-Math.log(low), Math.log(high)), middle = median(ratio);
  if (near <= Math.log1p(COMPUTE_TOLERANCE)) return [];
  const nominal = near <= Math.log1p(0.1) && Math.abs(Math.log(middle)) <= COMPUTE_TOLERANCE &&
    3 * budgetsOf(C).length <= C.length;
  return nominal ? [] : [`C is ${general(low, 3)} to ${general(high, 3)} times 6ND; allocations assume C = 6ND. Check ` +
    "its unit, how N counts embeddings and how C was counted, or leave C out."];
}

/** Complementary error function far from zero, by its asymptotic series; near zero too large to matter. */
const erfc = (x) => (Math.exp(-x * x) / (x * Math.sqrt(Math.PI))) * (1 - 0.5 / x ** 2 + 0.75 / x ** 4);

/** Name the run that lies furthest from the surface, if that is far. */
function farRun({ lines }, residuals, deviation) {
  const row = residuals.reduce((far, r, k) => (Math.abs(r) > Math.abs(residuals[far]) ? k : far), 0);
  const size = Math.abs(residuals[row]);
  return size <= FAR * deviation ? [] : [`line ${lines[row]} lies ${general(size, 2)} ${residuals[row] > 0 ? "above" : "below"} ` +
    `the surface (${(size / deviation).toFixed(1)} standard deviations of the residuals). Check that run: was it finished, is ` +
    "its number right? Leave it out and refit, and report both."];
}

/** Name the budget whose runs err together most, unless chance would do it to one of so many budgets. */
function sharedErrors({ C }, residuals, deviation) {
  const compared = budgetsOf(C).filter(({ rows }) => rows.length >= 4).map((budget) => {
    const average = mean(budget.rows.map((row) => residuals[row]));
    return { ...budget, average, score: (Math.abs(average) * Math.sqrt(budget.rows.length)) / deviation };
  });
  const worst = compared.reduce((a, b) => (b.score > (a?.score ?? 0) ? b : a), null);
  if (!worst || erfc(worst.score / Math.SQRT2) * compared.length > FALSE_ALARMS) return [];
  return [`the ${worst.rows.length} runs of budget ${general(worst.C, 3)} lie ${worst.average > 0 ? "above" : "below"} the ` +
    `surface together (mean ${worst.average > 0 ? "+" : ""}${general(worst.average, 2)}, ${worst.score.toFixed(1)} standard ` +
    "errors): errors are shared within budgets, so the fit is less certain than its residuals suggest. Refit without that " +
    "budget and compare."];
}

/**
 * Standard errors to first order, of E, alpha, beta, a and ln N* at a budget, by least squares on the tangent;
 * null where a parameter stands at an edge, none is left to measure errors by, or parameters cannot be told apart.
 */
export function standardErrors(logs, [E, A, B, alpha, beta], rss, C) {
  const freedom = logs.L.length - 5, [low, high] = EXPONENT_RANGE;
  if (freedom <= 0 || !(E > 0 && A > 0 && B > 0) || [alpha, beta].some((e) => e <= low || e >= high)) return null;
  const p = logs.n.map((x) => A * Math.exp(-alpha * x)), q = logs.d.map((x) => B * Math.exp(-beta * x));
  // columns by E, ln A, ln B, alpha, beta
  const columns = [p.map(() => 1), p, q, p.map((v, i) => -v * logs.n[i]), q.map((v, i) => -v * logs.d[i])];
  const length = columns.map((column) => Math.sqrt(dot(column, column)));
  const gram = columns.map((x, j) => columns.map((y, k) => dot(x, y) / (length[j] * length[k])));
  const errorOf = (gradient) => {
    const g = gradient.map((value, k) => value / length[k]), solved = solvePositive(gram, g);
    return solved ? Math.sqrt((dot(g, solved) * rss) / freedom) : NaN;
  };
  const s = alpha + beta, u = Math.log(C / 6) - logs.logN0 - logs.logD0;
  // ln N* - ln N0 = (ln(alpha A) - ln(beta B) + beta ln(C/6 N0 D0)) / s, A and B in the centred units
  const N0 = (Math.log(alpha * A) - Math.log(beta * B) + beta * u) / s;
  const errors = {
    E: errorOf([1, 0, 0, 0, 0]), alpha: errorOf([0, 0, 0, 1, 0]), beta: errorOf([0, 0, 0, 0, 1]),
    a: errorOf([0, 0, 0, -beta / s ** 2, alpha / s ** 2]),
    logN: errorOf([0, 1 / s, -1 / s, (1 / alpha - N0) / s, (u - 1 / beta - N0) / s]),
  };
  return Object.values(errors).every((error) => error < 1e8) ? errors : null;
}

/** What makes a fitted surface doubtful: cause and remedy, a sentence each, six at most. */
export function surfaceConcerns(runs, { surface, spare, objective }, errors) {
  if (risesWithSize(runs))
    return ["the losses rise with both N and D: is the column an accuracy? Give the loss, or for an accuracy the error, " +
      "1 - accuracy."];
  const { N, D, L } = runs, { E, A, B, alpha, beta } = surface, largest = greatest(L), units = unitConcerns(runs);
  const found = units.length ? units : computeConcerns(runs);
  const gone = { E, A: A * least(N) ** -alpha, B: B * least(D) ** -beta };
  const vanished = Object.keys(gone).filter((letter) => gone[letter] <= 1e-12 * largest);
  const exponentOf = { A: "alpha", B: "beta" };
  for (const letter of vanished)
    found.push(`${letter} is zero${gone[letter] ? " to within rounding" : ""}, the edge of what the model allows: these ` +
      `runs do not show the term${letter === "E" ? "" : `, and ${exponentOf[letter]} is not determined`}. ` +
      (letter === "E" ? "Add larger runs, whose losses come closer to the floor." :
        `Add runs over a wider range of ${letter === "A" ? "N" : "D"}.`));
  const idle = ["A", "B"].filter((letter) => spare.includes(exponentOf[letter]) && !vanished.includes(letter));
  if (idle.length === 2)
    found.push("alpha and beta are not determined (A = 0 fits as well, and so does B = 0): one term suffices for these " +
      "runs, and they do not say which. Add runs at other D/N.");
  else for (const letter of idle) {
    const column = letter === "A" ? "N" : "D";
    found.push(`${exponentOf[letter]} is not determined (${letter} = 0 fits as well): these runs can do without the term ` +
      `in ${column}. Add runs over a wider range of ${column}.`);
  }
  const missing = [...spare, ...vanished.map((letter) => exponentOf[letter])];
  const ratios = D.map((tokens, k) => tokens / N[k]), oneRatio = spread(ratios) < ONE_RATIO;
  const ends = [least(ratios), greatest(ratios)].map((ratio) => general(ratio, 3));
  for (const [name, exponent] of [["alpha", alpha], ["beta", beta]])
    if (!missing.includes(name) && (exponent <= 0.01 * (1 + 1e-6) || exponent >= 2 * (1 - 1e-6)))
      found.push(`${name} stands at the edge of its range 0.01-2, at ${general(exponent)}: these runs do not fix it. ` +
        (ends[0] === ends[1] ? `All have D/N near ${ends[0]}` : `D/N runs from ${ends[0]} to ${ends[1]}`) +
        "; add runs outside that.");
  if (oneRatio) {
    const middle = median(ratios);
    found.push(`all runs share D/N near ${general(middle, 3)}, so the two terms change together and cannot be told apart; ` +
      `add runs at ${general(middle / 4, 3)} and ${general(middle * 4, 3)} tokens per parameter.`);
  }
  const explained = Math.max(0, 1 - objective / scatter(L));
  if (explained < 0.5)
    found.push(`the surface explains ${(100 * explained).toFixed(0)}% of the variance of the losses: these runs say little ` +
      "about N and D. Check the loss column, or add runs over wider ranges.");
  if (!oneRatio && !missing.length && errors && errors.a > LARGE_ERROR)
    found.push(`a is hardly determined: its standard error is ${general(errors.a, 2)}; add runs over wider ranges of N ` +
      "and D at every budget.");
  const freedom = N.length - 5;
  if (freedom < 5)
    found.push(`${N.length} runs for 5 parameters leave ${freedom} to judge the fit by; add runs before you rely on it.`);
  const residuals = L.map((loss, k) => loss - lossOf(surface, N[k], D[k]));
  if (freedom > 0 && objective > (1e-10 * largest) ** 2 * N.length) {
    const deviation = Math.sqrt(objective / freedom), far = farRun(runs, residuals, deviation);
    // errors within budgets are judged where no single run stands out
    found.push(...(far.length ? far : sharedErrors(runs, residuals, deviation)));
  }
  return found.slice(0, MOST);
}

/** Why there is no frontier to extrapolate; empty if there is one. */
export function noFrontier({ N, D }, { surface, spare }, errors) {
  const gone = ["alpha", "beta"].filter((name) => spare.includes(name) || !surface[name === "alpha" ? "A" : "B"]);
  if (gone.length) return `${gone.join(" and ")} ${gone.length > 1 ? "are" : "is"} not determined`;
  const ratios = D.map((tokens, k) => tokens / N[k]);
  if (spread(ratios) < ONE_RATIO) return `all runs share D/N near ${general(least(ratios), 3)}`;
  return errors && errors.a > 12 ** -0.5 ? `a is ${aOf(surface).toFixed(2)} ± ${errors.a.toFixed(2)}` : "";
}
