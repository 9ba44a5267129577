// Tests that are cells of one table, which stands below their report.
import { test } from "node:test";

const rows = new Map();

/** A test; the table shows what its function returns (a word or two). */
export function cell(row, column, run) {
  const cells = rows.get(row) ?? rows.set(row, new Map()).get(row);
  cells.set(column, "–");
  test(`${row}: ${column}`, async () => {
    cells.set(column, "FAILED");
    cells.set(column, await run());
  });
}

// below the report
process.on("exit", () => {
  const columns = [...new Set([...rows.values()].flatMap((cells) => [...cells.keys()]))];
  const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
  line(["", ...columns]);
  line(["", ...columns].map(() => "---"));
  for (const [row, cells] of rows) line([row, ...columns.map((column) => cells.get(column) ?? "")]);
});
