// The best E, A, B for given exponents, in closed form: scalinglab.solvers.projection and centred_logs.
import { dot, geomspace, mean } from "./numbers.js";

export const EXPONENT_RANGE = [0.01, 2];

/** Centred logs of the runs, so that no fit depends on the units of N and D. */
export function centredLogs({ N, D, L }) {
  const n = Float64Array.from(N, Math.log), d = Float64Array.from(D, Math.log);
  const logN0 = mean(n), logD0 = mean(d);
  return { n: n.map((x) => x - logN0), d: d.map((x) => x - logD0), L: Float64Array.from(L), logN0, logD0 };
}

/** The surface in the units of the runs from E, A, B, alpha, beta in the centred ones. */
export const surfaceOf = (logs, [E, A, B, alpha, beta]) =>
  ({ E, A: A * Math.exp(alpha * logs.logN0), B: B * Math.exp(beta * logs.logD0), alpha, beta });

/** Least squares of L on (1, p, q) without constraints, from means and products about the means. */
export function freeLeastSquares({ p, q, L, pp, qq, pq, pL, qL, LL }) {
  const det = pp * qq - pq * pq;
  const A = (qq * pL - pq * qL) / det, B = (pp * qL - pq * pL) / det;
  return { E: L - A * p - B * q, A, B, rss: LL - A * pL - B * qL, det };
}

/** The same with E, A, B >= 0, exact: where the free solution is feasible, where E is zero, where a term is. */
export function nonnegativeLeastSquares(moments) {
  const { W, p, q, pp, qq, pq } = moments;
  let { E, A, B, rss, det } = freeLeastSquares(moments);
  if (E < 0) {
    const u = (qq * p - pq * q) / det, v = (pp * q - pq * p) / det, shift = E / (1 / W + u * p + v * q);
    A += shift * u;
    B += shift * v;
    rss += shift * E;
    E = 0;
  }
  if (!(A >= 0 && B >= 0 && det > 1e-15 * pp * qq)) {
    const [Ep, Ap, rssP] = oneColumn(W, p, moments.L, pp, moments.pL, moments.LL);
    const [Eq, Bq, rssQ] = oneColumn(W, q, moments.L, qq, moments.qL, moments.LL);
    [E, A, B, rss] = rssP <= rssQ ? [Ep, Ap, 0, rssP] : [Eq, 0, Bq, rssQ];
  }
  return { E, A, B, rss: Math.max(rss, 0) };
}

/** Constant and slope, not negative, of L on (1, x), and the squares they leave. */
function oneColumn(W, x, L, xx, xL, LL) {
  let slope = xx > 0 ? Math.max(xL / xx, 0) : 0;
  if (slope * x > L) slope = Math.max((xL + W * x * L) / (xx + W * x * x), 0);
  const E = Math.max(L - slope * x, 0);
  return [E, slope, LL - slope * (2 * xL - slope * xx) + W * (L - E - slope * x) ** 2];
}

/** One column e^(-exponent x), centred, with its mean and its products with itself and with the losses. */
export function centredColumn(x, exponent, y) {
  const column = x.map((value) => Math.exp(-exponent * value)), middle = mean(column);
  for (let i = 0; i < column.length; i++) column[i] -= middle;
  return { column, mean: middle, square: dot(column, column), withL: dot(column, y) };
}

/** Reduced objective at every pair of exponents: a row for each alpha, of {E, A, B, rss}. */
export function objectiveMap(logs, alphas, betas = alphas) {
  const W = logs.L.length, L = mean(logs.L), y = logs.L.map((value) => value - L), LL = dot(y, y);
  const P = Array.from(alphas, (alpha) => centredColumn(logs.n, alpha, y));
  const Q = Array.from(betas, (beta) => centredColumn(logs.d, beta, y));
  const cells = P.map((p) => Q.map((q) => nonnegativeLeastSquares({
    W, p: p.mean, q: q.mean, L, pp: p.square, qq: q.square, pq: dot(p.column, q.column),
    pL: p.withL, qL: q.withL, LL,
  })));
  const face = LL - greatestGain(P.concat(Q));
  return { cells, LL, face };
}

/** What the best single term of a map takes from the squares. */
const greatestGain = (columns) =>
  columns.reduce((most, { withL, square }) => Math.max(most, Math.max(withL, 0) ** 2 / square), 0);

/** Exponents at which the reduced objective is first evaluated. */
export const START_EXPONENTS = geomspace(...EXPONENT_RANGE, 24);
