/* tslint:disable */
/* eslint-disable */

/**
 * Recorded conversations, taken apart.
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
     * What was agreed on: whether there are other extensions, and of permessage-deflate, if there is one, both windows and
     * both no_context_takeover.
     */
    extensions(): Uint8Array;
    /**
     * So many rows of 3 numbers each.
     */
    faults(start: number, count: number): Float64Array;
    /**
     * Says that no more bytes come.
     */
    finish(): void;
    /**
     * How many bytes have come in a direction.
     */
    length(direction: number): number;
    /**
     * The payload of a message.
     */
    message_payload(message: number, stage: number, limit: number): Uint8Array;
    /**
     * So many rows of 9 numbers each.
     */
    messages(start: number, count: number): Float64Array;
    /**
     * For one connection; the extensions are those of a response that is not part of it.
     */
    constructor(extensions: string);
    /**
     * The payload of a record; the stage is 0 for the wire's, 1 unmasked, 2 decompressed.
     */
    payload(record: number, stage: number, limit: number): Uint8Array;
    /**
     * Takes the next bytes of a direction: 0 to the server, 1 to the client.
     */
    push(direction: number, bytes: Uint8Array | number[], time: number): void;
    /**
     * Says that so many bytes of a direction are missing.
     */
    push_missing(direction: number, length: number, time: number): void;
    /**
     * So many rows of 14 numbers each.
     */
    records(start: number, count: number): Float64Array;
}

/**
 * Name, text, section and close status (0 if there is none) of an error's number.
 */
export function describe(number: number): any[];

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly memory: WebAssembly.Memory;
    readonly __wbg_inspector_free: (a: number, b: number) => void;
    readonly describe: (a: number) => [number, number];
    readonly inspector_bytes: (a: number, b: number, c: number, d: number) => [number, number];
    readonly inspector_checks: (a: number, b: number) => [number, number];
    readonly inspector_counts: (a: number) => [number, number];
    readonly inspector_extensions: (a: number) => [number, number];
    readonly inspector_faults: (a: number, b: number, c: number) => [number, number];
    readonly inspector_finish: (a: number) => void;
    readonly inspector_length: (a: number, b: number) => number;
    readonly inspector_message_payload: (a: number, b: number, c: number, d: number) => [number, number];
    readonly inspector_messages: (a: number, b: number, c: number) => [number, number];
    readonly inspector_new: (a: number, b: number) => number;
    readonly inspector_payload: (a: number, b: number, c: number, d: number) => [number, number];
    readonly inspector_push: (a: number, b: number, c: number, d: number, e: number) => void;
    readonly inspector_push_missing: (a: number, b: number, c: number, d: number) => void;
    readonly inspector_records: (a: number, b: number, c: number) => [number, number];
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __externref_drop_slice: (a: number, b: number) => void;
    readonly __wbindgen_free: (a: number, b: number, c: number) => void;
    readonly __wbindgen_malloc: (a: number, b: number) => number;
    readonly __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
    readonly __wbindgen_start: () => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput }} module - Passing `SyncInitInput` directly is deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput } | SyncInitInput): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput> }} module_or_path - Passing `InitInput` directly is deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput> } | InitInput | Promise<InitInput>): Promise<InitOutput>;
