/**
 * Responses before the answer, such as 103 Early Hints (RFC 9110 §15.2).
 *
 * @module
 */
import { WebSocketError } from "../engine/errors.js";

/** Servers send one or two; a server that sends more may never end. */
const MOST = 16;

/** Whether the answer is still to come. */
export function isInterim(status: number): boolean {
  return status >= 100 && status < 200 && status !== 101;
}

/** Counts those of one request. */
export class InterimResponses {
  #count = 0;

  /** @throws WebSocketError `WS_ERR_UNEXPECTED_RESPONSE` if there are too many */
  add(status: number): void {
    this.#count += 1;
    if (this.#count <= MOST) return;
    const message = `The server sent more than ${MOST} interim responses, and no answer`;
    throw new WebSocketError("WS_ERR_UNEXPECTED_RESPONSE", message, { status });
  }
}
