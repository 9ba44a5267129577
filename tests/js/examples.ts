/**
 * The examples of the documentation: fenced blocks, whose info string says behind the language how they are tested.
 *
 * - `run` alone: a program of its own. `run=NAME`: with the other blocks of that name in the document, in their order,
 *   in one process, each once the servers of those before it listen.
 * - `prints="TEXT"`: it is done once that was printed; without one, when it has ended by itself.
 * - `check`: it is only type-checked.
 * - `config=NAME`: a configuration that a test of its own uses.
 *
 * Ports 8080 to 8099 stand for any that are free. A block inside of an HTML comment is run and not shown.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

/** A fenced block. */
export interface Example {
  /** The document and the line, for people. */
  readonly place: string;
  readonly language: string;
  readonly code: string;
  /** What its info string says: the values of each word, `""` where it stands alone. */
  readonly words: ReadonlyMap<string, readonly string[]>;
}

/** The documents, by their paths from the repository's root. */
export const documents: readonly string[] = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(new URL("docs", root))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The text of a document. */
export function textOf(document: string): string {
  return readFileSync(new URL(document, root), "utf8");
}

/** Where a file of the repository is. */
export function pathOf(file: string): string {
  return fileURLToPath(new URL(file, root));
}

/** The fenced blocks of a document. */
export function examples(document: string): Example[] {
  const text = textOf(document);
  return [...text.matchAll(/^```(\w+)(.*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language, 2: info, 3: code }) => ({
    place: `${document}:${text.slice(0, index).split("\n").length}`,
    language: language as string,
    code: code as string,
    words: wordsOf(info as string),
  }));
}

/** The block with this `config=NAME`. */
export function configuration(document: string, name: string): string {
  const found = examples(document).find(({ words }) => words.get("config")?.includes(name));
  if (found === undefined) throw new Error(`${document} has no block with config=${name}`);
  return found.code;
}

function wordsOf(info: string): Map<string, string[]> {
  const words = new Map<string, string[]>();
  for (const [, word = "", quoted, plain] of info.matchAll(/([\w-]+)(?:="([^"]*)"|=(\S+))?/g)) {
    words.set(word, [...(words.get(word) ?? []), quoted ?? plain ?? ""]);
  }
  return words;
}
