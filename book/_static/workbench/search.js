// Variable projection's search: a map of the reduced objective, steps from its valleys, prices, faces:
// scalinglab.solvers.variable_projection, pricing and faces, for squared residuals.
import { dot, geomspace, greatest, least, mean, range } from "./numbers.js";
import { EXPONENT_RANGE, START_EXPONENTS, centredColumn, objectiveMap, surfaceOf } from "./projection.js";
import { NOTHING, newton, polished, scatter, value } from "./newton.js";

const SHORT = 12, SPRINT = 40, LONG = 400, STARTS = 6;
const PRICES = range(64).map((k) => EXPONENT_RANGE[1] * 2 ** ((k - 63) / 8)).filter((e) => e >= EXPONENT_RANGE[0]);
const PEAKS = 3, GAIN = 1e-9, CLEAR_GAIN = 1e-2, HOPELESS = 4, NEAR = 0.05, ALIKE = 0.8, ROUNDS = 3, STEPS = 30;
const TIE = 1e-6, FACE_STEPS = 60;

const lowest = (ends) => ends.reduce((a, b) => (b.objective < a.objective ? b : a));

/** The minimum over all five parameters, with the exponents whose term the runs can do without. */
export function searchExponents(logs) {
  const map = objectiveMap(logs, START_EXPONENTS), starts = valleys(map.cells);
  let ends = starts.map((start) => newton(logs, start, SHORT));
  if (!ends.every((end) => end.settled)) ends = ends.concat(raced(logs, starts));
  let best = lowest(ends);
  const needed = cannotTie(map.face, best.objective, map.LL);
  best = priced(logs, best, needed);
  const found = needed ? { optimum: best, spare: [] } : spareTerms(logs, best, map.LL);
  return { ...found, optimum: polished(logs, found.optimum) };
}

/** Fit all five parameters of a loss surface by variable projection. */
export function fitVpnls(logs) {
  const { optimum, spare } = searchExponents(logs);
  return { surface: surfaceOf(logs, optimum.theta), theta: optimum.theta, objective: optimum.objective, spare };
}

/** Cells of the map no higher than their neighbours, lowest first, as starts E, A, B, alpha, beta. */
export function valleys(cells) {
  const found = [], near = [-1, 0, 1];
  cells.forEach((row, j) => row.forEach((cell, k) => {
    if (near.every((dj) => near.every((dk) => !(cells[j + dj]?.[k + dk]?.rss < cell.rss))))
      found.push([cell.rss, [cell.E, cell.A, cell.B, START_EXPONENTS[j], START_EXPONENTS[k]]]);
  }));
  return found.sort((a, b) => a[0] - b[0]).slice(0, STARTS).map(([, start]) => start);
}

/** Sprint from every start; then those that have not arrived go on, unless they creep above the best. */
function raced(logs, starts) {
  const sprints = starts.map((start) => newton(logs, start, SPRINT)), first = lowest(sprints);
  if (!first.arrived) {
    const [E, A, B, alpha, beta] = first.theta;
    for (const merged of [[E, A + B, 0, alpha, beta], [E, 0, A + B, alpha, beta]])
      sprints.push(newton(logs, merged, SPRINT));
  }
  const { objective } = lowest(sprints);
  return sprints.map((end) => (end.arrived ? end : newton(logs, end.theta, LONG, objective)));
}

/** Leave an end by the columns of positive price, as long as that leads lower. */
function priced(logs, optimum, needed) {
  for (let round = 0; round < ROUNDS; round++) {
    const ends = worthwhileStarts(logs, optimum, needed)
      .map((start) => newton(logs, start, STEPS, optimum.objective));
    const best = lowest([optimum, ...ends]);
    if (!(best.objective < optimum.objective * (1 - GAIN))) break;
    optimum = best.arrived ? best : newton(logs, best.theta);
  }
  return optimum;
}

/** Starts with one term moved to a column of high price. */
function worthwhileStarts(logs, optimum, needed) {
  const { n, d, L } = logs, [E, A, B, alpha, beta] = optimum.theta;
  const y = L.map((loss, i) => loss - E - A * Math.exp(-alpha * n[i]) - B * Math.exp(-beta * d[i]));
  const firm = needed && optimum.settled, worth = (firm ? CLEAR_GAIN : GAIN) * optimum.objective, pairs = [];
  if (dot(n, d) > ALIKE * Math.sqrt(dot(n, n) * dot(d, d)) && Math.abs(alpha - beta) > 0.1 * Math.max(alpha, beta))
    pairs.push([beta, alpha]);
  const ofN = dearest(n, y, worth), ofD = dearest(d, y, worth);
  pairs.push(...ofN.map((peak) => [peak, beta]), ...ofD.map((peak) => [alpha, peak]));
  if (!firm) {
    pairs.push(...ofN.map((peak) => [Math.sqrt(peak * alpha), beta]));
    pairs.push(...ofD.map((peak) => [alpha, Math.sqrt(peak * beta)]));
  }
  const constant = scatter(L);
  if (!pairs.length || optimum.objective <= NOTHING * constant) return [];
  const most = optimum.objective + Math.max(HOPELESS * optimum.objective, NEAR * constant);
  const spread = greatest(L) - least(L), smallest = [least(n), least(d)];
  return pairs.map(([a, b]) => objectiveAt(logs, a, b)).filter((start) => value(logs, start) <= most)
    // a term that is exactly absent has no exponent for the steps to improve
    .map((start) => start.map((x, k) => (k === 1 || k === 2) && !(x > 0) ?
      (1e-6 * spread) / Math.exp(-start[2 + k] * smallest[k - 1]) : x));
}

const objectiveAt = (logs, alpha, beta) => {
  const { E, A, B } = objectiveMap(logs, [alpha], [beta]).cells[0][0];
  return [E, A, B, alpha, beta];
};

/** Exponents of a term where the gain of one more column has a local maximum worth so much, dearest first. */
function dearest(x, y, worth) {
  const gain = PRICES.map((exponent) => {
    const price = x.reduce((total, v, i) => total + y[i] * Math.exp(-exponent * v), 0);
    return Math.max(price, 0) ** 2 / centredColumn(x, exponent, y).square;
  });
  return range(gain.length)
    .filter((k) => gain[k] > worth && !(gain[k - 1] > gain[k]) && !(gain[k + 1] > gain[k]))
    .sort((a, b) => gain[b] - gain[a]).slice(0, PEAKS).map((k) => PRICES[k]);
}

/** Whether the best single term leaves so much more than the fit that a face cannot tie. */
const cannotTie = (alone, left, constant) => alone > 2 * left + 0.01 * constant;

/** The optimum, or a face that is lower; and the exponents whose term the runs can do without. */
function spareTerms(logs, optimum, constant) {
  const ends = [0, 1].map((term) => {
    const { start, alone } = oneTerm(logs, 1 - term);
    return cannotTie(alone, optimum.objective, constant) ? { ...optimum, objective: Infinity } : onFace(logs, start, term);
  });
  const best = lowest([optimum, ...ends]), level = best.objective + Math.max(TIE * best.objective, NOTHING * constant);
  return { optimum: best, spare: ["alpha", "beta"].filter((_, term) => ends[term].objective <= level) };
}

/** Best of a map of one term alone, with the other zero. */
function oneTerm({ n, d, L }, term) {
  const middle = mean(L), y = L.map((loss) => loss - middle), LL = dot(y, y);
  let start = null, alone = Infinity;
  for (const exponent of geomspace(...EXPONENT_RANGE, 24)) {
    const { mean: p, square, withL } = centredColumn(term ? d : n, exponent, y);
    const slope = Math.max(withL / Math.max(square, 2.3e-308), 0), rss = LL - slope * (2 * withL - slope * square);
    if (!(rss < alone)) continue;
    alone = rss;
    start = [Math.max(middle - slope * p, 0), 0, 0, exponent, exponent];
    start[1 + term] = slope;
  }
  return { start, alone };
}

/** Polish with one term held at zero: where all its runs are infinitely large, it vanishes. */
function onFace(logs, start, term) {
  const gone = logs.L.map(() => 1e6);
  return newton({ ...logs, [term ? "d" : "n"]: gone }, start, FACE_STEPS);
}
