// Faults in js/, planted in what tsc made of it in build/dist/, so that none has to be compiled, and run by the test
// files that come by, the quickest first. Stryker would run them all, and takes neither a random sample nor a seed.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";

import { parseAst } from "rolldown/parseAst";

import { reached, reachedOfLikely, run } from "./reached.mjs";

/** What is put in place of an operator. */
const OPERATORS = {
  ...{ "===": "!==", "!==": "===", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+", "*": "/" },
  ...{ "&&": "||", "||": "&&", "??": "&&", "+=": "-=", "-=": "+=", "??=": "=", "||=": "=", "&&=": "=" },
};

/** What may be put in place of parts of a node: from, to, text. */
function* faultsAt(node, text) {
  const all = (replacement) => [node.start, node.end, replacement];
  const { type, left, right, operator, test } = node;
  if (left !== undefined && operator in OPERATORS && ![left, right].some(isText)) {
    const at = text.indexOf(operator, left.end);
    yield [at, at + operator.length, OPERATORS[operator]];
  }
  if (type === "IfStatement" || type === "ConditionalExpression")
    for (const replacement of ["true", "false"]) yield [test.start, test.end, replacement];
  if (type === "UnaryExpression" && operator === "!") yield all(text.slice(node.argument.start, node.argument.end));
  if (type === "Literal" && typeof node.value === "boolean") yield all(`${!node.value}`);
  if (type === "Literal" && typeof node.value === "number") yield all(`(${node.raw} + 1)`);
  if (type === "ExpressionStatement" && node.expression.callee?.type !== "Super" && !isText(node.expression))
    yield all(";");
}

function isText({ type, value }) {
  return type === "TemplateLiteral" || typeof value === "string";
}

/** All faults of these folders, such as `js/session/`. */
export function listJs(folders) {
  return folders.flatMap((folder) => {
    const made = folder.replace("js/", "build/dist/");
    const files = readdirSync(made).filter((file) => file.endsWith(".js"));
    return files.flatMap((file) => faultsOf(made + file, folder + file.replace(/\.js$/, ".ts")));
  });
}

function faultsOf(path, file) {
  const text = readFileSync(path, "utf8");
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8")));
  const faults = [];
  const counts = new Map();
  const visit = (node, inside) => {
    const name = nameOf(node, text) ?? inside;
    for (const [from, to, replacement] of faultsAt(node, text)) {
      const was = text.slice(from, to).replaceAll(/\s+/g, " ").slice(0, 60);
      const plain = `${file}: ${was} -> ${replacement.slice(0, 60)} in ${name}`;
      const count = (counts.get(plain) ?? 0) + 1;
      counts.set(plain, count);
      const key = count > 1 ? `${plain}, ${count}` : plain;
      const before = text.slice(0, from).split("\n");
      const line = map.findEntry(before.length - 1, before.at(-1).length).originalLine + 1;
      faults.push({ name: key, key, file, line, path, at: node.start, from, to, replacement });
    }
    for (const child of childrenOf(node)) visit(child, name);
  };
  visit(parseAst(text), "the module");
  return faults;
}

/** The name of the function, the method or the class that a node is. */
function nameOf({ type, id, key }, text) {
  const name = /^(?:FunctionDeclaration|ClassDeclaration)$/.test(type) ? id : type === "MethodDefinition" ? key : null;
  return name === null ? undefined : text.slice(name.start, name.end);
}

function childrenOf(node) {
  const isNode = (value) => typeof value?.type === "string";
  return Object.values(node).flatMap((value) => (Array.isArray(value) ? value : [value]).filter(isNode));
}

/** Plants each, and gives what came of it and which tests told: caught, missed, timeout. `each`: seconds of tests. */
export async function* runJs(mutants, isLate, { all, areFew, each }) {
  const testsBy = areFew ? reachedOfLikely(mutants) : reached(all);
  for (const mutant of mutants) {
    const end = outcomeOf(mutant, testsBy(mutant), each * 1000, isLate);
    if (isLate()) return;
    yield { mutant, ...end };
  }
}

function outcomeOf(mutant, files, most, isLate) {
  let [count, time] = [0, 0];
  for (const tests of files) {
    if (isLate() || (count > 0 && time + tests.ms > most)) break;
    const outcome = planted(mutant, () => run(tests));
    if (outcome === "passed") passed(tests);
    else if (isByFault(outcome, tests)) return { outcome, by: tests.name };
    count += tests.tests.length;
    time += tests.ms;
  }
  return { outcome: "missed", by: `after ${count} tests that come by` };
}

/** Tests that passed without others of their file. */
const good = new Set();

function passed({ name, tests }) {
  for (const test of tests) good.add(`${name} ${test}`);
}

/** Whether these tests pass without the fault: some might need others of their file, or time on a busy machine. */
function isByFault(outcome, tests) {
  if (outcome === "caught" && tests.tests.every((test) => good.has(`${tests.name} ${test}`))) return true;
  if (run(tests) !== "passed") return false;
  passed(tests);
  return true;
}

function planted({ path, from, to, replacement }, work) {
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.slice(0, from) + replacement + text.slice(to));
  try {
    return work();
  } finally {
    writeFileSync(path, text);
  }
}
