// Elements of the page, and pictures drawn as SVG in the page's own colours.
import { range } from "./numbers.js";

const build = (make) => (tag, attributes = {}, ...children) => {
  const made = make(tag);
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) made.setAttribute(name, value === true ? "" : value);
  made.append(...children.flat().filter((child) => child != null));
  return made;
};
export const el = build((tag) => document.createElement(tag));
export const svg = build((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));

let serial = 0;
export const fresh = (name) => `wb-${name}-${++serial}`;

/** Round numbers between two ends, about so many. */
export function ticks(low, high, about = 5) {
  const raw = (high - low) / about, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].find((size) => size * power >= raw) * power, first = Math.ceil(low / step - 1e-9);
  return range(Math.floor(high / step + 1e-9) - first + 1).map((k) => Number(((first + k) * step).toPrecision(12)));
}

/**
 * A picture with axes: width and height in pixels, so that letters keep their size; x and y are the ranges, in
 * whatever is drawn. What a reader who does not see it should know goes to describe().
 */
export function picture({ width, height, x, y, left = 52, right = 14, top = 12, bottom = 42 }) {
  const clip = fresh("clip"), span = [left, width - right, height - bottom, top];
  const X = (value) => span[0] + ((value - x[0]) / (x[1] - x[0])) * (span[1] - span[0]);
  const Y = (value) => span[2] + ((value - y[0]) / (y[1] - y[0])) * (span[3] - span[2]);
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" },
    svg("clipPath", { id: clip },
      svg("rect", { x: span[0], y: span[3], width: span[1] - span[0], height: span[2] - span[3] })));
  const inside = svg("g", { "clip-path": `url(#${clip})` });
  const add = (...parts) => root.append(...parts);
  const text = (at, words, attributes = {}) => {
    const made = svg("text", { x: at[0].toFixed(1), y: at[1].toFixed(1), ...attributes }, words);
    add(made);
    return made;
  };
  const path = (points) => points.map(([px, py], k) => `${k ? "L" : "M"}${X(px).toFixed(1)} ${Y(py).toFixed(1)}`).join("");
  return {
    root, X, Y, add, text, inside,
    xOf: (px) => x[0] + ((px - span[0]) / (span[1] - span[0])) * (x[1] - x[0]),
    describe: (words) => root.setAttribute("aria-label", words),
    axes(xTicks, yTicks, xLabel, yLabel) {
      for (const [value, label] of xTicks) {
        add(svg("path", { class: "wb-grid", d: `M${X(value)} ${span[2]}V${span[3]}` }));
        text([X(value), span[2] + 17], label, { "text-anchor": "middle" });
      }
      for (const [value, label] of yTicks) {
        add(svg("path", { class: "wb-grid", d: `M${span[0]} ${Y(value)}H${span[1]}` }));
        text([span[0] - 7, Y(value) + 4], label, { "text-anchor": "end" });
      }
      add(svg("path", { class: "wb-axis", d: `M${span[0]} ${span[3]}V${span[2]}H${span[1]}` }));
      text([(span[0] + span[1]) / 2, height - 6], xLabel, { "text-anchor": "middle", class: "wb-label" });
      const turned = `rotate(-90 13 ${(span[2] + span[3]) / 2})`;
      text([13, (span[2] + span[3]) / 2], yLabel, { "text-anchor": "middle", class: "wb-label", transform: turned });
      add(inside);
    },
    line(points, look, style) {
      inside.append(svg("path", { class: `wb-line wb-${look}`, d: path(points), style }));
    },
    dots(points, look, radius = 2.6, style) {
      const every = Math.ceil(points.length / 2000); // of very many, some
      for (const [px, py] of points.filter((_, k) => k % every === 0))
        inside.append(svg("circle", { class: `wb-dot wb-${look}`, cx: X(px).toFixed(1), cy: Y(py).toFixed(1), r: radius, style }));
    },
    /** The mark of a role at an optimum: a cross for the truth, a plus for Approach 2, a dot for VPNLS. */
    mark([px, py], look, size = 5) {
      const arms = look === "truth" ? `m${-size} ${-size}l${2 * size} ${2 * size}m${-2 * size} 0l${2 * size} ${-2 * size}` :
        `m${-size} 0h${2 * size}m${-size} ${-size}v${2 * size}`;
      const d = `M${X(px).toFixed(1)} ${Y(py).toFixed(1)}${arms}`;
      inside.append(look === "vpnls" ?
        svg("circle", { class: "wb-dot wb-vpnls wb-ringed", cx: X(px), cy: Y(py), r: size }) :
        svg("path", { class: "wb-halo", d }), ...(look === "vpnls" ? [] : [svg("path", { class: `wb-mark wb-${look}`, d })]));
    },
  };
}

/** A field with a slider: both say the same number, and answer to keyboard and touch. `log` slides by factors. */
export function field({ label, unit = "", low, high, value, log = false, whole = false, show = String, change }) {
  const id = fresh("field"), steps = 400;
  const round = (v) => (whole ? Math.round(v) : Number(v.toPrecision(3)));
  const to = (v) => (log ? Math.log(v / low) / Math.log(high / low) : (v - low) / (high - low)) * steps;
  const from = (s) => round(log ? low * (high / low) ** (s / steps) : low + ((high - low) * s) / steps);
  const box = el("input", { id, type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
  const slider = el("input", { type: "range", min: 0, max: steps, step: 1, "aria-label": label });
  const put = (next, told = true) => {
    value = next;
    if (document.activeElement !== box) box.value = show(value);
    slider.value = to(value);
    slider.setAttribute("aria-valuetext", `${show(value)} ${unit}`.trim());
    if (told) change(value);
  };
  slider.addEventListener("input", () => put(from(Number(slider.value))));
  box.addEventListener("input", () => {
    const given = Number(box.value.trim().replace(",", "."));
    const good = given >= low && given <= high && (!whole || Number.isInteger(given));
    box.toggleAttribute("aria-invalid", !good);
    if (good) put(given);
  });
  box.addEventListener("blur", () => {
    box.removeAttribute("aria-invalid");
    put(value, false);
  });
  put(value, false);
  const root = el("div", { class: "wb-field" }, el("label", { for: id }, label), box, slider);
  return { root, put: (next) => put(next, false), clamp: (v) => round(Math.min(Math.max(v, low), high)) };
}

/** Draw again whenever the element becomes wider or narrower. */
export function followWidth(element, draw) {
  let width = 0;
  const look = () => {
    const now = Math.floor(element.clientWidth);
    if (now > 160 && now !== width) draw((width = now));
  };
  new ResizeObserver(look).observe(element);
  look();
  return () => width && draw(width);
}

/** Say a sentence to screen readers once changes pause. */
export function speaker() {
  const root = el("p", { class: "wb-spoken", "aria-live": "polite" });
  let timer = 0;
  return { root, say: (words) => { clearTimeout(timer); timer = setTimeout(() => { root.textContent = words; }, 600); } };
}
