/**
 * Why a connection could not be made, in words. What a runtime says of TLS has places of OpenSSL's source in it.
 *
 * @module
 */
import { asError, WebSocketError } from "../engine/errors.js";

/** Wraps a runtime's error, or what the application's `createConnection` or agent has thrown. */
export function connectionError(thrown: unknown): WebSocketError {
  const cause = asError(thrown);
  return new WebSocketError("WS_ERR_CONNECTION", `The connection failed: ${reasonOf(cause)}`, { cause });
}

/**
 * Where the peer's first bytes are not a record of TLS: as code in Node, Deno and Bun, as text where a write failed.
 */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|SSL_HTTP_REQUEST|wrong version number/;
/** OpenSSL's text: `error:CODE:library:function:reason:file:line`. */
const OPENSSL = /error:[\dA-F]+:[^:]*:[^:]*:([^:\n]+)/i;

function reasonOf(cause: Error & { code?: unknown }): string {
  const text = `${cause.code} ${cause.message}`;
  if (NOT_TLS.test(text)) return "the server does not speak TLS at this port, so it may be ws: instead of wss:";
  if (/ALERT_CERTIFICATE_REQUIRED/.test(text)) {
    return "the server requires a client certificate, the options tls.cert and tls.key";
  }
  const [, reason] = OPENSSL.exec(cause.message) ?? [];
  return reason === undefined ? cause.message : `TLS: ${reason.toLowerCase().replaceAll("_", " ")}`;
}
