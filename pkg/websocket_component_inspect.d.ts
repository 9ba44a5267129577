/* tslint:disable */
/* eslint-disable */

/**
 * The fields of HTTP/2, one direction's of a connection (RFC 7541).
 */
export class Hpack {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * The names and values of a block, in turns; `undefined` if it is none, and then those after it cannot be read.
     */
    decode(block: Uint8Array | number[]): string[] | undefined;
    /**
     * With the table that both sides begin with.
     */
    constructor();
}

/**
 * Analyses recorded conversations.
 */
export class Inspector {
    free(): void;
    [Symbol.dispose](): void;
    /**
     * Bytes of a direction as they came.
     */
    bytes(direction: number, start: number, end: number): Uint8Array;
    /**
     * The checks of a head: an array of subject, section, values and the error's number for each.
     */
    checks(direction: number): any[];
    /**
     * How many records, messages and faults there are.
     */
    counts(): Uint32Array;
    /**
     * The agreed extensions: whether they are known, whether there are others, and for permessage-deflate, if agreed,
     * both windows and both no_context_takeover.
     */
    extensions(): Uint8Array;
    /**
     * `count` rows of 3 numbers each.
     */
    faults(start: number, count: number): Float64Array;
    /**
     * Says that no more bytes come.
     */
    finish(): void;
    /**
     * Starts and ends of what is missing of a range.
     */
    gaps(direction: number, start: number, end: number): Float64Array;
    /**
     * How many bytes have come in a direction.
     */
    length(direction: number): number;
    /**
     * The payload of a message.
     */
    message_payload(message: number, stage: number, limit: number): Uint8Array;
    /**
     * `count` rows of 9 numbers each.
     */
    messages(start: number, count: number): Float64Array;
    /**
     * For one connection; see [`Options`].
     */
    constructor(extensions: string, is_mid_stream: boolean, is_http2: boolean);
    /**
     * The payload of a record; the stage is 0 for the wire's, 1 unmasked, 2 decompressed.
     */
    payload(record: number, stage: number, limit: number): Uint8Array;
    /**
     * The payload of a frame from an offset on, up to what is missing.
     */
    payload_from(record: number, stage: number, offset: number, limit: number): Uint8Array;
    /**
     * Takes the next bytes of a direction: 0 to the server, 1 to the client.
     */
    push(direction: number, bytes: Uint8Array | number[], time: number): void;
    /**
     * Reports that the next `length` bytes of a direction are missing.
     */
    push_missing(direction: number, length: number, time: number): void;
    /**
     * `count` rows of 16 numbers each.
     */
    records(start: number, count: number): Float64Array;
}

/**
 * Decrypts whole blocks by AES in CBC mode, the padding included; `undefined` if the sizes are wrong.
 */
export function decrypt_cbc(key: Uint8Array | number[], iv: Uint8Array | number[], data: Uint8Array | number[]): Uint8Array | undefined;

/**
 * Name, text, section and close status (0 if there is none) of an error's number.
 */
export function describe(number: number): any[];

/**
 * HMAC (RFC 2104) with SHA-256 or, by 160 and 384, with SHA-1 and SHA-384; of any other number nothing.
 */
export function hmac(bits: number, key: Uint8Array | number[], data: Uint8Array | number[]): Uint8Array;

/**
 * Decompresses a DEFLATE stream (RFC 1951), as gzip and zip have it, as far as it goes: up to its end, to `limit`
 * bytes, or to what is corrupt. `consumed` is told how many bytes of it were read, and whether that was its end.
 */
export function inflate(bytes: Uint8Array | number[], limit: number, consumed: Float64Array): Uint8Array;

/**
 * Opens what a cipher with associated data has sealed: 1 is AES-128-GCM, 2 AES-256-GCM, 3 ChaCha20-Poly1305.
 * `undefined` if that is not what the key has sealed.
 */
export function open(cipher: number, key: Uint8Array | number[], nonce: Uint8Array | number[], associated: Uint8Array | number[], sealed: Uint8Array | number[]): Uint8Array | undefined;

/** A compiled `WebAssembly.Module`; not by that name, which only type libraries of the DOM have. */
export type EngineModule = object;

/** Makes the one instance; later calls give the same. */
export function initSync(options: { module: EngineModule }): { readonly memory: { readonly buffer: ArrayBuffer } };
