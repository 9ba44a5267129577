/**
 * The bytes of the action loop as a capture.
 *
 * @module
 */
import { CaptureWriter } from "../../../js/inspect/inputs/recorded.js";
import type { Source } from "../worker/protocol.js";
import type { LoopModel } from "./model.js";

/** What both ends have written, without the handshake, whose heads no component makes. */
export function captureOf({ sent, deflate }: LoopModel): Pick<Source, "contents" | "extensions"> {
  const lines: string[] = [];
  const tap = new CaptureWriter("client", (line) => lines.push(line)).tap();
  for (const { end, bytes } of sent) tap({ direction: end === "client" ? "sent" : "received", bytes, time: 0 });
  return { contents: [new Blob(lines)], extensions: deflate };
}
