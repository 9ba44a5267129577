/**
 * URLs of WebSockets.
 *
 * @module
 */

/** The host as sockets take it: an IPv6 address without its brackets. */
export function hostOf({ hostname }: { readonly hostname: string }): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Has `http:` and `https:` become `ws:` and `wss:`, in place. */
export function toWebSocketScheme(url: URL): URL {
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  return url;
}
