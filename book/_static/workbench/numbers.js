// Rows of numbers, and numbers written out as the package writes them.

export const sum = (x) => x.reduce((total, value) => total + value, 0);
export const mean = (x) => sum(x) / x.length;
export const least = (x) => x.reduce((a, b) => Math.min(a, b), Infinity);
export const greatest = (x) => x.reduce((a, b) => Math.max(a, b), -Infinity);
export const dot = (x, y) => {
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i] * y[i];
  return total;
};
export const range = (count) => Array.from({ length: count }, (_, k) => k);
export const geomspace = (low, high, count) =>
  range(count).map((k) =>
    k === 0 ? low : k === count - 1 ? high : low * (high / low) ** (k / (count - 1)));
export const sorted = (x) => Array.from(x).sort((a, b) => a - b);
export const median = (x) => {
  const s = sorted(x), half = s.length >> 1;
  return s.length % 2 ? s[half] : (s[half - 1] + s[half]) / 2;
};
export const distinct = (x) => new Set(x).size;

/** Slope and intercept of the least-squares line of y on x. */
export function line(x, y) {
  const x0 = mean(x), y0 = mean(y), u = x.map((v) => v - x0);
  const slope = dot(u, y.map((v) => v - y0)) / dot(u, u);
  return { slope, intercept: y0 - slope * x0 };
}

/** Solve a symmetric positive definite system by Cholesky; null where it is none. */
export function solvePositive(matrix, right) {
  const size = right.length, G = matrix.map((row) => Array.from(row)), x = Array.from(right);
  for (let j = 0; j < size; j++) {
    for (let k = 0; k < j; k++) for (let i = j; i < size; i++) G[i][j] -= G[i][k] * G[j][k];
    if (!(G[j][j] > 0)) return null;
    const root = Math.sqrt(G[j][j]);
    for (let i = j; i < size; i++) G[i][j] /= root;
  }
  for (let j = 0; j < size; j++) {
    for (let k = 0; k < j; k++) x[j] -= G[j][k] * x[k];
    x[j] /= G[j][j];
  }
  for (let j = size - 1; j >= 0; j--) {
    for (let k = j + 1; k < size; k++) x[j] -= G[k][j] * x[k];
    x[j] /= G[j][j];
  }
  return x;
}

/** A number with so many significant digits, as Python's format "g" writes it. */
export function general(value, digits = 6) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  if (value === 0) return "0";
  const [head, power] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power);
  if (exponent < -4 || exponent >= digits) {
    const mantissa = head.includes(".") ? head.replace(/\.?0+$/, "") : head;
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const text = value.toFixed(Math.max(0, digits - 1 - exponent));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** The numbers of a text for people: 10²² for 1e+22, a minus sign for a hyphen. */
export function typeset(text) {
  return text
    .replace(/(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)\b/g, (_, mantissa, exponent) => {
      const ten = "10" + String(Number(exponent)).replace(/[-\d]/g, (sign) => SUPERSCRIPTS[sign]);
      return Number(mantissa) === 1 ? ten : `${mantissa}\u00a0×\u00a0${ten}`;
    })
    .replace(/(^|[\s(])-(?=\d)/g, "$1−")
    .replace(/(\d) ?%/g, "$1\u00a0%");
}

/** A number of parameters or tokens in short, with the letters k, M, B and T. */
export function formatCount(value, digits = 3) {
  for (const [size, letter] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(value) >= size * (1 - 0.5 * 10 ** -digits))
      return (value < 999.5 * size ? general(value / size, digits) : (value / size).toFixed(0)) + letter;
  return general(value, digits);
}

/** A share in per cent with its sign: +5.4 %, −23 %, +0.02 %. */
export function percent(value, sign = true) {
  const size = Math.abs(100 * value);
  if (!Number.isFinite(size)) return "beyond measure";
  const digits = size < 1e-3 ? 0 : size < 0.1 ? 3 : size < 1 ? 2 : size < 100 ? 1 : 0;
  const text = size < 1e-3 ? "0" : size < 1e5 ? size.toFixed(digits) : general(size, 3);
  return typeset(`${Number(text) === 0 || !sign ? "" : value > 0 ? "+" : "−"}${text} %`);
}
