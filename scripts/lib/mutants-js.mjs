// Faults in js/, planted in what tsc made of it in build/dist/, so that none has to be compiled. Stryker would run
// every test file that comes by a fault, which most come by, and takes neither a random sample nor a seed.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

import { parseAst } from "rolldown/parseAst";

/** The tests of each folder, those first that see most. Each runs until the first of them fails. */
const TESTS = {
  connection:
    "connection isolation inbox limits sending messages keepalive endings survivors data flushes quota ws-turns",
  session: "connection isolation protocol messages deflate data prepared limits options handshake survivors engine",
  client: "client client-errors handshake survivors mistakes-handshake ws-client",
  server: "server quota drain handshake options survivors observe strangers",
  ws: "ws ws-members ws-client ws-turns ws-wire survivors",
  websocket: "websocket iteration sending messages events websocketstream whatwg dispatch data survivors",
};
const DEADLINE = 90_000;

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
      faults.push({ name: key, key, file, line, path, from, to, replacement });
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

/** Plants each, and gives what came of it: caught, missed, or timeout. */
export async function* runJs(mutants, isLate) {
  for (const mutant of mutants) {
    if (isLate()) return;
    const text = readFileSync(mutant.path, "utf8");
    writeFileSync(mutant.path, text.slice(0, mutant.from) + mutant.replacement + text.slice(mutant.to));
    try {
      yield { mutant, outcome: test(mutant) };
    } finally {
      writeFileSync(mutant.path, text);
    }
  }
}

function test({ file }) {
  const deadline = fileURLToPath(new URL("deadline.cjs", import.meta.url));
  for (const name of TESTS[file.split("/")[1]].split(" ")) {
    const args = ["--require", deadline, `build/tests/${name}.test.js`];
    const env = { ...process.env, TEST_DEADLINE: "20000" };
    const { status, error } = spawnSync(process.execPath, args, { stdio: "ignore", timeout: DEADLINE, env });
    if (error !== undefined) return "timeout";
    if (status !== 0) return "caught";
  }
  return "missed";
}
