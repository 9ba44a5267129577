/**
 * STOMP 1.0 to 1.2: frames of lines (https://stomp.github.io/stomp-specification-1.2.html).
 *
 * @module
 */
import { jsonOr, type PayloadDecoder, textOf } from "./decoder.js";

const COMMANDS =
  /^(?:CONNECT|STOMP|CONNECTED|SEND|SUBSCRIBE|UNSUBSCRIBE|ACK|NACK|BEGIN|COMMIT|ABORT|DISCONNECT|MESSAGE|RECEIPT|ERROR)$/;
const ESCAPES: Readonly<Record<string, string>> = { "\\r": "\r", "\\n": "\n", "\\c": ":", "\\\\": "\\" };
/** Fields that give access. */
const SECRET = ["passcode"];

/** A frame's command, headers and body. */
export const stomp: PayloadDecoder = {
  name: "STOMP",
  isAgreed: ({ subprotocol }) => /stomp/i.test(subprotocol),
  decode(payload, context) {
    const text = textOf(payload);
    if (/^\r?\n$/.test(text)) return this.isAgreed(context) ? { summary: "heart-beat", value: text } : undefined;
    const end = /\r?\n\r?\n/.exec(text);
    if (end === null) return undefined;
    const [command = "", ...lines] = text.slice(0, end.index).split(/\r?\n/);
    if (!COMMANDS.test(command)) return undefined;
    // no name of a header is one of an object's own
    const headers: Record<string, string> = Object.create(null);
    for (const line of lines) {
      const [name = "", value = ""] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)].map(
        unescaped,
      );
      // the first of several counts
      if (!Object.hasOwn(headers, name)) headers[name] = SECRET.includes(name) ? "*".repeat(value.length) : value;
    }
    const body = text.slice(end.index + end[0].length).replace(/\0[\r\n]*$/, "");
    const where = headers.destination === undefined ? "" : ` ${headers.destination}`;
    return { summary: command + where, value: { headers, ...(body !== "" && { body: jsonOr(body) }) } };
  },
};

function unescaped(text: string): string {
  return text.replaceAll(/\\[rnc\\]/g, (sequence) => ESCAPES[sequence] as string);
}
