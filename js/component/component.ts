/**
 * Microsoft's WebSocket Protocol Component API, name by name: handles, two queues, and actions.
 *
 * A caller queues work with `send` and `receive`, asks `getAction` what to do next, does it, and reports with
 * `completeAction`, until there is `Action.NoAction`. The component answers pings; it does not answer a close and
 * sends none after an error: both are its caller's to do.
 *
 * @module
 */

import { honest, isBytes } from "../engine/bytes.js";
import { EngineTrap, scratch, wasm } from "../engine/engine.js";
import { WebSocketError, withTypedErrors } from "../engine/errors.js";
import { apart, fieldsIn, flatten, type HeaderField, type HeaderFields, packed, pairs } from "../engine/http.js";
import { guarded } from "../engine/output.js";
import { ownOption, ownOptions } from "../engine/own.js";
import { ActionSlot, ReadSlot } from "../engine/report.js";
import { textBytes } from "../engine/text.js";
import { deflateSettings, enableDeflate, type PerMessageDeflateOptions } from "../session/deflate.js";
import { checkOptions, type Kinds, kind } from "../session/kinds.js";
import { Action, ActionQueue, BufferType, PropertyType } from "./constants.js";

/** The properties of a new handle. */
export interface Properties {
  /** Bytes, at least 256; 4096. */
  receiveBufferSize?: number | undefined;
  /** Bytes, at least 16; 4096 for a client, 16 for a server. */
  sendBufferSize?: number | undefined;
  /** Client: mask with a key of zeros. Server: accept frames without a mask. A risk (RFC 6455 §10.3). */
  disableMasking?: boolean | undefined;
  /** Deliver text and close reasons unchecked. */
  disableUtf8Verification?: boolean | undefined;
  /**
   * Offer compression (RFC 7692) in the handshake, behind the extensions given there, or select it if it is offered;
   * then messages are compressed and decompressed by the handle. An addition to the original API; `false`.
   */
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
}

/** Status and reason of a close. */
export interface CloseBuffer {
  /** From 1000 to 4999. */
  readonly status: number;
  /** Text, or its UTF-8; at most 123 bytes. */
  readonly reason?: string | Uint8Array | undefined;
}

/** An action, with copies of its buffers that are the caller's. */
export interface ActionResult {
  /** What to do. */
  readonly action: Action;
  /** A number of {@link BufferType}, or of a custom header; 0 for none. */
  readonly bufferType: number;
  /**
   * `SendToNetwork`: what to write, one or two buffers; the second is the array that was given to `send`, if the
   * payload leaves as it is. `IndicateReceiveComplete`: what was received, the close's reason, or nothing if the
   * receive was cancelled. Otherwise none.
   */
  readonly buffers: Uint8Array[];
  /** `ReceiveFromNetwork`: the most bytes that {@link Handle.completeReceive} takes. */
  readonly capacity: number;
  /** The status of a received close, 1005 if it had none. */
  readonly closeStatus: number | undefined;
  /** `IndicateSendComplete`: not all of it was written. `IndicateReceiveComplete`: nothing was received. */
  readonly cancelled: boolean;
  /** The context that was passed to `send` or `receive`. */
  readonly applicationContext: unknown;
  /** For the completion; 0 with `NoAction`. */
  readonly actionContext: number;
}

/** The server's selection, as indices into the client's offers. */
export interface Negotiated {
  /** Those selected. */
  readonly extensions: number[];
  /** The one selected, if one was. */
  readonly subprotocol: number | null;
}

/** An operation that is queued. */
interface Operation {
  readonly context: unknown;
  /** The payload of a send, or the caller's buffer of a receive. */
  readonly buffer: Uint8Array | undefined;
}

const forgotten = new FinalizationRegistry<wasm.Handle>((handle) => {
  handle.free();
  live -= 1;
});
let live = 0;

/** How many handles hold memory of the engine. */
export function handleCount(): number {
  return live;
}

/** One WebSocket connection (`WEB_SOCKET_HANDLE`). */
export class Handle {
  #handle: wasm.Handle | undefined;
  /** Whether payloads leave as they are, so that the caller's own array can be given out. */
  readonly #keepsPayload: boolean;
  readonly #operations = new Map<number, Operation>();
  /** The operation that ends when this action is completed. */
  readonly #indicated = new Map<number, number>();
  #nextOperation = 1;

  private constructor(handle: wasm.Handle, keepsPayload: boolean) {
    // JavaScript knows no private constructors: without an engine's handle, its collection would end the process
    if (!(handle instanceof wasm.Handle)) throw new TypeError("Handle.createClient or createServer makes a handle");
    this.#handle = handle;
    this.#keepsPayload = keepsPayload;
    live += 1;
    forgotten.register(this, handle, this);
  }

  /** `WebSocketCreateClientHandle`. @throws WebSocketProtocolError for a property out of its range */
  static createClient(given: Properties = {}): Handle {
    const properties = ownOptions(given);
    const keepsPayload = properties.disableMasking === true && !properties.perMessageDeflate;
    return new Handle(create(wasm.Handle.create_client, properties, false), keepsPayload);
  }

  /** `WebSocketCreateServerHandle`. @throws WebSocketProtocolError for a property out of its range */
  static createServer(given: Properties = {}): Handle {
    const properties = ownOptions(given);
    return new Handle(create(wasm.Handle.create_server, properties, true), !properties.perMessageDeflate);
  }

  /**
   * `WebSocketBeginClientHandshake`. Returns the headers to add to the request; one with the name of a header of the
   * caller's own replaces that. With `extendedConnect` they are those of a CONNECT over HTTP/2 (RFC 8441), without its
   * pseudo-fields.
   *
   * @throws WebSocketProtocolError for a subprotocol or an extension that is malformed, or in the wrong state
   */
  beginClientHandshake(
    offer: {
      subprotocols?: readonly string[] | undefined;
      extensions?: readonly string[] | undefined;
      headers?: HeaderFields | undefined;
      extendedConnect?: boolean | undefined;
    } = {},
  ): HeaderField[] {
    const { subprotocols = [], extensions = [], headers = [], extendedConnect = false } = ownOptions(offer);
    const names = [...packed([...subprotocols]), ...packed([...extensions])] as const;
    const fields = packed(flatten(headers));
    const added = this.#enter((handle) => handle.begin_client_handshake(...names, ...fields, extendedConnect));
    return pairs(apart(added));
  }

  /**
   * `WebSocketEndClientHandshake`, with all headers of a response whose status was 101, or 2xx to a CONNECT.
   *
   * @throws WebSocketProtocolError if RFC 6455 §4.1 does not allow the response, or if none of the offered
   *   subprotocols was selected, unless `allowNoSubprotocol`
   */
  endClientHandshake(headers: HeaderFields, options: { allowNoSubprotocol?: boolean | undefined } = {}): Negotiated {
    const allow = ownOption(options, "allowNoSubprotocol") ?? false;
    const [subprotocol = -1, ...extensions] = this.#enter((handle) =>
      handle.end_client_handshake(...packed(flatten(headers)), allow),
    );
    return { subprotocol: subprotocol < 0 ? null : subprotocol, extensions };
  }

  /**
   * `WebSocketBeginServerHandshake`, with the server's selection and all headers of the request. Returns the headers
   * of the response that accepts. With `extendedConnect`, the request is a CONNECT over HTTP/2, without its
   * pseudo-fields, and the response may need no headers at all.
   *
   * @throws WebSocketProtocolError if RFC 6455 §4.2.1 does not allow the request, or the selection was not offered
   */
  beginServerHandshake(request: {
    headers: HeaderFields;
    subprotocol?: string | undefined;
    extensions?: readonly string[] | undefined;
    extendedConnect?: boolean | undefined;
  }): HeaderField[] {
    const extensions = ownOption(request, "extensions") ?? [];
    const selected = [ownOption(request, "subprotocol") ?? "", ...packed([...extensions])] as const;
    const fields = packed(flatten(request.headers));
    const isConnect = ownOption(request, "extendedConnect") ?? false;
    const made = this.#enter((handle) => handle.begin_server_handshake(...selected, ...fields, isConnect));
    return fieldsIn(made);
  }

  /** `WebSocketEndServerHandshake`; the first `send`, `receive` or `getAction` does the same. */
  endServerHandshake(): void {
    this.#enter((handle) => handle.end_server_handshake());
  }

  /**
   * `WebSocketSend`. The bytes are read at once; they must not change before `IndicateSendComplete` all the same, if
   * the handle gives them out as they are.
   *
   * @param buffer none for an empty payload; for a close, none for no status
   * @throws WebSocketProtocolError if it is not allowed now, or not valid
   * @throws TypeError if the buffer is of another kind than the type asks for
   */
  send(type: number, buffer?: Uint8Array | CloseBuffer, context?: unknown): void {
    if (buffer === undefined || isBytes(buffer)) {
      const payload = buffer && honest(buffer);
      this.#queue({ context, buffer: payload }, (handle, operation) => handle.send(type >>> 0, payload, operation));
      return;
    }
    if (type !== BufferType.Close || typeof buffer !== "object" || typeof buffer.status !== "number") {
      throw new TypeError("A close takes { status, reason }, everything else takes a Uint8Array");
    }
    const { status } = buffer;
    const reason = bytesOf(buffer.reason ?? "");
    // the engine takes 16 bits, and says of 0 that it may not be sent
    const sendable = status === (status & 0xffff) ? status : 0;
    this.#queue({ context, buffer: undefined }, (handle, operation) => handle.send_close(sendable, reason, operation));
  }

  /**
   * `WebSocketReceive`.
   *
   * @param buffer is filled at the indication, and given out then; none for buffers of the handle's. A close's reason
   *   or a pong's payload that does not fit into it, or data for one that was detached since, comes in a buffer of its
   *   own
   * @throws WebSocketProtocolError if nothing can be received any more
   * @throws TypeError if it is not a Uint8Array
   * @throws RangeError if it is empty
   */
  receive(buffer?: Uint8Array, context?: unknown): void {
    if (buffer !== undefined && !isBytes(buffer)) throw new TypeError("A receive takes a Uint8Array, or nothing");
    const own = buffer && honest(buffer);
    if (own?.length === 0) throw new RangeError("A receive buffer needs room for one byte at least");
    this.#queue({ context, buffer: own }, (handle, operation) => handle.receive(own?.length ?? 0, operation));
  }

  /**
   * `WebSocketGetAction`.
   *
   * @param slots how many buffers the caller can take at once: 1, or 2 and more
   * @throws WebSocketProtocolError if the peer broke the protocol; its `closeStatus` is what to close with
   */
  getAction(queue: ActionQueue = ActionQueue.All, slots = 2): ActionResult {
    this.#enter((handle) => handle.get_action(in32Bits(queue), in32Bits(Math.min(slots, 2))));
    const { report } = scratch();
    const action = report[ActionSlot.Kind] as Action;
    const bufferType = report[ActionSlot.BufferType] as number;
    const context = report[ActionSlot.Context] as number;
    const actionContext = report[ActionSlot.ActionContext] as number;
    const operation = report[ActionSlot.HasContext] ? this.#operations.get(context) : undefined;
    const indicates = action === Action.IndicateSendComplete || action === Action.IndicateReceiveComplete;
    if (indicates) this.#indicated.set(actionContext, context);
    const reads = action === Action.ReceiveFromNetwork;
    return {
      action,
      bufferType,
      buffers: reads ? [] : this.#buffers(action, report[ActionSlot.Buffers] as number, operation?.buffer),
      capacity: reads ? (report[ActionSlot.FirstBuffer + 1] as number) : 0,
      closeStatus: report[ActionSlot.CloseStatus] || undefined,
      // every other buffer has a type
      cancelled: report[ActionSlot.Cancelled] !== 0 || (action === Action.IndicateReceiveComplete && bufferType === 0),
      applicationContext: operation?.context,
      actionContext,
    };
  }

  /**
   * Completes a `ReceiveFromNetwork` with the bytes that were read: at most the action's `capacity`, none to cancel
   * the receive. It may be called long after `getAction`. A context that names no outstanding read is ignored.
   *
   * @throws RangeError if there are more
   * @throws TypeError if it is not a Uint8Array
   */
  completeReceive(actionContext: number, bytes: Uint8Array): void {
    if (!isBytes(bytes)) throw new TypeError("The bytes read must be a Uint8Array");
    const { length } = honest(bytes);
    this.#enter((handle) => handle.outstanding_read(in32Bits(actionContext)));
    const { report, bytes: memory } = scratch();
    const [address, capacity] = [report[ReadSlot.Address] as number, report[ReadSlot.Length] as number];
    if (address === 0) return; // no such action: ignored, as by completeAction
    if (length > capacity) throw new RangeError(`${length} bytes were read into a buffer of ${capacity}`);
    memory.set(bytes, address);
    this.completeAction(actionContext, length);
  }

  /**
   * `WebSocketCompleteAction`. A context that names no outstanding action is ignored. Writing 0 bytes, or more than the
   * action has, cancels the send; after fewer than all the peer has half a frame, and the handle is aborted.
   */
  completeAction(actionContext: number, bytesTransferred = 0): void {
    this.#enter((handle) => handle.complete_action(in32Bits(actionContext), in32Bits(bytesTransferred)));
    const operation = this.#indicated.get(actionContext);
    if (operation === undefined) return;
    this.#indicated.delete(actionContext);
    this.#operations.delete(operation);
  }

  /** `WebSocketAbortHandle`: every queued operation completes as cancelled. No effect before the handshake's end. */
  abort(): void {
    this.#enter((handle) => handle.abort());
  }

  /** `WebSocketDeleteHandle`, in any state; a second time does nothing. */
  delete(): void {
    this.#handle?.free();
    this.#forget();
  }

  /** The same as `delete`. */
  [Symbol.dispose](): void {
    this.delete();
  }

  #forget(): void {
    if (this.#handle === undefined) return;
    this.#handle = undefined;
    this.#operations.clear();
    live -= 1;
    forgotten.unregister(this);
  }

  #queue(operation: Operation, call: (handle: wasm.Handle, id: number) => void): void {
    const id = this.#nextOperation;
    this.#enter((handle) => call(handle, id));
    this.#operations.set(id, operation);
    // an operation is long done when its number comes round again
    this.#nextOperation = (id + 1) >>> 0 || 1;
  }

  /** Copies what the engine reports out of its memory. */
  #buffers(action: Action, count: number, own: Uint8Array | undefined): Uint8Array[] {
    const { report, bytes } = scratch();
    const buffers: Uint8Array[] = [];
    for (let slot = 0; slot < count; slot++) {
      const [address = 0, length = 0] = report.subarray(ActionSlot.FirstBuffer + 2 * slot);
      // the caller's array may have another length by now: it can be detached, and its memory resized
      if (action === Action.SendToNetwork && slot === 1 && this.#keepsPayload && own?.length === length) {
        buffers.push(own);
      } else if (action === Action.IndicateReceiveComplete && own !== undefined && own.length >= length) {
        own.set(bytes.subarray(address, address + length));
        buffers.push(own.subarray(0, length));
      } else {
        buffers.push(bytes.slice(address, address + length));
      }
    }
    return buffers;
  }

  /** The only way into the engine. */
  #enter<T>(call: (handle: wasm.Handle) => T): T {
    const handle = this.#handle;
    if (handle === undefined) throw new WebSocketError("WS_ERR_INVALID_STATE", "The handle was deleted");
    try {
      return guarded(() => call(handle));
    } catch (error) {
      if (error instanceof EngineTrap) this.#forget();
      throw error;
    }
  }
}

/**
 * `WebSocketGetGlobalProperty`: the advised keep-alive interval in milliseconds, or the versions of the protocol.
 *
 * @throws WebSocketProtocolError `E_INVALIDARG` for a property that belongs to a handle
 */
export function getGlobalProperty(type: typeof PropertyType.KeepaliveInterval): number;
export function getGlobalProperty(type: typeof PropertyType.SupportedVersions): number[];
export function getGlobalProperty(type: number): number | number[] {
  const values = [...withTypedErrors(() => wasm.global_property(type >>> 0))];
  return type === PropertyType.SupportedVersions ? values : (values[0] as number);
}

const PROPERTIES: Kinds<Properties> = {
  receiveBufferSize: kind.number,
  sendBufferSize: kind.number,
  disableMasking: kind.flag,
  disableUtf8Verification: kind.flag,
  perMessageDeflate: kind.any,
};

function create(make: typeof wasm.Handle.create_client, properties: Properties, isServer: boolean): wasm.Handle {
  checkOptions(properties, PROPERTIES);
  const { disableMasking = false, disableUtf8Verification = false } = properties;
  const sizes = [properties.receiveBufferSize, properties.sendBufferSize].map((size) => size && in32Bits(size));
  const [receiveBufferSize, sendBufferSize] = sizes;
  const deflate = deflateSettings(properties.perMessageDeflate ?? false, isServer);
  return withTypedErrors(() => {
    const handle = make(receiveBufferSize, sendBufferSize, disableMasking, disableUtf8Verification);
    enableDeflate(handle, deflate);
    return handle;
  });
}

/** A number as the engine takes it: it would drop what is above 32 bits. It takes 0 for nothing of the kind. */
function in32Bits(number: number): number {
  return number >= 0 && number < 2 ** 32 ? number : 0;
}

function bytesOf(reason: string | Uint8Array): Uint8Array {
  if (typeof reason === "string") return textBytes(reason);
  if (isBytes(reason)) return honest(reason);
  throw new TypeError("A close's reason is text, or a Uint8Array");
}
