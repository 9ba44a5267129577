/**
 * Lines in and lines out: of a terminal with a prompt, a history and marks of direction, of pipes as they are.
 *
 * @module
 */
import { clearLine, createInterface, cursorTo, type Interface } from "node:readline";

import { painter } from "./arguments.js";
import { printable, printableJson, printableLines } from "./printable.js";

/** How to show messages. */
export interface Shown {
  /** Whether to put JSON over several lines. */
  readonly json: boolean;
  /** Whether to say when each came. */
  readonly timestamps: boolean;
}

/** Lines that are remembered. */
const HISTORY = 1000;

/** Standard input and output. */
export class Prompt {
  readonly #shown: Shown;
  readonly #isTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  readonly #paint = painter();
  #lines: Interface | undefined;

  constructor(shown: Shown) {
    this.#shown = shown;
  }

  /**
   * Takes lines until the end of the input, or Ctrl-C at the prompt.
   *
   * @param take may return when there is room for more: the input waits until then
   */
  read(take: (line: string) => Promise<void> | undefined, end: () => void): void {
    const terminal = this.#isTerminal;
    const { stdin: input, stdout: output } = process;
    this.#lines = createInterface(
      terminal ? { input, output, terminal, prompt: "> ", historySize: HISTORY } : { input, terminal: false },
    );
    let waits = 0;
    this.#lines.on("line", (line) => {
      const room = take(line);
      if (terminal) this.#lines?.prompt();
      if (room === undefined || terminal) return;
      waits += 1;
      input.pause();
      void room.then(() => {
        waits -= 1;
        if (waits === 0) input.resume();
      });
    });
    this.#lines.on("SIGINT", () => process.emit("SIGINT"));
    this.#lines.on("close", end);
    if (terminal) this.#lines.prompt();
  }

  /** Takes no more lines. */
  close(): void {
    this.#lines?.close();
    process.stdin.destroy();
  }

  /** Shows a message, and who has sent it where there are several; bytes as hexadecimal digits. */
  message(data: string | Uint8Array, from = ""): void {
    const text = typeof data === "string" ? this.#textOf(data) : Buffer.from(data).toString("hex");
    const mark = this.#isTerminal ? this.#paint("green", "< ") : "";
    this.#above(process.stdout, `${this.#time()}${from}${mark}${text}\n`);
  }

  /** Shows text that is ready to be shown, such as that of frames. */
  print(text: string): void {
    this.#above(process.stdout, text);
  }

  /** Tells something of the connection, on standard error. */
  say(text: string): void {
    this.#above(process.stderr, `${this.#paint("dim", text)}\n`);
  }

  #textOf(text: string): string {
    const value = this.#shown.json ? jsonOf(text) : undefined;
    if (value !== undefined) return printableJson(value, 2);
    // to a pipe as it is
    return process.stdout.isTTY ? printableLines(text) : text;
  }

  #time(): string {
    return this.#shown.timestamps ? `${this.#paint("dim", dated(new Date()))} ` : "";
  }

  /** The line that is being written stays the last one. */
  #above(stream: NodeJS.WriteStream, text: string): void {
    const isAsking = this.#isTerminal && this.#lines !== undefined;
    if (isAsking) {
      cursorTo(process.stdout, 0);
      clearLine(process.stdout, 0);
    }
    stream.write(text);
    if (isAsking) this.#lines?.prompt(true);
  }
}

function jsonOf(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As in ISO 8601, with the zone's distance from UTC. */
export function dated(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  const two = (number: number) => String(Math.trunc(Math.abs(number))).padStart(2, "0");
  return `${local}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** Bytes as text that can be shown. */
export function shownText(bytes: Uint8Array): string {
  return printable(new TextDecoder().decode(bytes));
}
