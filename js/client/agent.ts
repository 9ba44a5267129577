/**
 * A request for an upgrade by way of an agent of `node:http`, which may know a proxy.
 *
 * @module
 */
import { type Agent, type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import type { Duplex } from "node:stream";
import { WebSocketError } from "../engine/errors.js";
import { flatten, type HeaderField, hasName, pairs } from "../engine/http.js";
import { hostOf } from "../engine/url.js";
import { NodeTransport } from "../transport/node.js";
import { tapHead, tapped } from "../transport/tap.js";
import { StreamBody } from "./body.js";
import type { Exchange, UpgradeRequest } from "./exchange.js";
import { connectionError } from "./failure.js";
import { InterimResponses } from "./interim.js";

/** Sends requests by this agent. Its answers are read by `node:http`. */
export function agentExchange(agent: Agent): Exchange {
  return ({ url, fields: fieldsOf }: UpgradeRequest, { tls, socketPath, createConnection, tap }, listener) => {
    if (createConnection !== undefined) {
      throw new WebSocketError("WS_ERR_INVALID_OPTION", "An agent makes the connection: give it or createConnection");
    }
    const fields = fieldsOf("upgrade");
    const isSecure = url.protocol === "wss:";
    const request = (isSecure ? requestSecure : requestPlain)({
      ...(isSecure ? { ALPNProtocols: ["http/1.1"], ...tls } : {}),
      agent,
      host: hostOf(url),
      port: url.port || (isSecure ? 443 : 80),
      path: url.pathname + url.search,
      headers: record(fields),
      setHost: false,
      ...(socketPath === undefined ? {} : { socketPath }),
    });
    let isOver = false;
    const abandon = () => {
      isOver = true;
      request.destroy();
    };
    const answered = ({ statusCode, statusMessage, rawHeaders }: IncomingMessage, head?: Uint8Array) => {
      if (tap === undefined) return;
      tapHead(tap, "sent", `GET ${url.pathname}${url.search} HTTP/1.1`, flatten(fields));
      tapHead(tap, "received", `HTTP/1.1 ${statusCode} ${statusMessage}`, rawHeaders, head);
    };
    request.on("upgrade", (response: IncomingMessage, socket: Duplex, head: Uint8Array) => {
      isOver = true;
      const raw = new NodeTransport(socket);
      const transport = tap === undefined ? raw : tapped(raw, tap);
      answered(response, head);
      transport.unread(head);
      listener.onSwitched(pairs(response.rawHeaders), transport);
    });
    request.on("response", (response) => {
      isOver = true;
      answered(response);
      const { statusCode = 0, rawHeaders } = response;
      listener.onRefused(statusCode, pairs(rawHeaders), new StreamBody(response));
    });
    const fail = (error: Error) => {
      if (isOver) return;
      abandon();
      listener.onFailed(error);
    };
    request.on("error", (cause) => fail(connectionError(cause)));
    const interim = new InterimResponses();
    request.on("information", ({ statusCode }) => {
      try {
        interim.add(statusCode);
      } catch (error) {
        fail(error as Error);
      }
    });
    request.end();
    return abandon;
  };
}

/** Fields as `node:http` takes them, so that an agent may add its own. */
function record(fields: readonly HeaderField[]): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = Object.create(null);
  for (const [name] of fields) {
    const values = fields.filter((field) => hasName(field, name)).map((field) => field[1]);
    if (name === fields.find((field) => hasName(field, name))?.[0]) headers[name] = single(values);
  }
  return headers;
}

function single(values: string[]): string | string[] {
  return values.length === 1 ? (values[0] as string) : values;
}
