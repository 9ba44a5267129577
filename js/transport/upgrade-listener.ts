/**
 * An HTTP server for upgrades over plain connections, for runtimes whose own servers give no connection out.
 *
 * @module
 */
import type { AddressInfo } from "node:net";

import { WebSocketProtocolError } from "../engine/errors.js";
import { apart, hasName, pairs, readRequest, recordOf } from "../engine/http.js";
import { guarded } from "../engine/output.js";
import { HeadBuffer } from "./head.js";
import type { Listening, ListenOptions, ListenOwner } from "./runtime.js";
import { clearTimeout, queueMicrotask, setTimeout } from "./tasks.js";
import type { Transport, TransportListener } from "./transport.js";
import { type HandshakeRequest, type Rejection, reject } from "./upgrade.js";

/** A socket that listens. */
export interface Bound {
  readonly address: AddressInfo | string;
  /** Stops listening; connections go on. */
  close(): void;
}

/** Identifies a connection. */
export type Peer = HandshakeRequest["socket"];

/** Listens, and hands out each connection; rejects if it cannot. */
export type Bind = (onConnection: (transport: Transport, peer: Peer) => void) => Promise<Bound>;

/** A listener over a runtime's sockets. */
export function listenFor({ handshakeTimeout }: ListenOptions, owner: ListenOwner, bind: Bind): Listening {
  const readers = new Set<RequestReader>();
  let bound: Bound | undefined;
  let isClosed = false;
  const onBound = (made: Bound): void => {
    if (isClosed) made.close();
    else bound = made;
    queueMicrotask(() => bound && owner.onListening());
  };
  bind((transport, peer) => {
    const reader = new RequestReader(transport, peer, owner, () => readers.delete(reader));
    readers.add(reader);
    reader.start(handshakeTimeout);
  }).then(onBound, (error: Error) => queueMicrotask(() => owner.onError(error)));
  const stop = (): void => {
    isClosed = true;
    bound?.close();
    bound = undefined;
  };
  return {
    address: () => bound?.address ?? null,
    stop,
    close: async () => {
      stop();
      for (const reader of readers) reader.drop();
    },
  };
}

/** Reads the head of a connection's one request. */
class RequestReader implements TransportListener {
  readonly #transport: Transport;
  readonly #peer: Peer;
  readonly #owner: ListenOwner;
  readonly #onDone: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timeout = 0;
  readonly #received = new HeadBuffer();
  #isDone = false;

  constructor(transport: Transport, peer: Peer, owner: ListenOwner, onDone: () => void) {
    this.#transport = transport;
    this.#peer = peer;
    this.#owner = owner;
    this.#onDone = onDone;
  }

  start(timeout: number): void {
    this.#timeout = timeout;
    this.#timer = setTimeout(() => this.#refuse({ status: 408 }), timeout);
    this.#transport.start(this);
    this.#transport.resume();
  }

  /** Gives the connection up. */
  drop(): void {
    this.#done();
    this.#transport.destroy();
  }

  onData(chunk: Uint8Array): void {
    if (this.#isDone) return;
    const isWorthwhile = this.#received.pushRequest(chunk);
    if (this.#received.bytes.length > 0 && !this.#received.canBeRequest) this.#refuse({ status: 400 });
    else if (isWorthwhile) this.#read();
  }

  onDrain(): void {}

  onEnd(): void {
    if (this.#isDone || this.#received.bytes.length === 0) this.drop();
    else this.#refuse({ status: 400 }); // the client may still read
  }

  onClose(): void {
    this.#done();
  }

  #read(): void {
    let request: ReturnType<typeof requestOf>;
    try {
      request = guarded(() => requestOf(this.#received.bytes, this.#peer));
    } catch (error) {
      const status = this.#received.isTooLarge ? 431 : 400;
      this.#refuse({ status: error instanceof WebSocketProtocolError ? status : 500 });
      return;
    }
    if (request === undefined) return;
    const [handshake, length] = request;
    if (!isUpgrade(handshake)) {
      const headers = { Upgrade: "websocket" };
      this.#refuse({ status: 426, headers, body: "This server speaks WebSocket only\n" }, handshake);
      return;
    }
    this.#done();
    this.#transport.pause();
    this.#owner.onUpgrade(handshake, this.#transport, this.#received.bytes.subarray(length));
  }

  #refuse(rejection: Rejection, request?: HandshakeRequest): void {
    this.#stopWaiting();
    this.#owner.onRefused(rejection.status, request, this.#peer.remoteAddress);
    // one that does not read, or never begins TLS, takes no answer
    reject(this.#transport, rejection, this.#timeout, this.#onDone, request?.method === "HEAD");
  }

  #done(): void {
    this.#stopWaiting();
    this.#onDone();
  }

  #stopWaiting(): void {
    this.#isDone = true;
    clearTimeout(this.#timer);
  }
}

/** A request, and the length of its head; `undefined` if it needs more bytes. */
function requestOf(bytes: Uint8Array, socket: Peer): [request: HandshakeRequest, length: number] | undefined {
  return readRequest(bytes, (head) => {
    const { method, target: url, version, length } = head;
    const rawHeaders = apart(head.headers());
    return [
      { method, url, httpVersion: `1.${version}`, headers: recordOf(pairs(rawHeaders)), rawHeaders, socket },
      length,
    ];
  });
}

/** RFC 9110 §7.8: `Upgrade` is for this connection if `Connection` says so. */
function isUpgrade({ rawHeaders }: HandshakeRequest): boolean {
  const fields = pairs(rawHeaders);
  const options = fields.filter((field) => hasName(field, "Connection")).flatMap(([, value]) => value.split(","));
  const isOption = options.some((option) => option.trim().toLowerCase() === "upgrade");
  return isOption && fields.some((field) => hasName(field, "Upgrade"));
}
