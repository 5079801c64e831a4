// One reader for the tables people have: scalinglab.read_runs, for pasted text. What it refuses it refuses in
// words, with the line as an editor counts it, the table's own column, and what to do.
import { general } from "./numbers.js";
import { UNITS, meaningOf } from "./names.js";

export const MEANING = { N: "parameters", D: "tokens", L: "loss", C: "compute" };
const LETTERS = ["N", "D", "L", "C"], LISTED = 5, SAME_UNIT = 0.1, MOST_RUNS = 20000;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const WRITTEN = /^(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?=\s*[kmbgt]))\s*([kmbgt]?)$/i;
const DIGIT = /\d/, DECIMAL_COMMA = /^[+-]?\d+(,\d+)?$/, NO_THOUSANDS = /,(?!\d{3}$)\d+$/, EMPTY = /^(nan)?$/i;
const SIZES = { "": 1, k: 1e3, m: 1e6, b: 1e9, g: 1e9, t: 1e12 };
const ABSENT = new Set(("- -- ? . nan -nan +nan na n/a #n/a null none nil inf -inf +inf infinity -infinity diverged " +
  "divergence crashed failed killed running oom unfinished pending missing stopped aborted canceled cancelled timeout " +
  "error <na> nat").split(" ").concat(""));

/** What is wrong with a table, in words. */
export class TableError extends Error {}

const refuse = (words) => {
  throw new TableError(words);
};
const quoted = (names) => names.map((name) => `'${name}'`).join(", ");

/** A plain number; NaN for anything else. */
const numberOf = (entry) => (NUMBER.test(entry) ? Number(entry) : NaN);

/** A count of parameters, tokens or FLOPs, 12M or 25,165,824 too; NaN if it is none. */
export function countOf(entry) {
  const found = WRITTEN.exec(entry);
  return found ? Number(found[1].replaceAll(",", "")) * SIZES[found[2].toLowerCase()] : numberOf(entry);
}

const absent = (letter, entry) =>
  DIGIT.test(entry) ? letter !== "L" && numberOf(entry) === 0 : ABSENT.has(entry.toLowerCase());

/** The cells of a line: quoted ones whole, blanks around them left out. */
function cellsOf(text, separator) {
  if (separator === " ") return text.trim().split(/\s+/);
  const cells = [];
  let cell = "", inside = false;
  for (const sign of text) {
    if (sign === '"') inside = !inside;
    else if (sign === separator && !inside) {
      cells.push(cell.trim());
      cell = "";
    } else cell += sign;
  }
  return [...cells, cell.trim()];
}

/** Names, rows of texts and the line of each row. */
function tableOf(text) {
  if (text.includes("\0")) refuse("this is no text table; save it as CSV in UTF-8.");
  const lines = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").split("\n");
  const kept = lines.map((line, k) => [line, k + 1]).filter(([line]) => line.trim() && !/^\s*#/.test(line));
  if (!kept.length) refuse("the table is empty; it needs a header line and one line a run.");
  const [[header, first], ...rest] = kept;
  if (/^\s*[{[]/.test(header)) refuse("this is JSON; give a table with a header line, or read the file with scalinglab fit.");
  const unpaired = kept.find(([line]) => line.split('"').length % 2 === 0);
  if (unpaired) refuse(`line ${unpaired[1]} of the table has a quotation mark without its partner; mend that line.`);
  let separator = [...",;\t|"].reduce((a, b) => (header.split(b).length > header.split(a).length ? b : a));
  if (!header.includes(separator) && header.trim().split(/\s+/).length > 1) separator = " ";
  const names = cellsOf(header, separator), twice = names.find((name, k) => name && names.indexOf(name) !== k);
  if (twice) refuse(`the header (line ${first}) names '${twice}' twice; rename one.`);
  const rows = rest.map(([line, number]) => {
    const cells = cellsOf(line, separator);
    if (cells.length > names.length)
      refuse(`line ${number} of the table has ${cells.length} entries for the ${names.length} names of the header; mend ` +
        "that line so that it has one for each.");
    return names.map((_, k) => cells[k] ?? "");
  });
  if (separator !== ",") decimalPoints(names, rows, rest.map(([line]) => line).join("\n"), separator);
  return { names, rows, lines: rest.map(([, number]) => number) };
}

/** Write decimal commas as points: of all columns, or between semicolons of those that have no points. */
function decimalPoints(names, rows, text, separator) {
  const some = !/\d\.\d/.test(text) && /\d,\d/.test(text) &&
    (separator === ";" || /(?<![\d,])\d+,(?!\d{3}(?:,\d{3})*(?!\d))\d+/.test(text));
  names.forEach((_, k) => {
    const told = rows.map((row) => row[k]).filter((entry) => DIGIT.test(entry));
    const all = separator === ";" && told.every((entry) => DECIMAL_COMMA.test(entry)) &&
      told.some((entry) => NO_THOUSANDS.test(entry));
    if (some || all)
      for (const row of rows) row[k] = row[k].replace(/^([+-]?\d+),(\d+(?:e[+-]?\d+)?\s*[kmbgt]?)$/i, "$1.$2");
  });
}

/** The column of each letter, or the question if two may be meant. */
function picksOf({ names, rows }, chosen) {
  const picks = {}, questions = [], taken = new Set();
  const pick = (letter, place, meant, aside = "") => {
    picks[letter] = { letter, place, name: names[place], size: meant?.size ?? 1, unit: meant?.unit ?? "", aside };
    taken.add(place);
  };
  for (const [letter, name] of Object.entries(chosen)) {
    const meant = meaningOf(name);
    pick(letter, names.indexOf(name), meant?.letter === letter ? meant : null);
  }
  for (const letter of LETTERS) {
    if (picks[letter]) continue;
    const own = names.indexOf(letter);
    if (own >= 0 && !taken.has(own)) {
      pick(letter, own);
      continue;
    }
    const found = names.map((name, place) => ({ place, meant: taken.has(place) ? null : meaningOf(name) }))
      .filter(({ meant, place }) => meant?.letter === letter &&
        rows.some((row) => !absent("L", row[place]) && !Number.isNaN(countOf(row[place]))));
    if (!found.length) continue;
    const [first, ...more] = found, unitOf = ({ meant }) => `${meant.size} ${meant.unit}`;
    const same = more.every((one) => unitOf(one) === unitOf(first) &&
      rows.every((row) => row[one.place] === row[first.place]));
    const others = more.map(({ place }) => names[place]);
    if (same) pick(letter, first.place, first.meant, more.length ? ` (as ${others.join(", ")})` : "");
    else questions.push({ letter, names: [names[first.place], ...others] });
  }
  if (questions.length) {
    const error = new TableError("the table leaves a question: " + questions.map(({ letter, names: may }) =>
      `${quoted(may)} may each be ${letter} (${MEANING[letter]}); say which below.`).join(" "));
    throw Object.assign(error, { questions });
  }
  const wanted = ["N", "D", "L"].filter((letter) => !picks[letter]);
  const derived = picks.C && wanted.filter((letter) => letter !== "L").length === 1;
  const missing = derived ? wanted.filter((letter) => letter === "L") : wanted;
  if (missing.length)
    refuse(`no column of the table says that it is '${missing[0]}' (${MEANING[missing[0]]}); it has ${names.join(", ")}. ` +
      `Name yours ${missing[0]} in the header.`);
  return LETTERS.filter((letter) => picks[letter]).map((letter) => picks[letter]);
}

/** One letter's numbers, or words about the first entry that is none. */
function columnOf({ letter, place, name, size }, rows, lines) {
  const own = name === letter ? "" : ` ('${name}')`, at = (k) => `line ${lines[k]}${own}`;
  return rows.map((row, k) => {
    const entry = row[place], number = letter === "L" ? numberOf(entry) : countOf(entry);
    if (!Number.isFinite(number))
      refuse(`${letter} (${MEANING[letter]}) of ${at(k)} is '${entry}', not a number; correct it or drop the run.`);
    if (letter === "L" && number !== 0 && !(Math.abs(number) > 1e-100 && Math.abs(number) < 1e100))
      refuse(`loss of ${at(k)} is ${general(number)}; check its unit.`);
    return number * size;
  });
}

/** Runs of a pasted table: N, D, L, C, the line of each, and notes of what was understood. */
export function readRuns(text, { columns = {}, dropIncomplete = false } = {}) {
  const table = tableOf(text);
  if (!table.rows.length) refuse("there are no runs; give at least one row.");
  const picks = picksOf(table, columns);
  let { rows, lines } = table;
  const notes = [], lacking = rows.map((row) => picks.find(({ letter, place }) => absent(letter, row[place])));
  if (lacking.some(Boolean)) {
    const gone = lacking.flatMap((pick, k) => (pick ? [k] : []));
    const listed = gone.slice(0, LISTED).map((k) => {
      const entry = rows[k][lacking[k].place];
      return `line ${lines[k]}: '${lacking[k].name}' is ${EMPTY.test(entry) ? "empty or NaN" : `'${entry}'`}`;
    }).join("; ") + (gone.length > LISTED ? `; and ${gone.length - LISTED} more` : "");
    if (gone.length === rows.length) refuse(`every row of the table is incomplete (${listed}).`);
    if (!dropIncomplete)
      throw Object.assign(new TableError(`${gone.length} of ${rows.length} rows of the table are incomplete (${listed}); ` +
        "leave these runs out by the box below, or fill them in."), { incomplete: true });
    notes.push(`left out ${gone.length} incomplete of ${rows.length} rows (${listed})`);
    [rows, lines] = [rows, lines].map((list) => list.filter((_, k) => !lacking[k]));
  }
  if (rows.length > MOST_RUNS) refuse(`a page fits ${MOST_RUNS} runs at most; scalinglab fit, on the command line, takes any number.`);
  const runs = { lines, notes, picks };
  for (const pick of picks) runs[pick.letter] = columnOf(pick, rows, lines);
  const told = picks.filter(({ name, letter, unit, aside }) => name !== letter || unit || aside);
  if (told.length)
    notes.push("read " + told.map(({ letter, name, unit, aside }) =>
      `${letter} from '${name}'${unit ? ` in ${unit}` : ""}${aside}`).join(", "));
  for (const [letter, other] of [["D", "N"], ["N", "D"]]) {
    if (runs[letter]) continue;
    runs[letter] = runs.C.map((C, k) => C / (6 * runs[other][k]));
    notes.push(`${letter} is C/6${other}, for no column holds ${MEANING[letter]}`);
  }
  if (runs.C) {
    const logs = runs.C.map((C, k) => Math.log(C / (6 * runs.N[k] * runs.D[k])));
    const unit = Object.keys(UNITS).find((one) =>
      logs.every((log) => Math.abs(log + Math.log(UNITS[one])) < SAME_UNIT));
    if (unit) notes.push(`C looks like ${unit}, by C/6ND, and was left as it is; write it in the header, C (${unit})`);
  } else runs.C = runs.N.map((N, k) => 6 * N * runs.D[k]);
  for (const letter of ["N", "D", "C"])
    runs[letter].forEach((count, k) => {
      if (!(count > 0 && count < Infinity))
        refuse(`${MEANING[letter]} of line ${lines[k]} ('${picks.find((pick) => pick.letter === letter)?.name ?? letter}') is ` +
          `${general(count)}; ${letter} must be positive. Correct or drop the run.`);
    });
  return runs;
}
