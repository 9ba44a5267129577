/**
 * The parts of a handshake that give access. They are shown and passed on only if the user asks for it.
 *
 * @module
 */

/** Fields whose whole value gives access, apart from the name of a scheme. */
const SECRET_FIELDS = ["authorization", "proxy-authorization", "x-api-key", "x-auth-token", "x-csrf-token"];
const SCHEME = /^(?:Basic|Bearer|Digest|Negotiate) /i;
/** A subprotocol of this length or name is a token: browsers let pages set no other field. */
const TOKEN = /[^\s,]{33,}|[^\s,]*(?:bearer|token|auth|jwt)[^\s,]*[.\-_][^\s,]{8,}/gi;

/**
 * The line of a head with its secrets replaced by as many signs, so that offsets stay true; the same if it has none.
 */
export function maskedLine(line: string): string {
  const [, start = "", value = ""] = /^([\w-]+: *)(.*)$/.exec(line) ?? [];
  if (start === "") return line.replace(/^\S+ \S+/, maskedQuery);
  const name = start.slice(0, start.indexOf(":")).toLowerCase();
  if (name === "cookie") return start + value.replaceAll(/=([^;]*)/g, (_, secret) => `=${stars(secret)}`);
  if (name === "set-cookie") return start + value.replace(/=([^;]*)/, (_, secret) => `=${stars(secret)}`);
  if (name === "sec-websocket-protocol") return start + value.replaceAll(TOKEN, stars);
  if (!SECRET_FIELDS.includes(name)) return line;
  const scheme = SCHEME.exec(value)?.[0] ?? "";
  return start + scheme + stars(value.slice(scheme.length));
}

/** The values of a query, in a request line or an address. */
export function maskedQuery(text: string): string {
  return text.replace(/\?\S*/, (query) => query.replaceAll(/=([^&\s#]+)/g, (_, secret) => `=${stars(secret)}`));
}

/** A head, as Latin-1, with its secrets masked. */
export function maskedHead(head: string): string {
  return head.split("\r\n").map(maskedLine).join("\r\n");
}

function stars(secret: string): string {
  return "*".repeat(secret.length);
}
