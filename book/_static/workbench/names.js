// Names that people give to columns of runs, and the letter and unit that each says:
// scalinglab.data.usual_names and units.
import { general } from "./numbers.js";

const FOLDERS = /^(metrics|params|parameters|summary|config|throughput|model|data|train|trainer)\s*[./:]\s*/;
const words = (text) => new Set(text.split(" "));
const CORES = {
  N: words("n param params parameter parameters nparams"),
  D: words("d token tokens ntokens"),
  C: words("c compute budget"),
};
const BESIDE = {
  N: words("n num number of in count total model size non no without with embedding embeddings embed emb embd vocab " +
    "active activated dense trainable nonembedding noembed excl incl"),
  D: words("d n num number of in count total train training trained seen processed consumed"),
  C: words("c flop flops of in total train training model budget used nominal estimated approx num n 6nd 6n no non " +
    "emb embedding isoflop theoretical"),
};
const PARTS = words("embedding embeddings embed emb embd vocab"), WHOLES = words("non no with without incl excl");
const SPEED = /^[mgtp]flops$/, PER_SECOND = /(\/|per[ _])\s*s(ec|econds?)?(\b|_)(?!.*(day|hour))/i;
const LOSSES = words("loss losses nll bpb xent");
const NO_LOSS = words("scale fn func function std stderr stdev se sem var variance min max weight weights coef aux z " +
  "balance balancing load router type name step steps count id error spike spikes ratio delta diff ema grad per at " +
  "perplexity ppl");
const COUNTS = {};
for (const [size, all] of [[1e3, "k thousand thousands"], [1e6, "m mn million millions"],
  [1e9, "b g bn billion billions"], [1e12, "t tn trillion trillions"]])
  for (const word of all.split(" ")) COUNTS[word] = size;
const SCALES = { 1e3: "thousands", 1e6: "millions", 1e9: "billions", 1e12: "trillions" };
const PREFIXES = {};
["mega", "giga", "tera", "peta", "exa", "zetta", "yotta"].forEach((long, k) => {
  PREFIXES[long] = PREFIXES[long[0]] = 10 ** (6 + 3 * k);
});
const SECONDS = { second: 1, hour: 3600, day: 86400 };

/** What computes are counted in, in FLOPs. */
export const UNITS = {
  MFLOP: 1e6, GFLOP: 1e9, TFLOP: 1e12, PFLOP: 1e15, EFLOP: 1e18, ZFLOP: 1e21, YFLOP: 1e24,
  "petaFLOP/s-days": 8.64e19, "petaFLOP/s-hours": 3.6e18, "teraFLOP/s-days": 8.64e16,
};

/** The number that 1e18 or 10^18 writes; none for another word. */
function powerOfTen(word) {
  const found = /^x?(?:1e|10\^|10\*\*)\+?(\d{1,2})$/.exec(word);
  return found ? Number(`1e${found[1]}`) : 0;
}

/** FLOPs in a unit of compute, written as people do: gflops, PF-days; zero for anything else. */
function flopsOf(said) {
  const text = said.toLowerCase().replace(/[\s_/.-]+/g, "");
  const found = /^(mega|giga|tera|peta|exa|zetta|yotta|[mgtpezy])?f(?:lops?)?(?:s?(day|hour|second)s?)?$/.exec(text);
  if (!found || (!found[1] && (text === "f" || text === "flops" || text === "flop")))
    return text === "flops" || text === "flop" ? 1 : 0;
  if (!found[1] || (found[1].length === 1 && !text.includes("flop") && !found[2])) return 0;
  return PREFIXES[found[1]] * (SECONDS[found[2]] ?? 1);
}

/** The words of a name, in lower case: total_gflops, ModelSize and tokens (B) are two each. */
const wordsOf = (name) =>
  name.trim().replace(/([a-z])(?=[A-Z])/g, "$1 ").toLowerCase().match(/[\p{L}\p{N}]+(?:\^\d+)?/gu) ?? [];

/** What a column's name says it holds, { letter, size, unit }; null if it says nothing. */
export function meaningOf(name) {
  if (PER_SECOND.test(name)) return null;
  for (;;) {
    const bare = name.trim().replace(FOLDERS, ""), found = ofWords(wordsOf(name));
    if (found || bare === name.trim() || !bare) return found;
    name = bare;
  }
}

const meaning = (letter, size = 1, unit = "") => ({ letter, size, unit });

function ofWords(all) {
  const text = all.join(" "), has = (set) => all.some((word) => set.has(word));
  if (has(PARTS) && !has(WHOLES)) return null;
  if (text === "model size" || text === "modelsize") return meaning("N");
  const found = loss(all, text) ?? compute(all);
  if (found) return found;
  for (const letter of ["N", "D"]) {
    const [rest, size, unit] = scaled(all), beside = rest.filter((word) => !CORES[letter].has(word));
    const bare = !rest.some((word) => word.length > 1 && CORES[letter].has(word)); // D/N is a ratio
    const allowed = (word) => BESIDE[letter].has(word) && !(bare && "ndc".includes(word));
    if (beside.length < rest.length && beside.every(allowed)) return meaning(letter, size, unit);
  }
  return null;
}

function loss(all, text) {
  const per = /(bits|nats) per/.test(text);
  if (all.some((word) => NO_LOSS.has(word) && !(per && word === "per"))) return null;
  const unit = /\b(bpb|bits per byte)\b/.test(text) ? "bits per byte" :
    /\b(bits per token|bits)\b/.test(text) ? "bits per token" : /\bnats?\b/.test(text) ? "nats per token" : "";
  const named = all.some((word) => LOSSES.has(word)) || text.includes("cross entropy") ||
    ["l", "bits per byte", "bits per token"].includes(text);
  return named ? meaning("L", 1, unit) : null;
}

/** Compute, in the unit that one of the words, or a run of them, names. */
function compute(all) {
  const known = (word) => BESIDE.C.has(word) || CORES.C.has(word);
  for (let start = 0; start < all.length; start++)
    for (let end = all.length; end > start; end--) {
      const said = all.slice(start, end).join(""), size = flopsOf(said);
      const rest = [...all.slice(0, start), ...all.slice(end)];
      if (!size || !rest.every((word) => powerOfTen(word) || known(word))) continue;
      if (!rest.length && SPEED.test(said)) continue;
      const scale = rest.map(powerOfTen).find(Boolean) ?? 1, whole = size * scale;
      if (whole === 1) return meaning("C");
      const written = Object.keys(UNITS).find((unit) => UNITS[unit] === size) ?? said;
      return meaning("C", whole, scale === 1 ? written : general(whole));
    }
  const ten = all.map(powerOfTen).findLast(Boolean) ?? 1, rest = all.filter((word) => powerOfTen(word) !== ten);
  const cored = rest.some((word) => CORES.C.has(word)) && rest.every(known);
  return cored ? meaning("C", ten, ten === 1 ? "" : general(ten)) : null;
}

/** A count's words without those that say millions or billions, and what they say. */
function scaled(all) {
  for (let place = all.length - 1; place > 0; place--) {
    const size = COUNTS[all[place]] || powerOfTen(all[place]);
    if (size) return [[...all.slice(0, place), ...all.slice(place + 1)], size, SCALES[size] ?? general(size)];
  }
  return [all, 1, ""];
}
