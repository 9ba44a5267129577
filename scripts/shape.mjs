// Checks that the sources can be read: lines of at most 120 characters, in code, comments and Markdown; classes of at
// most 450 lines and 20 private fields.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const WIDTH = 120;
const LINES = 450;
const FIELDS = 20;

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const tracked = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
  encoding: "utf8",
});
const sources = tracked.split("\0").filter((file) => /\.(rs|tsx?|mjs|cjs|css|sh)$/.test(file) && !/^pkg\//.test(file));
/** Without what others wrote, or programs; the changelog is merged from many branches. */
const texts = tracked
  .split("\0")
  .filter((file) => file.endsWith(".md") && !/^(?:docs\/benchmarks|CODE_OF_CONDUCT|CHANGELOG)\.md$/.test(file));
const problems = sources.flatMap((file) => {
  const lines = readFileSync(file, "utf8").split("\n");
  return [...wide(file, lines), ...large(file, lines)];
});
problems.push(...texts.flatMap((file) => wideText(file, readFileSync(file, "utf8").split("\n"))));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`lines have at most ${WIDTH} characters, classes ${LINES} lines and ${FIELDS} private fields`);

/** Quoted text is not counted, nor a regular expression over a whole text: formatters do not break them. */
function wide(file, lines) {
  let isText = false; // within a template of several lines
  return lines.flatMap((line, at) => {
    const isComment = /^\s*(?:\/\/|\/\*|\*)/.test(line);
    const wasText = isText;
    if (!isComment && (line.match(/(?<!\\)`/g) ?? []).length % 2 === 1) isText = !isText;
    const own = isComment ? line : line.replace(/(["'`]).*\1|\/\^.*\//, "");
    return wasText || [...own].length <= WIDTH ? [] : [`${file}:${at + 1}: wider than ${WIDTH}`];
  });
}

/** Neither code nor tables and headings, and no line that has no blank outside of its links and code. */
function wideText(file, lines) {
  let inCode = false;
  return lines.flatMap((line, at) => {
    if (/^\s*```/.test(line)) inCode = !inCode;
    if (inCode || /^\s*(?:\||#|<)/.test(line) || [...line].length <= WIDTH) return [];
    const words = line.replaceAll(/!?\[(?:`[^`]*`|[^\]`])*\]\([^)]*\)|`[^`]*`/g, "link").replace(/^\s*(?:[-*] )?/, "");
    return words.includes(" ") ? [`${file}:${at + 1}: wider than ${WIDTH}`] : [];
  });
}

/** As Biome formats them, a class and its end are at the beginning of a line, its fields two blanks behind. */
function large(file, lines) {
  return lines.flatMap((line, start) => {
    const name = /^(?:export )?(?:abstract )?class (\w+)/.exec(line)?.[1];
    if (name === undefined) return [];
    const own = lines.slice(start, lines.indexOf("}", start) + 1);
    const fields = own.filter((one) => /^ {2}(?:static )?(?:readonly )?#\w+(?:[:;?!]| =)/.test(one));
    const isLarge = own.length > LINES || fields.length > FIELDS;
    return isLarge ? [`${file}: class ${name} has ${own.length} lines, ${fields.length} private fields`] : [];
  });
}
