/**
 * Opens a client's connection as `ws` does: by `node:http`, so that agents, proxies and the options of its requests
 * work, and with its `upgrade`, `unexpected-response` and `redirect` events.
 *
 * @module
 */
// by the modules' default exports, where those who trace or mock requests put their own functions
import http, {
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from "node:http";
import https from "node:https";
import net, { type TcpNetConnectOpts } from "node:net";
import type { Duplex } from "node:stream";
import tls, { type ConnectionOptions } from "node:tls";
import { SECRET_FIELDS } from "../engine/http.js";
import { hostOf } from "../engine/url.js";
import type { ClientHandshake, SessionOptions } from "../session/handshake.js";
import { agreedBy, beginHandshake } from "./agreement.js";
import type { Opening, OpeningEmitter, OpeningListener, OpeningRequest } from "./opening.js";
import type { OpeningOptions } from "./options.js";
import { authOf, type Target, targetOf } from "./target.js";

/** One client's opening handshake, over redirects if they are wanted. */
export class RequestOpening implements Opening {
  readonly #emitter: OpeningEmitter;
  readonly #protocols: readonly string[];
  readonly #options: OpeningOptions;
  readonly #session: SessionOptions;
  readonly #listener: OpeningListener;
  readonly #first: Target;
  #url: URL;
  #request: ClientRequest | undefined;
  #redirects = 0;
  #isOver = false;

  /** @throws SyntaxError for a URL that is not valid */
  constructor({ emitter, address, protocols, options, session, listener }: OpeningRequest) {
    this.#emitter = emitter;
    this.#protocols = protocols;
    this.#options = options;
    this.#session = session;
    this.#listener = listener;
    this.#first = targetOf(address);
    this.#url = this.#first.url;
  }

  get url(): string {
    return this.#url.href;
  }

  begin(): void {
    this.#send(this.#first);
  }

  abort(message: string): void {
    this.#give(new Error(message));
  }

  #give(error: Error): void {
    this.#isOver = true;
    this.#request?.destroy();
    this.#request?.socket?.destroy();
    this.#listener.onFailed(error);
  }

  #send(target: Target): void {
    const handshake = beginHandshake(this.#protocols, this.#session);
    try {
      this.#ask(target, handshake);
    } catch (error) {
      // of an option that is not valid, or of a listener
      this.#isOver = true;
      this.#request?.destroy();
      handshake.abandon();
      throw error;
    }
  }

  #ask(target: Target, handshake: ClientHandshake): void {
    this.#url = target.url;
    const request = (target.isSecure ? https : http).request(this.#requestOptions(target, handshake));
    this.#request = request;
    const fail = (error: Error) => {
      if (!this.#isOver && this.#request === request) this.#give(error);
    };
    // without it, a time-out is the agent's or the application's, who know what to do
    if (this.#options.handshakeTimeout) {
      request.on("timeout", () => fail(new Error("Opening handshake has timed out")));
    }
    request.on("error", fail);
    request.on("close", () => handshake.abandon());
    request.on("response", (response) => this.#answered(request, response, target));
    request.on("upgrade", (response, stream, head) => this.#upgraded(response, stream, head, handshake));
    if (this.#redirects > 0) this.#emitter.emit("redirect", target.url.href, request);
    this.#listener.onRequest(request);
  }

  #requestOptions(target: Target, handshake: ClientHandshake): RequestOptions {
    const { url, isSecure, socketPath, path } = target;
    const { origin, handshakeTimeout, createConnection, headers, auth, agent, ...options } = this.#options;
    // without a listener that checks redirects, secrets must not go to another host, or out of TLS
    const isUnseen = this.#redirects > 0 && this.#emitter.listenerCount("redirect") === 0;
    const isOther = isUnseen && this.#isOtherHost(target);
    const isSecret = isOther || (isUnseen && this.#first.isSecure && !isSecure);
    const own = isSecret ? withoutSecrets(headers) : headers;
    return {
      ...options,
      ...(agent === undefined ? {} : { agent }),
      protocol: isSecure ? "https:" : "http:",
      method: "GET",
      host: hostOf(url),
      hostname: null,
      port: url.port || (isSecure ? 443 : 80),
      defaultPort: options.defaultPort ?? (isSecure ? 443 : 80),
      path,
      socketPath,
      auth: isSecret ? undefined : (authOf(this.#first.url) ?? auth ?? authOf(url)),
      timeout: handshakeTimeout,
      headers: {
        ...(isOther ? without(own, "host") : own),
        ...requestFields(handshake, this.#protocols),
        ...(origin ? { Origin: origin } : {}),
      },
      createConnection: createConnection ?? (isSecure ? secureConnection : plainConnection),
    } as RequestOptions;
  }

  #isOtherHost(target: Target): boolean {
    const { url, socketPath } = this.#first;
    return socketPath === undefined && target.socketPath === undefined
      ? url.host !== target.url.host
      : socketPath !== target.socketPath;
  }

  #answered(request: ClientRequest, response: IncomingMessage, target: Target): void {
    const { statusCode = 0, headers } = response;
    const { followRedirects = false, maxRedirects = 10 } = this.#options;
    if (followRedirects && headers.location && statusCode >= 300 && statusCode < 400) {
      this.#redirects += 1;
      if (this.#redirects > maxRedirects) this.abort("Maximum redirects exceeded");
      else this.#redirect(request, headers.location, target);
    } else if (!this.#emitter.emit("unexpected-response", request, response)) {
      this.abort(`Unexpected server response: ${statusCode}`);
    }
  }

  #redirect(request: ClientRequest, location: string, { url }: Target): void {
    this.#request = undefined; // what it still tells is of no interest
    request.destroy();
    try {
      this.#send(targetOf(location, url));
    } catch (error) {
      this.#give(error as Error);
    }
  }

  #upgraded(response: IncomingMessage, stream: Duplex, head: Uint8Array, handshake: ClientHandshake): void {
    this.#emitter.emit("upgrade", response);
    if (this.#isOver) return void stream.destroy();
    this.#isOver = true;
    try {
      if (response.headers.upgrade?.toLowerCase() !== "websocket") throw new Error("Invalid Upgrade header");
      const agreed = agreedBy(handshake, response, this.#protocols, this.#session);
      this.#listener.onOpened(stream, head, agreed);
    } catch (error) {
      stream.on("error", () => {});
      stream.destroy();
      this.#give(error as Error);
    }
  }
}

/** The handshake's fields as `ws` gives them to a request: in its order, and the version as a number. */
function requestFields({ fields }: ClientHandshake, protocols: readonly string[]): OutgoingHttpHeaders {
  const made: OutgoingHttpHeaders = Object.fromEntries(fields);
  const { "Sec-WebSocket-Key": key, "Sec-WebSocket-Extensions": extensions } = made;
  return {
    "Sec-WebSocket-Version": 13,
    "Sec-WebSocket-Key": key,
    Connection: "Upgrade",
    Upgrade: "websocket",
    ...(extensions === undefined ? {} : { "Sec-WebSocket-Extensions": extensions }),
    ...(protocols.length === 0 ? {} : { "Sec-WebSocket-Protocol": protocols.join(",") }),
  };
}

function withoutSecrets(headers: OpeningOptions["headers"]): OpeningOptions["headers"] {
  return SECRET_FIELDS.map((name) => name.toLowerCase()).reduce(without, headers);
}

function without(headers: OpeningOptions["headers"] = {}, name: string): OpeningOptions["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([own]) => own.toLowerCase() !== name));
}

/** For `net` and `tls`, a path is that of a unix socket. */
function plainConnection({ socketPath: path, ...options }: RequestOptions): Duplex {
  return net.connect({ ...options, path } as unknown as TcpNetConnectOpts);
}

function secureConnection({ socketPath, ...options }: RequestOptions & ConnectionOptions): Duplex {
  const host = options.host ?? "";
  const { servername = net.isIP(host) ? "" : host } = options;
  return tls.connect({ ...options, servername, path: socketPath ?? undefined } as ConnectionOptions);
}
