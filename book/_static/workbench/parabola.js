// Least-squares parabolas: scalinglab.solvers.parabola.
import { greatest, mean, range, solvePositive } from "./numbers.js";

/** Least-squares parabola of y on x; coefficients of the powers of x less the middle, and whether it bends. */
export function fitParabola(x, y) {
  const middle = mean(x), width = greatest(x.map((v) => Math.abs(v - middle))) || 1, level = mean(y);
  const t = x.map((v) => (v - middle) / width);
  const powers = range(5).map((k) => t.reduce((total, v) => total + v ** k, 0));
  const products = range(3).map((k) => t.reduce((total, v, i) => total + v ** k * (y[i] - level), 0));
  const c = solvePositive(range(3).map((j) => range(3).map((k) => powers[j + k])), products) ?? [NaN, NaN, NaN];
  const bends = c[2] > 16 * Number.EPSILON * greatest(y.map(Math.abs));
  return { coefficients: [c[0] + level, c[1] / width, c[2] / width ** 2], middle, bends };
}
