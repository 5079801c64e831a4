// From a good start to the optimum, to the last digit: scalinglab.solvers.newton, for squared residuals.
import { dot, mean, solvePositive } from "./numbers.js";
import { EXPONENT_RANGE } from "./projection.js";

const LOW = [0, 0, 0, EXPONENT_RANGE[0], EXPONENT_RANGE[0]];
const HIGH = [Infinity, Infinity, Infinity, EXPONENT_RANGE[1], EXPONENT_RANGE[1]];
const FIVE = [0, 1, 2, 3, 4];

// Steps after which the pace is judged; a share of the objective that is next to nothing, and of a constant's.
const PACE = 10, STANDSTILL = 1e-7;
export const NOTHING = 1e-13;

const inside = (theta) => theta.map((value, k) => Math.min(Math.max(value, LOW[k]), HIGH[k]));

/** Sum of squared residuals. */
export function value({ n, d, L }, [E, A, B, alpha, beta]) {
  let total = 0;
  for (let i = 0; i < L.length; i++)
    total += (E + A * Math.exp(-alpha * n[i]) + B * Math.exp(-beta * d[i]) - L[i]) ** 2;
  return total;
}

/** Squares that the mean of the losses leaves. */
export function scatter(L) {
  const middle = mean(L);
  return L.reduce((total, loss) => total + (loss - middle) ** 2, 0);
}

/** Objective, gradient, Hessian, and the Gauss-Newton matrix that takes its place where it is not positive. */
function expand({ n, d, L }, theta) {
  const [E, A, B, alpha, beta] = theta, slopes = new Float64Array(7), majorant = FIVE.map(() => new Float64Array(5));
  const X = new Float64Array(7);
  let total = 0;
  X[0] = 1;
  for (let i = 0; i < L.length; i++) {
    X[1] = Math.exp(-alpha * n[i]);
    X[2] = Math.exp(-beta * d[i]);
    X[3] = n[i] * X[1];
    X[4] = d[i] * X[2];
    X[5] = n[i] * X[3];
    X[6] = d[i] * X[4];
    const r = E + A * X[1] + B * X[2] - L[i];
    total += r * r;
    for (let j = 0; j < 7; j++) slopes[j] += 2 * r * X[j];
    for (let j = 0; j < 5; j++) for (let k = 0; k <= j; k++) majorant[j][k] += 2 * X[j] * X[k];
  }
  const amplitudes = [1, 1, 1, -A, -B];
  for (const j of FIVE)
    for (let k = 0; k <= j; k++) majorant[k][j] = majorant[j][k] *= amplitudes[j] * amplitudes[k];
  const hessian = majorant.map((row) => row.slice());
  for (const [k, amplitude] of [[1, A], [2, B]]) {
    hessian[k][2 + k] -= slopes[2 + k];
    hessian[2 + k][k] -= slopes[2 + k];
    hessian[2 + k][2 + k] += amplitude * slopes[4 + k];
  }
  return { value: total, gradient: FIVE.map((k) => slopes[k] * amplitudes[k]), hessian, majorant };
}

/** Newton step of the free parameters, the Hessian blended with the majorant until it is positive. */
function freeStep(held, { gradient, hessian, majorant }) {
  const scale = FIVE.map((k) => (held[k] ? 0 : 1 / Math.sqrt(Math.max(majorant[k][k], 2.3e-308))));
  for (const share of [0, 0.01, 0.1, 0.5, 1]) {
    const blend = FIVE.map((j) => FIVE.map((k) =>
      (hessian[j][k] + share * (majorant[j][k] - hessian[j][k])) * scale[j] * scale[k] + (j === k && held[j] ? 1 : 0)));
    const step = solvePositive(blend, FIVE.map((k) => -gradient[k] * scale[k]));
    if (step) return { step: step.map((x, k) => x * scale[k]), convex: share === 0 };
  }
  return { step: FIVE.map((k) => -gradient[k] * scale[k] ** 2), convex: false };
}

/** A downhill step of the free parameters that stops at the first bound it meets. */
function stepFrom(theta, here) {
  const atLow = FIVE.map((k) => theta[k] <= LOW[k]), atHigh = FIVE.map((k) => theta[k] >= HIGH[k]);
  const held = FIVE.map((k) => (atLow[k] && here.gradient[k] >= 0) || (atHigh[k] && here.gradient[k] <= 0) ||
    (k > 2 && theta[k - 2] === 0));
  for (;;) {
    const { step, convex } = freeStep(held, here), end = FIVE.map((k) => theta[k] + step[k]);
    const outward = FIVE.filter((k) => (atLow[k] && step[k] < 0) || (atHigh[k] && step[k] > 0));
    if (outward.length) {
      for (const k of outward) held[k] = true;
      continue;
    }
    const room = FIVE.map((k) => end[k] < LOW[k] ? (LOW[k] - theta[k]) / step[k] :
      end[k] > HIGH[k] ? (HIGH[k] - theta[k]) / step[k] : 1);
    const first = room.indexOf(Math.min(...room));
    if (room[first] < 1) {
      for (const k of FIVE) step[k] *= room[first];
      step[first] = (step[first] < 0 ? LOW : HIGH)[first] - theta[first];
    }
    return { step, convex };
  }
}

/** Share of a step after which the objective is low enough; zero if none is. */
function shortened(logs, theta, step, before, slope, ahead) {
  for (let size = 1; size >= 1e-12;) {
    const excess = ahead - before - slope * size;
    size *= excess > 0 && excess < Infinity ? Math.min(Math.max((-slope * size) / (2 * excess), 0.1), 0.5) : 0.1;
    ahead = value(logs, inside(FIVE.map((k) => theta[k] + size * step[k])));
    if (ahead <= before + 1e-4 * size * slope) return size;
  }
  return 0;
}

/**
 * Minimise the squares over E, A, B >= 0 and exponents in their range, from a start. `settled` says that the
 * steps converged inside the bounds, `arrived` that they converged, or that none goes lower; `rival` is an
 * objective reached elsewhere, above which steps that creep end early.
 */
export function newton(logs, start, iterations = 400, rival = Infinity) {
  let theta = inside(Array.from(start)), here = expand(logs, theta), before = Infinity;
  const floor = logs.L.reduce((total, loss) => total + (4 * Number.EPSILON * loss) ** 2, 0);
  const nothing = NOTHING * scatter(logs.L);
  const ended = (at, objective, settled, arrived) => ({ theta: at, objective, settled, arrived });
  for (let k = 0; k < iterations; k++) {
    if (k % PACE === 0) {
      const gained = before - here.value;
      before = here.value;
      if (gained <= 1e-13 * here.value + floor || (k >= 2 * PACE && here.value <= nothing))
        return ended(theta, here.value, false, true);
      const left = ((here.value - rival) * PACE) / (iterations - k);
      if (here.value > rival && gained < Math.max(left, STANDSTILL * here.value)) break;
    }
    const { step, convex } = stepFrom(theta, here), slope = dot(here.gradient, step);
    if (-slope <= (convex ? 1e-9 : 1e-15) * here.value + floor) {
      const end = inside(FIVE.map((j) => theta[j] + step[j])), last = value(logs, end);
      if (last <= here.value * (1 + 1e-12) + floor)
        return ended(end, last, FIVE.every((j) => end[j] > LOW[j] && end[j] < HIGH[j]), true);
    }
    let trial = inside(FIVE.map((j) => theta[j] + step[j])), there = expand(logs, trial);
    if (!(there.value <= here.value + 1e-4 * slope)) {
      const size = shortened(logs, theta, step, here.value, slope, there.value);
      if (!size) return ended(theta, here.value, false, true);
      trial = inside(FIVE.map((j) => theta[j] + size * step[j]));
      there = expand(logs, trial);
    }
    theta = trial;
    here = there;
  }
  return ended(theta, here.value, false, false);
}

/** From an optimum inside the bounds to the last digit: full steps as long as they get shorter. */
export function polished(logs, optimum) {
  let best = optimum;
  for (let k = 0, last = Infinity; k < 5 && best.settled; k++) {
    const { step, convex } = stepFrom(best.theta, expand(logs, best.theta));
    const length = Math.max(...step.map((x, j) => Math.abs(x) / Math.abs(best.theta[j])));
    if (!convex || !(length < last)) break;
    const theta = FIVE.map((j) => best.theta[j] + step[j]);
    best = { ...best, theta, objective: value(logs, theta) };
    last = length;
  }
  return best;
}
