// Checks what people read against our rules of English: `node scripts/prose.mjs [FILE…]`, by default every file of the
// repository. Of Markdown it reads the text, of code the comments and the strings of three words and more.
// A rule finds patterns; it does not make good prose. CONTRIBUTING.md says how we write.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** What `no` may stand before. */
const COMPARATIVES =
  "longer|more|less|fewer|better|worse|larger|smaller|greater|higher|lower|shorter|older|newer|later|faster|slower|cheaper";

/** What is found, and what to write in its place. */
const RULES = [
  [
    new RegExp(String.raw`(?<!\b[Tt]here )\b(?:is|are|was|were|be) no (?!(?:one|${COMPARATIVES})\b)[A-Za-z]`),
    "write `is not a …`, or `has no …`",
  ],
  [/\b(?:whoever|nobody|somebody|anybody)\b/i, "name who acts: the caller, the peer, the application"],
  [/(?:^|[.;:!?] )Who (?!is\b|are\b|uses\b)/, "name who acts: the caller, the peer, the application"],
  [/\bof (?:yours|ours|anybody's|somebody's|nobody's)\b/, "write `your`, `our`, `any`"],
  [/\bso (?:many|long|much) (?!as\b|that\b)/i, "name the quantity"],
  [/\bstands? (?:in|on|at|behind|beside|where)\b|\bstood\b/, "bytes and texts `are` somewhere"],
  [/\btells? (?:of|who|whether|that|it)\b|\btold of\b/, "write `reports`, `says`, `shows`"],
  [
    /(?:^|[.;:!?] )What (?!is\b|are\b|does\b|do\b|did\b|has\b|to\b|happens\b|happened\b)\w+[^.?!|]*$/,
    "begin with the noun",
  ],
  [/, (?:as (?:it|they|this) (?:has|have|can|cannot|does|do|must)|for (?:it|they|this|these)) /, "write `because`"],
  [/(?:^|[.;:] )To \w+ (?:\w+ ){0,6}(?:takes|costs) /, "begin with the noun: `Allocating costs …`"],
];

/** What others wrote, or machines. */
const SKIPPED =
  /^(?:pkg|fuzz\/corpus|docs\/benchmarks\.md|LICENSE)|(?:^|\/)(?:package-lock\.json|scripts\/prose\.mjs)$/;
const READ = /\.(?:md|rs|ts|tsx|mjs|c|h|cpp|wit|py)$|^scripts\/[\w-]+$/;

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const named = process.argv.slice(2);
const files = named.length > 0 ? named : execFileSync("git", ["ls-files"], { encoding: "utf8" }).trim().split("\n");
const findings = files.filter((file) => READ.test(file) && !SKIPPED.test(file)).flatMap(read);
for (const finding of findings) console.error(finding);
if (findings.length > 0) process.exit(1);
console.log("the prose keeps to the rules");

function read(file) {
  const lines = readFileSync(file, "utf8").split("\n");
  const texts = file.endsWith(".md") ? ofMarkdown(lines) : ofCode(file, lines);
  return texts.flatMap((text, at) =>
    RULES.filter(([pattern]) => pattern.test(text)).map(
      ([, advice]) => `${file}:${at + 1}: ${advice}: ${lines[at].trim()}`,
    ),
  );
}

/** The lines without code: neither blocks nor spans. Quotes are of others. */
function ofMarkdown(lines) {
  let inCode = false;
  return lines.map((line) => {
    if (/^\s*```/.test(line)) inCode = !inCode;
    return inCode || /^\s*>/.test(line) ? "" : line.replaceAll(/`[^`]*`/g, "code").replace(/^[\s|*-]+/, "");
  });
}

/** The comment and the longer strings of each line; a template of several lines in JavaScript is text. */
function ofCode(file, lines) {
  let isText = false;
  return lines.map((line) => {
    const wasText = isText;
    const isComment = !wasText && /^\s*(?:\/\/|\/?\*)/.test(line);
    if (/\.(?:ts|tsx|mjs)$/.test(file) && !isComment && (line.match(/(?<!\\)`/g) ?? []).length % 2 === 1)
      isText = !isText;
    return wasText ? line.replaceAll(/\$\{[^}]*\}/g, "code").trim() : ofLine(line);
  });
}

/** A line's comment and its longer strings; what is quoted in a comment is of others. */
function ofLine(line) {
  const comment = /(?:^|\s)(?:\/\/[/!]?|#(?!\[|!)|\/?\*\*?)\s(.*)$/.exec(line)?.[1] ?? "";
  const strings = Array.from(line.matchAll(/"([^"]*)"|`([^`]*)`/g), ([, one, other]) => one ?? other);
  const prose = strings.filter((text) => text.trim().split(/\s+/).length > 2);
  return (comment === "" ? prose : [comment.replaceAll(/"[^"]*"|`[^`]*`/g, "code")]).join(". ");
}
