/**
 * Rules of the command line: what the proxy does to messages and control frames without being asked each time.
 *
 * @module
 */
import type { Direction } from "../inspect/records.js";
import { LONGEST_TIME } from "../session/options.js";

/** What a rule looks at: a message, or a control frame. */
export interface Subject {
  readonly direction: Direction;
  /** `text`, `binary`, `ping`, `pong`, `close`, `continuation` or `reserved`. */
  readonly kind: string;
  /** The path and query that the client asked for. */
  readonly path: string;
  /** The payload as text, decompressed. */
  text(): string;
}

/** What happens to what a rule is about. */
export type Action =
  | { readonly type: "drop" }
  /** Milliseconds. */
  | { readonly type: "delay"; readonly delay: number }
  /** With a status in a close frame to both sides; without one, TCP is cut. */
  | { readonly type: "close"; readonly status: number | undefined };

/** A rule, counted for each connection by itself. */
export interface Rule {
  readonly action: Action;
  /** Which subjects are meant; all conditions must hold. */
  readonly conditions: readonly ((subject: Subject) => boolean)[];
  /** Of the subjects that are meant, each n-th; 1 for all. */
  readonly every: number;
  /** How many go through before the action comes, once; 0 for a rule that always acts. */
  readonly after: number;
  /** Milliseconds from the opening to the action, for a rule that looks at no message. */
  readonly afterTime: number | undefined;
}

/** Wrong syntax of a rule. */
export class RuleError extends Error {}

const KINDS = ["text", "binary", "ping", "pong", "close"];

/**
 * The rule of `--drop FILTER`.
 *
 * @throws RuleError
 */
export function dropRule(text: string): Rule {
  return { ...filterOf(wordsOf(text)), action: { type: "drop" }, after: 0, afterTime: undefined };
}

/**
 * The rule of `--delay 'TIME [FILTER]'`.
 *
 * @throws RuleError
 */
export function delayRule(text: string): Rule {
  const [time, ...words] = wordsOf(text);
  const delay = timeOf(time);
  if (delay === undefined)
    throw new RuleError(`--delay begins with a time such as 500ms or 2s, not ${time ?? "nothing"}`);
  return { ...filterOf(words), action: { type: "delay", delay }, after: 0, afterTime: undefined };
}

/**
 * The rule of `--close-after 'N|TIME [code=CODE] [FILTER]'`.
 *
 * @throws RuleError
 */
export function closeRule(text: string): Rule {
  const [when = "", ...words] = wordsOf(text);
  const afterTime = timeOf(when);
  const after = /^[1-9]\d*$/.test(when) ? Number(when) : 0;
  if (afterTime === undefined && after === 0) {
    throw new RuleError(
      `--close-after begins with a number of messages or a time such as 5s, not ${when || "nothing"}`,
    );
  }
  const code = words.find((word) => word.startsWith("code="));
  const status = code === undefined ? undefined : Number(code.slice("code=".length));
  if (status !== undefined && !(Number.isInteger(status) && status >= 1000 && status <= 4999)) {
    throw new RuleError(`A close status is from 1000 to 4999: ${code}`);
  }
  const filter = filterOf(words.filter((word) => word !== code));
  return { ...filter, action: { type: "close", status }, after, afterTime };
}

/** Words, of which one in slashes may have spaces. */
function wordsOf(text: string): string[] {
  return text.match(/\/(?:\\.|[^/\\])+\/i?(?=\s|$)|\S+/g) ?? [];
}

/** Milliseconds. A timer of more would be over at once. */
function timeOf(word = ""): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(word) ?? [];
  if (number === undefined) return undefined;
  const time = Number(number) * (unit === "s" ? 1000 : 1);
  if (time <= LONGEST_TIME) return time;
  throw new RuleError(`A time is at most ${LONGEST_TIME} ms, which is 24 days: ${word}`);
}

function filterOf(words: readonly string[]): Pick<Rule, "conditions" | "every"> {
  const every = words.find((word) => word.startsWith("every="));
  const conditions = words.filter((word) => word !== every).map(conditionOf);
  if (every === undefined) return { conditions, every: 1 };
  const number = Number(every.slice("every=".length));
  if (!Number.isInteger(number) || number < 1) throw new RuleError(`every= takes a whole number from 1 on: ${every}`);
  return { conditions, every: number };
}

function conditionOf(word: string): (subject: Subject) => boolean {
  if (word === "to-server") return ({ direction }) => direction === "toServer";
  if (word === "to-client") return ({ direction }) => direction === "toClient";
  if (KINDS.includes(word)) return ({ kind }) => kind === word;
  if (word.startsWith("path=")) return ({ path }) => path.split("?")[0] === word.slice("path=".length);
  const [, source, flags] = /^\/(.+)\/(i?)$/.exec(word) ?? [];
  if (source === undefined) {
    const known = `to-server, to-client, ${KINDS.join(", ")}, path=/…, every=N, /pattern/`;
    throw new RuleError(`A filter is made of ${known}; not ${word}`);
  }
  const pattern = regularExpression(source, flags);
  return (subject) => pattern.test(subject.text());
}

function regularExpression(source: string, flags = ""): RegExp {
  try {
    return new RegExp(source, `${flags}u`);
  } catch (error) {
    throw new RuleError((error as Error).message);
  }
}

/** The rules of one connection, which counts for itself. */
export class ConnectionRules {
  readonly #rules: readonly Rule[];
  readonly #seen: number[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
    this.#seen = rules.map(() => 0);
  }

  /** Whether any rule looks at what goes through. */
  get areActive(): boolean {
    return this.#rules.some(({ afterTime }) => afterTime === undefined);
  }

  /** The actions that come at a time, and when, in milliseconds from the opening. */
  timed(): { readonly action: Action; readonly at: number }[] {
    return this.#rules.flatMap(({ action, afterTime }) => (afterTime === undefined ? [] : [{ action, at: afterTime }]));
  }

  /** What to do with the next one that goes through. */
  actionsFor(subject: Subject): Action[] {
    return this.#rules.filter((rule, index) => this.#applies(rule, index, subject)).map(({ action }) => action);
  }

  #applies(rule: Rule, index: number, subject: Subject): boolean {
    if (rule.afterTime !== undefined || !rule.conditions.every((holds) => holds(subject))) return false;
    const seen = (this.#seen[index] as number) + 1;
    this.#seen[index] = seen;
    const isCounted = seen % rule.every === 0;
    return rule.after === 0 ? isCounted : isCounted && seen / rule.every === rule.after;
  }
}
