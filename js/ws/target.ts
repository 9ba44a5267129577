/**
 * The URLs that `ws` takes.
 *
 * @module
 */
import querystring from "node:querystring";

import { toWebSocketScheme } from "../engine/url.js";

/** Where to connect to. */
export interface Target {
  readonly url: URL;
  readonly isSecure: boolean;
  /** Of a URL `ws+unix:`. */
  readonly socketPath: string | undefined;
  /** The path and query of the request. */
  readonly path: string;
}

/**
 * Reads an address, which may be relative to another one.
 *
 * @throws SyntaxError for a URL that is not valid, or that leads to no WebSocket
 */
export function targetOf(address: string | URL, base?: URL): Target {
  const url = urlOf(String(address), base);
  const isUnix = url.protocol === "ws+unix:";
  if (!isUnix && url.protocol !== "ws:" && url.protocol !== "wss:") {
    const schemes = '"ws:", "wss:", "http:", "https:", or "ws+unix:"';
    throw new SyntaxError(`The URL's protocol must be one of ${schemes}`);
  }
  if (isUnix && url.pathname === "") throw new SyntaxError("The URL's pathname is empty");
  if (url.hash !== "") throw new SyntaxError("The URL contains a fragment identifier");
  const isSecure = url.protocol === "wss:";
  if (!isUnix) return { url, isSecure, socketPath: undefined, path: url.pathname + url.search };
  // the socket's path, and behind a colon what to ask for
  const [socketPath = "", ...path] = (url.pathname + url.search).split(":");
  return { url, isSecure, socketPath, path: path.join(":") || "/" };
}

function urlOf(given: string, base: URL | undefined): URL {
  if (!URL.canParse(given, base?.href)) throw new SyntaxError(`Invalid URL: ${given}`);
  return toWebSocketScheme(new URL(given, base));
}

/** User and password of a URL, as the option `auth` has them. What is not UTF-8 is read as well as it can be. */
export function authOf({ username, password }: URL): string | undefined {
  return username || password ? `${querystring.unescape(username)}:${querystring.unescape(password)}` : undefined;
}
