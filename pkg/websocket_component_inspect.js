const { TextDecoder, TextEncoder } =
    "TextDecoder" in globalThis ? globalThis : globalThis.process.getBuiltinModule("node:util");
/* @ts-self-types="./websocket_component_inspect.d.ts" */

/**
 * The fields of HTTP/2, one direction's of a connection (RFC 7541).
 */
export class Hpack {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        HpackFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_hpack_free(ptr, 0);
    }
    /**
     * The names and values of a block, in turns; `undefined` if it is none, and then those after it cannot be read.
     * @param {Uint8Array | number[]} block
     * @returns {string[] | undefined}
     */
    decode(block) {
        const ptr0 = passArray8ToWasm0(block, wasm.__wbindgen_malloc);
        const len0 = WASM_VECTOR_LEN;
        const ret = wasm.hpack_decode(this.__wbg_ptr, ptr0, len0);
        let v2;
        if (ret[0] !== 0) {
            v2 = getArrayJsValueFromWasm0(ret[0], ret[1]);
            wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
        }
        return v2;
    }
    /**
     * With the table that both sides begin with.
     */
    constructor() {
        const ret = wasm.hpack_new();
        this.__wbg_ptr = ret;
        HpackFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
}
if (Symbol.dispose) Hpack.prototype[Symbol.dispose] = Hpack.prototype.free;

/**
 * Analyses recorded conversations.
 */
export class Inspector {
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        InspectorFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_inspector_free(ptr, 0);
    }
    /**
     * Bytes of a direction as they came.
     * @param {number} direction
     * @param {number} start
     * @param {number} end
     * @returns {Uint8Array}
     */
    bytes(direction, start, end) {
        const ret = wasm.inspector_bytes(this.__wbg_ptr, direction, start, end);
        var v1 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
        return v1;
    }
    /**
     * The checks of a head: an array of subject, section, values and the error's number for each.
     * @param {number} direction
     * @returns {any[]}
     */
    checks(direction) {
        const ret = wasm.inspector_checks(this.__wbg_ptr, direction);
        var v1 = getArrayJsValueFromWasm0(ret[0], ret[1]);
        wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
        return v1;
    }
    /**
     * How many records, messages and faults there are.
     * @returns {Uint32Array}
     */
    counts() {
        const ret = wasm.inspector_counts(this.__wbg_ptr);
        var v1 = getArrayU32FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
        return v1;
    }
    /**
     * The agreed extensions: whether they are known, whether there are others, and for permessage-deflate, if agreed,
     * both windows and both no_context_takeover.
     * @returns {Uint8Array}
     */
    extensions() {
        const ret = wasm.inspector_extensions(this.__wbg_ptr);
        var v1 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
        return v1;
    }
    /**
     * `count` rows of 3 numbers each.
     * @param {number} start
     * @param {number} count
     * @returns {Float64Array}
     */
    faults(start, count) {
        const ret = wasm.inspector_faults(this.__wbg_ptr, start, count);
        var v1 = getArrayF64FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 8, 8);
        return v1;
    }
    /**
     * Says that no more bytes come.
     */
    finish() {
        wasm.inspector_finish(this.__wbg_ptr);
    }
    /**
     * Starts and ends of what is missing of a range.
     * @param {number} direction
     * @param {number} start
     * @param {number} end
     * @returns {Float64Array}
     */
    gaps(direction, start, end) {
        const ret = wasm.inspector_gaps(this.__wbg_ptr, direction, start, end);
        var v1 = getArrayF64FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 8, 8);
        return v1;
    }
    /**
     * How many bytes have come in a direction.
     * @param {number} direction
     * @returns {number}
     */
    length(direction) {
        const ret = wasm.inspector_length(this.__wbg_ptr, direction);
        return ret;
    }
    /**
     * The payload of a message.
     * @param {number} message
     * @param {number} stage
     * @param {number} limit
     * @returns {Uint8Array}
     */
    message_payload(message, stage, limit) {
        const ret = wasm.inspector_message_payload(this.__wbg_ptr, message, stage, limit);
        var v1 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
        return v1;
    }
    /**
     * `count` rows of 9 numbers each.
     * @param {number} start
     * @param {number} count
     * @returns {Float64Array}
     */
    messages(start, count) {
        const ret = wasm.inspector_messages(this.__wbg_ptr, start, count);
        var v1 = getArrayF64FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 8, 8);
        return v1;
    }
    /**
     * For one connection; see [`Options`].
     * @param {string} extensions
     * @param {boolean} is_mid_stream
     * @param {boolean} is_http2
     */
    constructor(extensions, is_mid_stream, is_http2) {
        const val2 = +is_mid_stream;
        const val3 = +is_http2;
        const ptr0 = passStringToWasm0(extensions, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        const len0 = WASM_VECTOR_LEN;
        const ret = wasm.inspector_new(ptr0, len0, val2, val3);
        this.__wbg_ptr = ret;
        InspectorFinalization.register(this, this.__wbg_ptr, this);
        return this;
    }
    /**
     * The payload of a record; the stage is 0 for the wire's, 1 unmasked, 2 decompressed.
     * @param {number} record
     * @param {number} stage
     * @param {number} limit
     * @returns {Uint8Array}
     */
    payload(record, stage, limit) {
        const ret = wasm.inspector_payload(this.__wbg_ptr, record, stage, limit);
        var v1 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
        return v1;
    }
    /**
     * The payload of a frame from an offset on, up to what is missing.
     * @param {number} record
     * @param {number} stage
     * @param {number} offset
     * @param {number} limit
     * @returns {Uint8Array}
     */
    payload_from(record, stage, offset, limit) {
        const ret = wasm.inspector_payload_from(this.__wbg_ptr, record, stage, offset, limit);
        var v1 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
        return v1;
    }
    /**
     * Takes the next bytes of a direction: 0 to the server, 1 to the client.
     * @param {number} direction
     * @param {Uint8Array | number[]} bytes
     * @param {number} time
     */
    push(direction, bytes, time) {
        const val2 = +direction;
        const val3 = +time;
        const ptr0 = passArray8ToWasm0(bytes, wasm.__wbindgen_malloc);
        const len0 = WASM_VECTOR_LEN;
        wasm.inspector_push(this.__wbg_ptr, val2, ptr0, len0, val3);
    }
    /**
     * Reports that the next `length` bytes of a direction are missing.
     * @param {number} direction
     * @param {number} length
     * @param {number} time
     */
    push_missing(direction, length, time) {
        wasm.inspector_push_missing(this.__wbg_ptr, direction, length, time);
    }
    /**
     * `count` rows of 16 numbers each.
     * @param {number} start
     * @param {number} count
     * @returns {Float64Array}
     */
    records(start, count) {
        const ret = wasm.inspector_records(this.__wbg_ptr, start, count);
        var v1 = getArrayF64FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 8, 8);
        return v1;
    }
}
if (Symbol.dispose) Inspector.prototype[Symbol.dispose] = Inspector.prototype.free;

/**
 * Decrypts whole blocks by AES in CBC mode, the padding included; `undefined` if the sizes are wrong.
 * @param {Uint8Array | number[]} key
 * @param {Uint8Array | number[]} iv
 * @param {Uint8Array | number[]} data
 * @returns {Uint8Array | undefined}
 */
export function decrypt_cbc(key, iv, data) {
    let ptr0, len0, ptr1, len1, ptr2, len2;
    try {
        ptr0 = passArray8ToWasm0(key, wasm.__wbindgen_malloc);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passArray8ToWasm0(iv, wasm.__wbindgen_malloc);
        len1 = WASM_VECTOR_LEN;
        ptr2 = passArray8ToWasm0(data, wasm.__wbindgen_malloc);
        len2 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr2) { wasm.__wbindgen_free(ptr2, len2 * 1, 1); }
        if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.decrypt_cbc(ptr0, len0, ptr1, len1, ptr2, len2);
    let v4;
    if (ret[0] !== 0) {
        v4 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
    }
    return v4;
}

/**
 * Name, text, section and close status (0 if there is none) of an error's number.
 * @param {number} number
 * @returns {any[]}
 */
export function describe(number) {
    const ret = wasm.describe(number);
    var v1 = getArrayJsValueFromWasm0(ret[0], ret[1]);
    wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
    return v1;
}

/**
 * HMAC (RFC 2104) with SHA-256 or, by 160 and 384, with SHA-1 and SHA-384; of any other number nothing.
 * @param {number} bits
 * @param {Uint8Array | number[]} key
 * @param {Uint8Array | number[]} data
 * @returns {Uint8Array}
 */
export function hmac(bits, key, data) {
    const val3 = +bits;
    let ptr0, len0, ptr1, len1;
    try {
        ptr0 = passArray8ToWasm0(key, wasm.__wbindgen_malloc);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passArray8ToWasm0(data, wasm.__wbindgen_malloc);
        len1 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.hmac(val3, ptr0, len0, ptr1, len1);
    var v4 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
    return v4;
}

/**
 * Decompresses a DEFLATE stream (RFC 1951), as gzip and zip have it, as far as it goes: up to its end, to `limit`
 * bytes, or to what is corrupt. `consumed` is told how many bytes of it were read, and whether that was its end.
 * @param {Uint8Array | number[]} bytes
 * @param {number} limit
 * @param {Float64Array} consumed
 * @returns {Uint8Array}
 */
export function inflate(bytes, limit, consumed) {
    const val3 = +limit;
    let ptr0, len0, ptr1, len1;
    try {
        ptr0 = passArray8ToWasm0(bytes, wasm.__wbindgen_malloc);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passArrayF64ToWasm0(consumed, wasm.__wbindgen_malloc);
        len1 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 8, 8); }
        if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.inflate(ptr0, len0, val3, ptr1, len1, consumed);
    var v4 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
    return v4;
}

/**
 * Opens what a cipher with associated data has sealed: 1 is AES-128-GCM, 2 AES-256-GCM, 3 ChaCha20-Poly1305.
 * `undefined` if that is not what the key has sealed.
 * @param {number} cipher
 * @param {Uint8Array | number[]} key
 * @param {Uint8Array | number[]} nonce
 * @param {Uint8Array | number[]} associated
 * @param {Uint8Array | number[]} sealed
 * @returns {Uint8Array | undefined}
 */
export function open(cipher, key, nonce, associated, sealed) {
    const val5 = +cipher;
    let ptr0, len0, ptr1, len1, ptr2, len2, ptr3, len3;
    try {
        ptr0 = passArray8ToWasm0(key, wasm.__wbindgen_malloc);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passArray8ToWasm0(nonce, wasm.__wbindgen_malloc);
        len1 = WASM_VECTOR_LEN;
        ptr2 = passArray8ToWasm0(associated, wasm.__wbindgen_malloc);
        len2 = WASM_VECTOR_LEN;
        ptr3 = passArray8ToWasm0(sealed, wasm.__wbindgen_malloc);
        len3 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr3) { wasm.__wbindgen_free(ptr3, len3 * 1, 1); }
        if (ptr2) { wasm.__wbindgen_free(ptr2, len2 * 1, 1); }
        if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.open(val5, ptr0, len0, ptr1, len1, ptr2, len2, ptr3, len3);
    let v6;
    if (ret[0] !== 0) {
        v6 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
    }
    return v6;
}
function __wbg_get_imports() {
    const import0 = {
        __proto__: null,
        __wbg___wbindgen_copy_to_typed_array_680b191e71920dc1: function(arg0, arg1, arg2) {
            new Uint8Array(arg2.buffer, arg2.byteOffset, arg2.byteLength).set(getArrayU8FromWasm0(arg0, arg1));
        },
        __wbg___wbindgen_throw_4c88d8bf264fd984: function(arg0, arg1) {
            throw new Error(getStringFromWasm0(arg0, arg1));
        },
        __wbindgen_generic_0000000000000001: function(arg0) {
            // Cast intrinsic for `F64 -> Externref`.
            const ret = arg0;
            return ret;
        },
        __wbindgen_generic_0000000000000002: function(arg0, arg1) {
            // Cast intrinsic for `Ref(String) -> Externref`.
            const ret = getStringFromWasm0(arg0, arg1);
            return ret;
        },
        __wbindgen_generic_0000000000000003: function(arg0, arg1) {
            var v0 = getArrayJsValueFromWasm0(arg0, arg1);
            wasm.__wbindgen_free(arg0, arg1 * 4, 4);
            // Cast intrinsic for `Vector(NamedExternref("string")) -> Externref`.
            const ret = v0;
            return ret;
        },
        __wbindgen_init_externref_table: function() {
            const table = wasm.__wbindgen_externrefs;
            table.set(0, undefined);
            table.set(1024, undefined);
            table.set(1025, null);
            table.set(1026, true);
            table.set(1027, false);
        },
    };
    return {
        __proto__: null,
        "./websocket_component_inspect_bg.js": import0,
    };
}

const HpackFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_hpack_free(ptr, 1));
const InspectorFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_inspector_free(ptr, 1));

function getArrayF64FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getFloat64ArrayMemory0().subarray(ptr / 8, ptr / 8 + len);
}

function getArrayJsValueFromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    const mem = getDataViewMemory0();
    const result = [];
    for (let i = ptr; i < ptr + 4 * len; i += 4) {
        result.push(wasm.__wbindgen_externrefs.get(mem.getUint32(i, true)));
    }
    wasm.__externref_drop_slice(ptr, len);
    return result;
}

function getArrayU32FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint32ArrayMemory0().subarray(ptr / 4, ptr / 4 + len);
}

function getArrayU8FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getUint8ArrayMemory0().subarray(ptr / 1, ptr / 1 + len);
}

let cachedDataViewMemory0 = null;
function getDataViewMemory0() {
    if (cachedDataViewMemory0 === null || cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined && cachedDataViewMemory0.buffer !== wasm.memory.buffer)) {
        cachedDataViewMemory0 = new DataView(wasm.memory.buffer);
    }
    return cachedDataViewMemory0;
}

let cachedFloat64ArrayMemory0 = null;
function getFloat64ArrayMemory0() {
    if (cachedFloat64ArrayMemory0 === null || cachedFloat64ArrayMemory0.byteLength === 0) {
        cachedFloat64ArrayMemory0 = new Float64Array(wasm.memory.buffer);
    }
    return cachedFloat64ArrayMemory0;
}

function getStringFromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return decodeText(getUint8ArrayMemory0().subarray(ptr, ptr + len));
}

let cachedUint32ArrayMemory0 = null;
function getUint32ArrayMemory0() {
    if (cachedUint32ArrayMemory0 === null || cachedUint32ArrayMemory0.byteLength === 0) {
        cachedUint32ArrayMemory0 = new Uint32Array(wasm.memory.buffer);
    }
    return cachedUint32ArrayMemory0;
}

let cachedUint8ArrayMemory0 = null;
function getUint8ArrayMemory0() {
    if (cachedUint8ArrayMemory0 === null || cachedUint8ArrayMemory0.byteLength === 0) {
        cachedUint8ArrayMemory0 = new Uint8Array(wasm.memory.buffer);
    }
    return cachedUint8ArrayMemory0;
}

function passArray8ToWasm0(arg, malloc) {
    const ptr = malloc(arg.length * 1, 1) >>> 0;
    getUint8ArrayMemory0().set(arg, ptr / 1);
    WASM_VECTOR_LEN = arg.length;
    return ptr;
}

function passArrayF64ToWasm0(arg, malloc) {
    const ptr = malloc(arg.length * 8, 8) >>> 0;
    getFloat64ArrayMemory0().set(arg, ptr / 8);
    WASM_VECTOR_LEN = arg.length;
    return ptr;
}

function passStringToWasm0(arg, malloc, realloc) {
    if (realloc === undefined) {
        const buf = cachedTextEncoder.encode(arg);
        const ptr = malloc(buf.length, 1) >>> 0;
        getUint8ArrayMemory0().subarray(ptr, ptr + buf.length).set(buf);
        WASM_VECTOR_LEN = buf.length;
        return ptr;
    }

    let len = arg.length;
    let ptr = malloc(len, 1) >>> 0;

    const mem = getUint8ArrayMemory0();

    let offset = 0;

    for (; offset < len; offset++) {
        const code = arg.charCodeAt(offset);
        if (code > 0x7F) break;
        mem[ptr + offset] = code;
    }
    if (offset !== len) {
        if (offset !== 0) {
            arg = arg.slice(offset);
        }
        ptr = realloc(ptr, len, len = offset + arg.length * 3, 1) >>> 0;
        const view = getUint8ArrayMemory0().subarray(ptr + offset, ptr + len);
        const ret = cachedTextEncoder.encodeInto(arg, view);

        offset += ret.written;
        ptr = realloc(ptr, len, offset, 1) >>> 0;
    }

    WASM_VECTOR_LEN = offset;
    return ptr;
}

let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
cachedTextDecoder.decode();
const MAX_SAFARI_DECODE_BYTES = 2146435072;
let numBytesDecoded = 0;
function decodeText(bytes) {
    numBytesDecoded += bytes.length;
    if (numBytesDecoded >= MAX_SAFARI_DECODE_BYTES) {
        cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
        cachedTextDecoder.decode();
        numBytesDecoded = bytes.length;
    }
    return cachedTextDecoder.decode(bytes);
}

const cachedTextEncoder = new TextEncoder();

if (!('encodeInto' in cachedTextEncoder)) {
    cachedTextEncoder.encodeInto = function (arg, view) {
        const buf = cachedTextEncoder.encode(arg);
        view.set(buf);
        return {
            read: arg.length,
            written: buf.length
        };
    };
}

let WASM_VECTOR_LEN = 0;

let wasmModule, wasmInstance, wasm;
function __wbg_finalize_init(instance, module) {
    wasmInstance = instance;
    wasm = instance.exports;
    wasmModule = module;
    cachedDataViewMemory0 = null;
    cachedFloat64ArrayMemory0 = null;
    cachedUint32ArrayMemory0 = null;
    cachedUint8ArrayMemory0 = null;
    wasm.__wbindgen_start();
    return wasm;
}

function initSync(module) {
    if (wasm !== undefined) return wasm;


    if (module !== undefined) {
        if (Object.getPrototypeOf(module) === Object.prototype) {
            ({module} = module)
        } else {
            console.warn('using deprecated parameters for `initSync()`; pass a single object instead')
        }
    }

    const imports = __wbg_get_imports();
    if (!(module instanceof WebAssembly.Module)) {
        module = new WebAssembly.Module(module);
    }
    const instance = new WebAssembly.Instance(module, imports);
    return __wbg_finalize_init(instance, module);
}

export { initSync };
