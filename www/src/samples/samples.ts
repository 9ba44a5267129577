/**
 * Conversations to look at, good and bad: at least one for each category of Autobahn's suite, which has no 8 and no 11.
 *
 * @module
 */
import { CaptureWriter } from "../../../js/inspect/inputs/recorded.js";
import { hex } from "../format.js";
import { client, handshake, type Sent, server, status } from "./bytes.js";

/** A conversation of the gallery. */
export interface ConversationSample {
  readonly title: string;
  /** What it shows, for someone who has not read the RFC. */
  readonly about: string;
  /** The name of the fault in it; `undefined` for a good one. */
  readonly fault: string | undefined;
  readonly sent: readonly Sent[];
}

const TEXT = 0x81;
const BINARY = 0x82;
const CLOSE = 0x88;
const PING = 0x89;
const PONG = 0x8a;
const [FIRST_TEXT, MORE, LAST] = [0x01, 0x00, 0x80];
/** RSV1: the message is compressed. */
const COMPRESSED_TEXT = 0xc1;
const DEFLATE = "permessage-deflate";
const ALONE = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

const bye: readonly Sent[] = [client(CLOSE, status(1000, "bye")), server(CLOSE, status(1000, "bye"))];

const JSON_MESSAGE = JSON.stringify({
  type: "order",
  id: 4711,
  items: [{ name: "tea", count: 2 }],
  paid: true,
  note: null,
});

/** The categories of Autobahn's suite that the samples show. */
const ABOUT: Readonly<Record<number, string>> = {
  1: "Frames: how messages are packed",
  2: "Pings and pongs: is the other side there?",
  3: "Reserved bits: only for extensions",
  4: "Opcodes: the kind of a frame",
  5: "Fragments: a message in several frames",
  6: "UTF-8: what a text may contain",
  7: "Closing: how a connection ends",
  9: "Sizes",
  10: "Many short frames",
  12: "Compression (permessage-deflate)",
  13: "Compression with parameters",
};

/** Titles of the samples that are shown first. */
export const FEATURED: readonly string[] = [
  "A greeting, a JSON message, and goodbye",
  "A message in three frames, with a ping between them",
  "Compressed: the examples of RFC 7692 §7.2.3",
  "Text that is not UTF-8",
];

/** All samples. */
export const SAMPLES: readonly ConversationSample[] = [
  good("A greeting, a JSON message, and goodbye", 1, [
    client(TEXT, "Hello"),
    server(TEXT, "Hello"),
    client(TEXT, JSON_MESSAGE),
    server(
      BINARY,
      Uint8Array.from({ length: 200 }, (_, index) => index),
    ),
  ]),
  bad("The client does not mask", 1, "MaskMissing", [
    ["toServer", hex("81 05 48656c6c6f")],
    server(CLOSE, status(1002)),
  ]),
  good("Pings and their pongs", 2, [
    server(PING, "are you there?"),
    client(PONG, "are you there?"),
    client(PING, "1"),
    client(PING, "2"),
    server(PONG, "2"),
    server(PONG, "nobody asked"),
  ]),
  bad("A ping of 126 bytes", 2, "ControlTooLong", [client(PING, "x".repeat(126)), server(CLOSE, status(1002))]),
  bad("A reserved bit is set", 3, "ReservedBitSet", [client(0xa1, "RSV2"), server(CLOSE, status(1002))]),
  bad("An opcode that means nothing", 4, "OpcodeReserved", [client(0x83, "opcode 3"), server(CLOSE, status(1002))]),
  good("A message in three frames, with a ping between them", 5, [
    client(FIRST_TEXT, "One message "),
    client(PING, "in between"),
    server(PONG, "in between"),
    client(MORE, "in three "),
    client(LAST, "frames"),
    server(TEXT, "One message in three frames"),
  ]),
  bad("A continuation of nothing", 5, "ContinuationUnexpected", [
    client(LAST, "of what?"),
    server(CLOSE, status(1002)),
  ]),
  good("Text beyond ASCII, cut within a character", 6, [
    client(FIRST_TEXT, hex("4b c3")),
    client(LAST, hex("b6 6c 6e")),
    server(TEXT, "Köln 🎡 κόσμε"),
  ]),
  bad("Text that is not UTF-8", 6, "TextNotUtf8", [
    client(TEXT, hex("cebae1bdb9cf83cebcceb5 eda080")),
    server(CLOSE, status(1007)),
  ]),
  {
    ...good("A close with the application's own status", 7, []),
    sent: [
      ...handshake(),
      client(TEXT, "that is all"),
      client(CLOSE, status(4000, "shift is over")),
      server(CLOSE, status(4000, "shift is over")),
    ],
  },
  bad("A close with a status that may not be sent", 7, "CloseStatusInvalid", [
    client(CLOSE, status(1005)),
    server(CLOSE, status(1002)),
  ]),
  good("A message of 64 KiB", 9, [client(BINARY, new Uint8Array(65_536).fill(0x2a)), server(TEXT, "65536")]),
  good("One long message in many short frames", 10, [
    client(FIRST_TEXT, "0 "),
    ...Array.from({ length: 30 }, (_, index) => client(MORE, `${index + 1} `)),
    client(LAST, "31"),
    server(TEXT, "32"),
  ]),
  good(
    "Compressed: the examples of RFC 7692 §7.2.3",
    12,
    [
      client(COMPRESSED_TEXT, hex("f2 48 cd c9 c9 07 00")),
      server(COMPRESSED_TEXT, hex("f2 48 cd c9 c9 07 00")),
      server(COMPRESSED_TEXT, hex("f2 00 11 00 00")),
      server(0x41, hex("f2 48 cd")),
      server(LAST, hex("c9 c9 07 00")),
    ],
    DEFLATE,
  ),
  bad(
    "Compressed, and corrupt",
    12,
    "DeflateCorrupt",
    [client(COMPRESSED_TEXT, hex("ff ff ff")), server(CLOSE, status(1007))],
    DEFLATE,
  ),
  good(
    "Compressed without context takeover",
    13,
    [
      client(COMPRESSED_TEXT, hex("f2 48 cd c9 c9 07 00")),
      server(COMPRESSED_TEXT, hex("f2 48 cd c9 c9 07 00")),
      server(COMPRESSED_TEXT, hex("f2 48 cd c9 c9 07 00")),
    ],
    ALONE,
  ),
  bad(
    "Compressed, with a reference that the agreement rules out",
    13,
    "DeflateCorrupt",
    [
      server(COMPRESSED_TEXT, hex("f2 48 cd c9 c9 07 00")),
      server(COMPRESSED_TEXT, hex("f2 00 11 00 00")),
      client(CLOSE, status(1007)),
    ],
    ALONE,
  ),
  { ...good("A busy conversation", 9, busy()), about: "Hundreds of messages: for statistics" },
  {
    title: "The server's accept is that of another key",
    about: "The opening handshake",
    fault: "AcceptWrong",
    sent: handshake("", { response: { "Sec-WebSocket-Accept": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" } }),
  },
];

/** A number below `end`: the same at each visit, and without a pattern that could be seen. */
function scattered(index: number, end: number): number {
  // two rounds of a multiplicative hash
  let hash = Math.imul(index + 1, 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % end;
}

/** A chat: messages of many sizes, answers, and a ping now and then. */
function busy(): Sent[] {
  const sent: Sent[] = [];
  for (let index = 0; index < 240; index++) {
    const size = 2 ** (2 + scattered(index, 83) / 8);
    const text = `${index}: ${"so it goes, ".repeat(size / 12)}`;
    sent.push(index % 3 === 0 ? client(TEXT, text) : server(TEXT, text));
    if (index % 20 === 10) sent.push(server(PING, `${index}`), client(PONG, `${index}`));
  }
  return sent;
}

function good(title: string, category: number, sent: readonly Sent[], extensions = ""): ConversationSample {
  return { title, about: ABOUT[category] ?? "", fault: undefined, sent: [...handshake(extensions), ...sent, ...bye] };
}

function bad(
  title: string,
  category: number,
  fault: string,
  sent: readonly Sent[],
  extensions = "",
): ConversationSample {
  return { title, about: ABOUT[category] ?? "", fault, sent: [...handshake(extensions), ...sent] };
}

/** When the samples' conversations begin, and how long their pieces are apart, in milliseconds. */
const [START, STEP] = [Date.UTC(2011, 11, 11, 12), 12];

/** The sample as a capture. */
export function captureOf({ sent }: ConversationSample): Blob {
  const lines: string[] = [];
  const tap = new CaptureWriter("client", (line) => lines.push(line)).tap();
  for (const [index, [direction, bytes]] of sent.entries()) {
    const time = START + STEP * index + scattered(index, 11);
    tap({ direction: direction === "toServer" ? "sent" : "received", bytes, time });
  }
  return new Blob(lines);
}
