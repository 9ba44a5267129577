/* tslint:disable */
/* eslint-disable */

/**
 * The component API.
 */
export class Handle {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * `WebSocketAbortHandle`.
     */
    abort(): void;
    /**
     * `WebSocketBeginClientHandshake`; headers are names and values in turn. Of strings that are joined, the number
     * follows.
     */
    begin_client_handshake(subprotocols: string, subprotocol_count: number, extensions: string, extension_count: number, headers: string, header_count: number, is_extended_connect: boolean): string;
    /**
     * `WebSocketBeginServerHandshake`; no subprotocol is empty. Gives the fields as the lines of a head.
     */
    begin_server_handshake(subprotocol: string, extensions: string, extension_count: number, headers: string, header_count: number, is_extended_connect: boolean): string;
    /**
     * `WebSocketCompleteAction`.
     */
    complete_action(action_context: number, bytes: number): void;
    /**
     * `WebSocketCreateClientHandle`.
     */
    static create_client(receive_buffer_size: number | null | undefined, send_buffer_size: number | null | undefined, disable_masking: boolean, disable_utf8_verification: boolean): Handle;
    /**
     * `WebSocketCreateServerHandle`.
     */
    static create_server(receive_buffer_size: number | null | undefined, send_buffer_size: number | null | undefined, disable_masking: boolean, disable_utf8_verification: boolean): Handle;
    /**
     * `WebSocketEndClientHandshake`: the index of the subprotocol or -1, then those of the extensions.
     */
    end_client_handshake(headers: string, header_count: number, allow_no_subprotocol: boolean): Int32Array;
    /**
     * `WebSocketEndServerHandshake`.
     */
    end_server_handshake(): void;
    /**
     * `WebSocketGetAction`; the action is reported.
     */
    get_action(queue: number, slots: number): void;
    /**
     * The session alone, for the drivers.
     */
    into_session(max_frame_size: number, max_message_size: number, max_fragments: number): Session;
    /**
     * Reports where the buffer of an outstanding read is, and how long: nothing if there is no such action.
     */
    outstanding_read(action_context: number): void;
    /**
     * `WebSocketReceive`; 0 for the internal buffer.
     */
    receive(buffer_length: number, context: number): void;
    /**
     * `WebSocketSend`, but for a close.
     */
    send(buffer_type: number, payload: Uint8Array | number[] | null | undefined, context: number): void;
    /**
     * `WebSocketSend` of a close; no status makes an empty frame.
     */
    send_close(status: number | null | undefined, reason: Uint8Array | number[] | null | undefined, context: number): void;
    /**
     * Offers permessage-deflate, or selects it, if there is memory for one more that compresses; a window of 0 bits
     * stands for no limit, and no level for the engine's choice.
     */
    set_deflate(server_no_context_takeover: boolean, client_no_context_takeover: boolean, server_max_window_bits: number, client_max_window_bits: number, offer_client_max_window_bits: boolean, level: number | null | undefined, memory_level: number, threshold: number): void;
}

/**
 * The head of a request, read from bytes.
 */
export class RequestHead {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Throws if the request cannot be a handshake by what the component does not see.
     */
    check(): void;
    /**
     * Names and values in turn.
     */
    headers(): string;
    readonly length: number;
    readonly version: number;
    /**
     * The method.
     */
    readonly method: string;
    /**
     * The request target.
     */
    readonly target: string;
}

/**
 * The head of a response, read from bytes.
 */
export class ResponseHead {
    private constructor();
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Throws if the response does not switch protocols.
     */
    check(): void;
    /**
     * Names and values in turn.
     */
    headers(): string;
    readonly length: number;
    readonly status: number;
    readonly version: number;
    /**
     * The reason phrase.
     */
    readonly reason: string;
}

/**
 * The batch entry for drivers: the protocol after the handshake.
 */
export class Session {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Makes a close frame; the reason is behind room for the header and the status. Returns the frame's end,
     * or a negative error.
     */
    close(start: number, status: number, reason_length: number): number;
    /**
     * Compresses the next `length` bytes of a message, which are in the output memory at `start`; `first` of those
     * for one frame. Returns 0, without effect, if there is no memory for it; only a message's first piece may find
     * none.
     */
    compress(start: number, length: number, first: boolean, last: boolean): number;
    /**
     * Makes the frame of what was compressed, at `start` of the output memory; if its payload has no room there, its
     * address is reported. Returns the end of the written part, which is the start if the compressor has kept all of a
     * message that goes on; or a negative error.
     */
    compressed_frame(buffer_type: number, start: number): number;
    /**
     * Compresses each message for itself from now on, by a window of 2^`window_bits` bytes: what every server sends
     * that agreed on that. For messages that are prepared for many connections.
     */
    enable_deflate(level: number, memory_level: number, window_bits: number): void;
    /**
     * Makes a frame of the `length` bytes of payload that are in the output memory behind room for its header,
     * which begins at `start`. Returns the frame's end, or a negative error.
     */
    frame(buffer_type: number, start: number, length: number): number;
    /**
     * Makes `count` frames, at `start` in the output memory. Their payloads are in the input memory, one behind the
     * other, and their lengths in the memory of the events, as u32. Returns the last frame's end, or a negative error.
     */
    frames(buffer_type: number, start: number, count: number): number;
    /**
     * Makes a frame's header alone. Returns its end, or a negative error.
     */
    header(buffer_type: number, start: number, length: number): number;
    /**
     * Whether permessage-deflate was agreed.
     */
    is_deflate_enabled(): boolean;
    /**
     * Masks the next bytes of the payload that `header` announced, in place. Does nothing on a server.
     */
    mask(start: number, length: number): void;
    /**
     * A session over a connection that is already upgraded. Sizes are in bytes.
     */
    constructor(server: boolean, max_frame_size: number, max_message_size: number, max_fragments: number);
    /**
     * The window, in bits, for which a compressed message has to be prepared that may be sent on this connection; 0 if
     * none may, because something is kept from one message to the next that would miss it.
     */
    prepared_window(): number;
    /**
     * Takes `length` bytes at `input_address()`. Returns the outcome; the events are listed, and it is reported how
     * many bytes are done with, and what is unfinished. The rest goes on with `resume`, or is given again later.
     */
    receive(length: number): number;
    /**
     * Frees the compressor's context.
     */
    release_compressor(): void;
    /**
     * Goes on with the chunk that `receive` did not finish.
     */
    resume(): number;
    /**
     * Whether the peer's close came.
     */
    readonly close_received: boolean;
    /**
     * Whether a close was made.
     */
    readonly close_sent: boolean;
}

/**
 * Code, HRESULT, close status (0 if none), text and section of an error's number.
 */
export function describe_error(id: number): any[];

/**
 * Where received data is listed: flags, address and length of each piece, as u32.
 */
export function events_address(): number;

/**
 * `WebSocketGetGlobalProperty`: the keep-alive interval in milliseconds, or the supported versions.
 */
export function global_property(property_type: number): Uint32Array;

/**
 * Where the caller writes a network chunk.
 */
export function input_address(): number;

/**
 * The most bytes of a chunk.
 */
export function input_capacity(): number;

/**
 * The subprotocols that a request offers.
 */
export function offered_subprotocols(headers: string, header_count: number): string;

/**
 * Where frames are made.
 */
export function output_address(): number;

/**
 * The bytes there.
 */
export function output_capacity(): number;

/**
 * Reads a request's head; `undefined` if it needs more bytes.
 */
export function parse_request(bytes: Uint8Array | number[]): RequestHead | undefined;

/**
 * Reads a response's head; `undefined` if it needs more bytes.
 */
export function parse_response(bytes: Uint8Array | number[]): ResponseHead | undefined;

/**
 * Where a call reports more than its return value: 16 u32.
 */
export function report_address(): number;

/**
 * `WebSocketGetGlobalProperty` of the supported versions.
 */
export function supported_versions(): Uint32Array;

/**
 * Makes a request's head.
 */
export function write_request(target: string, headers: string, header_count: number): Uint8Array;

/**
 * Makes a response's head.
 */
export function write_response(status: number, reason: string, headers: string, header_count: number): Uint8Array;

/** A compiled `WebAssembly.Module`; not by that name, which only type libraries of the DOM have. */
export type EngineModule = object;

/** Makes the one instance; later calls give the same. */
export function initSync(options: { module: EngineModule }): { readonly memory: { readonly buffer: ArrayBuffer } };
