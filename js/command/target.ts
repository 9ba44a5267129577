/**
 * Turns the user's name for a server into a URL and a way to reach it.
 *
 * @module
 */
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { hostOf } from "../engine/url.js";
import type { CreateConnection } from "../transport/runtime.js";
import { UsageError } from "./arguments.js";

/** A server. */
export interface Target {
  readonly url: string;
  /** Of `ws+unix:`. */
  readonly socketPath: string | undefined;
}

/**
 * Takes `ws:`, `wss:`, `http:` and `https:` URLs; without a scheme `localhost:8080`, `:8080` and `example.com/chat`, by
 * `ws:`, or by `wss:` on port 443; and `ws+unix:/path/to/socket`, with `:/chat` behind it for another target than `/`.
 *
 * @throws UsageError for anything else
 */
export function targetOf(text: string): Target {
  const [, secure, path, rest = "/"] = /^ws(s?)\+unix:(?:\/\/)?(\/[^:]+)(?::(\/.*))?$/.exec(text) ?? [];
  if (path !== undefined) return { url: checked(`ws${secure}://localhost${rest}`, text), socketPath: path };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return { url: checked(text, text), socketPath: undefined };
  const host = text.startsWith(":") ? `localhost${text}` : text;
  const scheme = /^[^/]*:443(\/|$)/.test(host) ? "wss" : "ws";
  return { url: checked(`${scheme}://${host}`, text), socketPath: undefined };
}

function checked(url: string, text: string): string {
  const scheme = URL.canParse(url) ? new URL(url).protocol : "";
  if (/^(ws|http)s?:$/.test(scheme)) return url;
  throw new UsageError(`${text} is not a ws: or wss: URL`);
}

/** Bytes of a proxy's answer that are waited for. */
const LONGEST_ANSWER = 16 * 1024;

/**
 * Connections by way of an HTTP proxy's CONNECT (RFC 9110 §9.3.6).
 *
 * @param proxy such as `http://user:password@localhost:3128`; without a scheme it is `http:`
 * @throws UsageError if the URL is not one of such a proxy
 */
export function through(proxy: string): CreateConnection {
  const text = /^[a-z]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${proxy} is not an HTTP proxy; write http://localhost:3128`);
  }
  return async ({ host, port, isSecure, tls }) => {
    const stream = await tunnel(url, `${host.includes(":") ? `[${host}]` : host}:${port}`);
    if (!isSecure) return stream;
    const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
    return connectTls({ ALPNProtocols: ["http/1.1"], ...servername, ...tls, host, socket: stream });
  };
}

function tunnel(proxy: URL, authority: string): Promise<Duplex> {
  const host = hostOf(proxy);
  const isSecure = proxy.protocol === "https:";
  const port = Number(proxy.port || (isSecure ? 443 : 80));
  const stream = isSecure ? connectTls({ host, port, servername: host }) : connectTcp({ host, port });
  const user =
    proxy.username === "" ? "" : `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const authorization = user === "" ? "" : `Proxy-Authorization: Basic ${Buffer.from(user).toString("base64")}\r\n`;
  stream.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`);
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const fail = (reason: Error) => {
      stream.destroy();
      reject(reason);
    };
    const onEnd = () => fail(new Error("the proxy closed the connection without an answer"));
    const onData = (data: Buffer) => {
      received = Buffer.concat([received, data]);
      const end = received.indexOf("\r\n\r\n");
      if (end < 0 && received.length > LONGEST_ANSWER) return fail(new Error("the proxy's answer has no end"));
      if (end < 0) return;
      const [line = ""] = received.toString("latin1").split("\r\n");
      if (!/^HTTP\/1\.[01] 2\d\d/.test(line)) return fail(new Error(`the proxy refused: ${line}`));
      stream.off("data", onData).off("end", onEnd).off("error", fail).pause();
      const rest = received.subarray(end + 4);
      if (rest.length > 0) stream.unshift(rest);
      resolve(stream);
    };
    stream.on("data", onData).once("end", onEnd).once("error", fail);
  });
}
