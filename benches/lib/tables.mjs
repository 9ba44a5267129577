// A suite gives cells: { table, labels, measures, asides, pairs }. `labels` says what was measured, by column;
// `measures` has the figures, { "messages/s": { ours: [round, …], ws: […] }, … }, and `asides` those that are not
// compared; `pairs` says which contenders are compared, by default the first with each other. Here cells become
// summaries, which are what the JSON has, and those become tables.
import { ratios, spread } from "./compare.mjs";

/** A cell with medians, least and greatest in place of all figures, and the ratios. */
export function summary({ table, labels, measures, asides = {}, pairs }) {
  const compared = Object.entries(measures).map(([measure, figures]) => [measure, measureSummary(figures, pairs)]);
  const others = Object.entries(asides).map(([measure, figures]) => [measure, measureSummary(figures, [])]);
  return { table, labels, measures: Object.fromEntries([...compared, ...others]) };
}

function measureSummary(figures, pairs = firstWithEach(figures)) {
  const present = pairs.filter(([one, other]) => figures[one] !== undefined && figures[other] !== undefined);
  return {
    figures: Object.fromEntries(Object.entries(figures).map(([name, all]) => [name, spread(all)])),
    ratios: present
      .filter(([, other]) => figures[other].every((figure) => figure !== 0))
      .map(([one, other]) => ({ one, other, ...ratios(figures[one], figures[other]) })),
  };
}

function firstWithEach(figures) {
  const [first, ...others] = Object.keys(figures);
  return others.map((other) => [first, other]);
}

/** What it ran on, as a list. */
export function machineLines(machine) {
  return Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
}

/** One suite's notes and tables, as lines. */
export function suiteText(name, { about, notes, date, commit, how, cells }) {
  const measured = `${how} Measured on ${date} at ${commit}.`;
  const lines = ["", `## ${name}`, "", about, ...[...notes, measured].map((note) => `\n${note}`)];
  for (const [title, group] of groupBy(cells, ({ table }) => table)) {
    lines.push("", `### ${title}`);
    for (const measure of new Set(group.flatMap((cell) => Object.keys(cell.measures)))) {
      lines.push(...measureTables(measure, group));
    }
  }
  return lines;
}

function measureTables(measure, cells) {
  const rows = cells.filter((cell) => measure in cell.measures);
  const of = (row) => row.measures[measure];
  const names = distinct(rows.flatMap((row) => Object.keys(of(row).figures)));
  const pairs = distinct(rows.flatMap((row) => of(row).ratios.map(pairName)));
  const figures = (row) => names.map((name) => cellText(of(row).figures[name], amount));
  const all = (row) =>
    pairs.map((pair) =>
      cellText(
        of(row).ratios.find((one) => pairName(one) === pair),
        ratio,
      ),
    );
  const tables = [tableLines(measure, names, rows, figures)];
  if (pairs.length > 0) tables.push(tableLines(`${measure}, ratio`, pairs, rows, all));
  return tables.flat();
}

function tableLines(title, columns, rows, cellsOf) {
  const labels = distinct(rows.flatMap((row) => Object.keys(row.labels)));
  const head = [...labels, ...columns];
  const rule = head.map((_, at) => (at < labels.length ? "---" : "---:"));
  const body = rows.map((row) => [...labels.map((label) => labelText(label, row.labels[label])), ...cellsOf(row)]);
  const lines = [head, rule, ...body].map((cells) => `| ${cells.join(" | ")} |`);
  return ["", `${title}:`, "", ...lines];
}

function pairName({ one, other }) {
  return `${one} : ${other}`;
}

function cellText(value, form) {
  if (value === undefined) return "–";
  const { median, least, greatest } = value;
  return least === greatest ? form(median) : `${form(median)} (${form(least)}–${form(greatest)})`;
}

function labelText(label, value) {
  if (label === "size") return sizeName(value);
  return typeof value === "number" ? value.toLocaleString("en") : value;
}

function ratio(value) {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function amount(value) {
  if (Math.abs(value) >= 1000) return Math.round(Number(value.toPrecision(3))).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

/** `125 B`, `64 KiB`, `1 MiB`. */
function sizeName(size) {
  if (size >= 1024 * 1024) return `${size / 1024 / 1024} MiB`;
  return size >= 1024 ? `${size / 1024} KiB` : `${size} B`;
}

function distinct(values) {
  return [...new Set(values)];
}

function groupBy(values, keyOf) {
  const groups = new Map();
  for (const value of values) groups.set(keyOf(value), [...(groups.get(keyOf(value)) ?? []), value]);
  return groups;
}
