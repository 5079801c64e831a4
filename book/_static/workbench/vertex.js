// The vertex of a parabola fitted to an IsoFLOP curve, in closed form: scalinglab.theory.isoflop_bias.
import { line } from "./numbers.js";

/** Modified spherical Bessel function of the first kind, of order 0, 1 or 2. */
export function sphericalIn(order, y) {
  if (y > 3) {
    const s = Math.sinh(y) / y, c = Math.cosh(y) / y;
    return order === 0 ? s : order === 1 ? c - s / y : s - (3 * c) / y + (3 * s) / y ** 2;
  }
  let term = y ** order / [1, 3, 15][order], total = term;
  for (let j = 1; j < 40 && term > 1e-18 * total; j++)
    total += term *= (y * y) / 2 / (j * (2 * (order + j) + 1));
  return total;
}

/** T, S and Q of vertexShift for a half spacing x = lambda h / 2. */
function gridSums(x, n) {
  const langevin = (y) => sphericalIn(1, y) / sphericalIn(0, y);
  const second = (y) => sphericalIn(2, y) / (3 * sphericalIn(0, y));
  const T = Math.sinh(n * x) / Math.sinh(x);
  const S = n * langevin(n * x) - langevin(x);
  return [T, S, n ** 2 * second(n * x) - second(x) - langevin(x) * S];
}

/** Exact shift of a fitted parabola's vertex in ln N, to 1e-14; the grid's centre lies at offset times D*. */
export function vertexShift(alpha, beta, reach, points = null, offset = 1) {
  const U = Math.log(reach), u0 = -Math.log(offset);
  const p = beta * Math.exp(-alpha * u0), q = alpha * Math.exp(beta * u0);
  if (!points) {
    const first = p * sphericalIn(1, alpha * U) - q * sphericalIn(1, beta * U);
    return u0 + ((U / 5) * first) / (p * sphericalIn(2, alpha * U) + q * sphericalIn(2, beta * U));
  }
  const h = (2 * U) / (points - 1);
  const [Ta, Sa, Qa] = gridSums((alpha * h) / 2, points), [Tb, Sb, Qb] = gridSums((beta * h) / 2, points);
  return u0 + ((h * (points ** 2 - 4)) / 30) * (p * Ta * Sa - q * Tb * Sb) / (p * Ta * Qa + q * Tb * Qb);
}

/** Centre of each grid in tokens over the best token count. */
export function offsetsOf({ budgets, offset, drift }) {
  const x = budgets.map(Math.log), low = Math.min(...x), span = Math.max(...x) - low;
  return x.map((value) => offset * drift ** (span ? (value - low) / span : 0));
}

/** Bias of Approach 2 on a noise-free design: shifts, and errors of exponent and intercept of ln N*. */
export function approach2Bias({ alpha, beta }, design) {
  const shifts = offsetsOf(design).map((offset) => vertexShift(alpha, beta, design.reach, design.points, offset));
  const { slope, intercept } = line(design.budgets.map(Math.log), shifts);
  return {
    shifts, exponentError: slope, interceptError: intercept,
    NFactor: (C) => Math.exp(intercept + slope * Math.log(C)),
  };
}

/** Loss above the best of a budget in units of the best's own reducible loss, at u = ln(N/N*). */
export const shape = ({ alpha, beta }, u) =>
  (beta * Math.expm1(-alpha * u) + alpha * Math.expm1(beta * u)) / (alpha + beta);

/** Share of the compute that is wasted at factor times the best size, whatever the budget. */
export const deadweightLoss = (surface, factor) =>
  -Math.expm1(-Math.log1p(shape(surface, Math.log(factor))) * (1 / surface.alpha + 1 / surface.beta));
