/* tslint:disable */
/* eslint-disable */
export const memory: WebAssembly.Memory;
export const calloc: (a: number, b: number) => number;
export const free: (a: number) => void;
export const malloc: (a: number) => number;
export const __wbg_inspector_free: (a: number, b: number) => void;
export const describe: (a: number) => [number, number];
export const inspector_bytes: (a: number, b: number, c: number, d: number) => [number, number];
export const inspector_checks: (a: number, b: number) => [number, number];
export const inspector_counts: (a: number) => [number, number];
export const inspector_extensions: (a: number) => [number, number];
export const inspector_faults: (a: number, b: number, c: number) => [number, number];
export const inspector_finish: (a: number) => void;
export const inspector_length: (a: number, b: number) => number;
export const inspector_message_payload: (a: number, b: number, c: number, d: number) => [number, number];
export const inspector_messages: (a: number, b: number, c: number) => [number, number];
export const inspector_new: (a: number, b: number) => number;
export const inspector_payload: (a: number, b: number, c: number, d: number) => [number, number];
export const inspector_push: (a: number, b: number, c: number, d: number, e: number) => void;
export const inspector_push_missing: (a: number, b: number, c: number, d: number) => void;
export const inspector_records: (a: number, b: number, c: number) => [number, number];
export const __wbindgen_externrefs: WebAssembly.Table;
export const __externref_drop_slice: (a: number, b: number) => void;
export const __wbindgen_free: (a: number, b: number, c: number) => void;
export const __wbindgen_malloc: (a: number, b: number) => number;
export const __wbindgen_realloc: (a: number, b: number, c: number, d: number) => number;
export const __wbindgen_start: () => void;
