const { TextDecoder, TextEncoder } =
    "TextDecoder" in globalThis ? globalThis : globalThis.process.getBuiltinModule("node:util");
/* @ts-self-types="./websocket_component_slim.d.ts" */

/**
 * The component API.
 */
export class Handle {
    static __wrap(ptr) {
        const obj = Object.create(Handle.prototype);
        obj.__wbg_ptr = ptr;
        return obj;
    }
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_handle_free(ptr, 0);
    }
    /**
     * `WebSocketAbortHandle`.
     */
    abort() {
        wasm.handle_abort(this.__wbg_ptr);
    }
    /**
     * `WebSocketBeginClientHandshake`; headers are names and values in turn. Of strings that are joined, the number
     * follows.
     * @param {string} subprotocols
     * @param {number} subprotocol_count
     * @param {string} extensions
     * @param {number} extension_count
     * @param {string} headers
     * @param {number} header_count
     * @param {boolean} is_extended_connect
     * @returns {string}
     */
    begin_client_handshake(subprotocols, subprotocol_count, extensions, extension_count, headers, header_count, is_extended_connect) {
        let deferred9_0;
        let deferred9_1;
        try {
            const val4 = +subprotocol_count;
            const val5 = +extension_count;
            const val6 = +header_count;
            const val7 = +is_extended_connect;
            let ptr0, len0, ptr1, len1, ptr2, len2;
            try {
                ptr0 = passStringToWasm0(subprotocols, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
                len0 = WASM_VECTOR_LEN;
                ptr1 = passStringToWasm0(extensions, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
                len1 = WASM_VECTOR_LEN;
                ptr2 = passStringToWasm0(headers, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
                len2 = WASM_VECTOR_LEN;
            } catch (e) {
                if (ptr2) { wasm.__wbindgen_free(ptr2, len2 * 1, 1); }
                if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
                if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
                throw e;
            }
            const ret = wasm.handle_begin_client_handshake(this.__wbg_ptr, ptr0, len0, val4, ptr1, len1, val5, ptr2, len2, val6, val7);
            var ptr8 = ret[0];
            var len8 = ret[1];
            if (ret[3]) {
                ptr8 = 0; len8 = 0;
                throw takeFromExternrefTable0(ret[2]);
            }
            deferred9_0 = ptr8;
            deferred9_1 = len8;
            return getStringFromWasm0(ptr8, len8);
        } finally {
            wasm.__wbindgen_free(deferred9_0, deferred9_1, 1);
        }
    }
    /**
     * `WebSocketBeginServerHandshake`; no subprotocol is empty. Gives the fields as the lines of a head.
     * @param {string} subprotocol
     * @param {string} extensions
     * @param {number} extension_count
     * @param {string} headers
     * @param {number} header_count
     * @param {boolean} is_extended_connect
     * @returns {string}
     */
    begin_server_handshake(subprotocol, extensions, extension_count, headers, header_count, is_extended_connect) {
        let deferred8_0;
        let deferred8_1;
        try {
            const val4 = +extension_count;
            const val5 = +header_count;
            const val6 = +is_extended_connect;
            let ptr0, len0, ptr1, len1, ptr2, len2;
            try {
                ptr0 = passStringToWasm0(subprotocol, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
                len0 = WASM_VECTOR_LEN;
                ptr1 = passStringToWasm0(extensions, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
                len1 = WASM_VECTOR_LEN;
                ptr2 = passStringToWasm0(headers, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
                len2 = WASM_VECTOR_LEN;
            } catch (e) {
                if (ptr2) { wasm.__wbindgen_free(ptr2, len2 * 1, 1); }
                if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
                if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
                throw e;
            }
            const ret = wasm.handle_begin_server_handshake(this.__wbg_ptr, ptr0, len0, ptr1, len1, val4, ptr2, len2, val5, val6);
            var ptr7 = ret[0];
            var len7 = ret[1];
            if (ret[3]) {
                ptr7 = 0; len7 = 0;
                throw takeFromExternrefTable0(ret[2]);
            }
            deferred8_0 = ptr7;
            deferred8_1 = len7;
            return getStringFromWasm0(ptr7, len7);
        } finally {
            wasm.__wbindgen_free(deferred8_0, deferred8_1, 1);
        }
    }
    /**
     * `WebSocketCompleteAction`.
     * @param {number} action_context
     * @param {number} bytes
     */
    complete_action(action_context, bytes) {
        wasm.handle_complete_action(this.__wbg_ptr, action_context, bytes);
    }
    /**
     * `WebSocketCreateClientHandle`.
     * @param {number | null | undefined} receive_buffer_size
     * @param {number | null | undefined} send_buffer_size
     * @param {boolean} disable_masking
     * @param {boolean} disable_utf8_verification
     * @returns {Handle}
     */
    static create_client(receive_buffer_size, send_buffer_size, disable_masking, disable_utf8_verification) {
        const ret = wasm.handle_create_client(isLikeNone(receive_buffer_size) ? Number.MAX_SAFE_INTEGER : (receive_buffer_size) >>> 0, isLikeNone(send_buffer_size) ? Number.MAX_SAFE_INTEGER : (send_buffer_size) >>> 0, disable_masking, disable_utf8_verification);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return Handle.__wrap(ret[0]);
    }
    /**
     * `WebSocketCreateServerHandle`.
     * @param {number | null | undefined} receive_buffer_size
     * @param {number | null | undefined} send_buffer_size
     * @param {boolean} disable_masking
     * @param {boolean} disable_utf8_verification
     * @returns {Handle}
     */
    static create_server(receive_buffer_size, send_buffer_size, disable_masking, disable_utf8_verification) {
        const ret = wasm.handle_create_server(isLikeNone(receive_buffer_size) ? Number.MAX_SAFE_INTEGER : (receive_buffer_size) >>> 0, isLikeNone(send_buffer_size) ? Number.MAX_SAFE_INTEGER : (send_buffer_size) >>> 0, disable_masking, disable_utf8_verification);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return Handle.__wrap(ret[0]);
    }
    /**
     * `WebSocketEndClientHandshake`: the index of the subprotocol or -1, then those of the extensions.
     * @param {string} headers
     * @param {number} header_count
     * @param {boolean} allow_no_subprotocol
     * @returns {Int32Array}
     */
    end_client_handshake(headers, header_count, allow_no_subprotocol) {
        const val2 = +header_count;
        const val3 = +allow_no_subprotocol;
        const ptr0 = passStringToWasm0(headers, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        const len0 = WASM_VECTOR_LEN;
        const ret = wasm.handle_end_client_handshake(this.__wbg_ptr, ptr0, len0, val2, val3);
        if (ret[3]) {
            throw takeFromExternrefTable0(ret[2]);
        }
        var v4 = getArrayI32FromWasm0(ret[0], ret[1]).slice();
        wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
        return v4;
    }
    /**
     * `WebSocketEndServerHandshake`.
     */
    end_server_handshake() {
        const ret = wasm.handle_end_server_handshake(this.__wbg_ptr);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * `WebSocketGetAction`; the action is reported.
     * @param {number} queue
     * @param {number} slots
     */
    get_action(queue, slots) {
        const ret = wasm.handle_get_action(this.__wbg_ptr, queue, slots);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * The session alone, for the drivers.
     * @param {number} max_frame_size
     * @param {number} max_message_size
     * @param {number} max_fragments
     * @returns {Session}
     */
    into_session(max_frame_size, max_message_size, max_fragments) {
        const val1 = +max_frame_size;
        const val2 = +max_message_size;
        const val3 = +max_fragments;
        const ptr = this.__destroy_into_raw();
        const ret = wasm.handle_into_session(ptr, val1, val2, val3);
        if (ret[2]) {
            throw takeFromExternrefTable0(ret[1]);
        }
        return Session.__wrap(ret[0]);
    }
    /**
     * Reports where the buffer of an outstanding read is, and how long: nothing if there is no such action.
     * @param {number} action_context
     */
    outstanding_read(action_context) {
        wasm.handle_outstanding_read(this.__wbg_ptr, action_context);
    }
    /**
     * `WebSocketReceive`; 0 for the internal buffer.
     * @param {number} buffer_length
     * @param {number} context
     */
    receive(buffer_length, context) {
        const ret = wasm.handle_receive(this.__wbg_ptr, buffer_length, context);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * `WebSocketSend`, but for a close.
     * @param {number} buffer_type
     * @param {Uint8Array | number[] | null | undefined} payload
     * @param {number} context
     */
    send(buffer_type, payload, context) {
        const val2 = +buffer_type;
        const val3 = +context;
        var ptr0 = isLikeNone(payload) ? 0 : passArray8ToWasm0(payload, wasm.__wbindgen_malloc);
        var len0 = WASM_VECTOR_LEN;
        const ret = wasm.handle_send(this.__wbg_ptr, val2, ptr0, len0, val3);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * `WebSocketSend` of a close; no status makes an empty frame.
     * @param {number | null | undefined} status
     * @param {Uint8Array | number[] | null | undefined} reason
     * @param {number} context
     */
    send_close(status, reason, context) {
        const val2 = +(isLikeNone(status) ? 0xFFFFFF : status);
        const val3 = +context;
        var ptr0 = isLikeNone(reason) ? 0 : passArray8ToWasm0(reason, wasm.__wbindgen_malloc);
        var len0 = WASM_VECTOR_LEN;
        const ret = wasm.handle_send_close(this.__wbg_ptr, val2, ptr0, len0, val3);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
}
if (Symbol.dispose) Handle.prototype[Symbol.dispose] = Handle.prototype.free;

/**
 * The head of a request, read from bytes.
 */
export class RequestHead {
    static __wrap(ptr) {
        const obj = Object.create(RequestHead.prototype);
        obj.__wbg_ptr = ptr;
        RequestHeadFinalization.register(obj, obj.__wbg_ptr, obj);
        return obj;
    }
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        RequestHeadFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_requesthead_free(ptr, 0);
    }
    /**
     * @returns {number}
     */
    get length() {
        const ret = wasm.__wbg_get_requesthead_length(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    get version() {
        const ret = wasm.__wbg_get_requesthead_version(this.__wbg_ptr);
        return ret;
    }
    /**
     * Throws if the request cannot be a handshake by what the component does not see.
     */
    check() {
        const ret = wasm.requesthead_check(this.__wbg_ptr);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * Names and values in turn.
     * @returns {string}
     */
    headers() {
        let deferred1_0;
        let deferred1_1;
        try {
            const ret = wasm.requesthead_headers(this.__wbg_ptr);
            deferred1_0 = ret[0];
            deferred1_1 = ret[1];
            return getStringFromWasm0(ret[0], ret[1]);
        } finally {
            wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * The method.
     * @returns {string}
     */
    get method() {
        let deferred1_0;
        let deferred1_1;
        try {
            const ret = wasm.requesthead_method(this.__wbg_ptr);
            deferred1_0 = ret[0];
            deferred1_1 = ret[1];
            return getStringFromWasm0(ret[0], ret[1]);
        } finally {
            wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * The request target.
     * @returns {string}
     */
    get target() {
        let deferred1_0;
        let deferred1_1;
        try {
            const ret = wasm.requesthead_target(this.__wbg_ptr);
            deferred1_0 = ret[0];
            deferred1_1 = ret[1];
            return getStringFromWasm0(ret[0], ret[1]);
        } finally {
            wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
        }
    }
}
if (Symbol.dispose) RequestHead.prototype[Symbol.dispose] = RequestHead.prototype.free;

/**
 * The head of a response, read from bytes.
 */
export class ResponseHead {
    static __wrap(ptr) {
        const obj = Object.create(ResponseHead.prototype);
        obj.__wbg_ptr = ptr;
        ResponseHeadFinalization.register(obj, obj.__wbg_ptr, obj);
        return obj;
    }
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        ResponseHeadFinalization.unregister(this);
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_responsehead_free(ptr, 0);
    }
    /**
     * @returns {number}
     */
    get length() {
        const ret = wasm.__wbg_get_responsehead_length(this.__wbg_ptr);
        return ret >>> 0;
    }
    /**
     * @returns {number}
     */
    get status() {
        const ret = wasm.__wbg_get_responsehead_status(this.__wbg_ptr);
        return ret;
    }
    /**
     * @returns {number}
     */
    get version() {
        const ret = wasm.__wbg_get_responsehead_version(this.__wbg_ptr);
        return ret;
    }
    /**
     * Throws if the response does not switch protocols.
     */
    check() {
        const ret = wasm.responsehead_check(this.__wbg_ptr);
        if (ret[1]) {
            throw takeFromExternrefTable0(ret[0]);
        }
    }
    /**
     * Names and values in turn.
     * @returns {string}
     */
    headers() {
        let deferred1_0;
        let deferred1_1;
        try {
            const ret = wasm.responsehead_headers(this.__wbg_ptr);
            deferred1_0 = ret[0];
            deferred1_1 = ret[1];
            return getStringFromWasm0(ret[0], ret[1]);
        } finally {
            wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
        }
    }
    /**
     * The reason phrase.
     * @returns {string}
     */
    get reason() {
        let deferred1_0;
        let deferred1_1;
        try {
            const ret = wasm.responsehead_reason(this.__wbg_ptr);
            deferred1_0 = ret[0];
            deferred1_1 = ret[1];
            return getStringFromWasm0(ret[0], ret[1]);
        } finally {
            wasm.__wbindgen_free(deferred1_0, deferred1_1, 1);
        }
    }
}
if (Symbol.dispose) ResponseHead.prototype[Symbol.dispose] = ResponseHead.prototype.free;

/**
 * The batch entry for drivers: the protocol after the handshake.
 */
export class Session {
    static __wrap(ptr) {
        const obj = { __proto__: Session.prototype, __wbg_ptr: ptr };
        return obj;
    }
    __destroy_into_raw() {
        const ptr = this.__wbg_ptr;
        this.__wbg_ptr = 0;
        return ptr;
    }
    free() {
        const ptr = this.__destroy_into_raw();
        wasm.__wbg_session_free(ptr, 0);
    }
    /**
     * Makes a close frame; the reason is behind room for the header and the status. Returns the frame's end,
     * or a negative error.
     * @param {number} start
     * @param {number} status
     * @param {number} reason_length
     * @returns {number}
     */
    close(start, status, reason_length) {
        const ret = wasm.session_close(this.__wbg_ptr, start, status, reason_length);
        return ret;
    }
    /**
     * Whether the peer's close came.
     * @returns {boolean}
     */
    get close_received() {
        const ret = wasm.session_close_received(this.__wbg_ptr);
        return ret !== 0;
    }
    /**
     * Whether a close was made.
     * @returns {boolean}
     */
    get close_sent() {
        const ret = wasm.session_close_sent(this.__wbg_ptr);
        return ret !== 0;
    }
    /**
     * Makes a frame of the `length` bytes of payload that are in the output memory behind room for its header,
     * which begins at `start`. Returns the frame's end, or a negative error.
     * @param {number} buffer_type
     * @param {number} start
     * @param {number} length
     * @returns {number}
     */
    frame(buffer_type, start, length) {
        const ret = wasm.session_frame(this.__wbg_ptr, buffer_type, start, length);
        return ret;
    }
    /**
     * Makes `count` frames, at `start` in the output memory. Their payloads are in the input memory, one behind the
     * other, and their lengths in the memory of the events, as u32. Returns the last frame's end, or a negative error.
     * @param {number} buffer_type
     * @param {number} start
     * @param {number} count
     * @returns {number}
     */
    frames(buffer_type, start, count) {
        const ret = wasm.session_frames(this.__wbg_ptr, buffer_type, start, count);
        return ret;
    }
    /**
     * Makes a frame's header alone. Returns its end, or a negative error.
     * @param {number} buffer_type
     * @param {number} start
     * @param {number} length
     * @returns {number}
     */
    header(buffer_type, start, length) {
        const ret = wasm.session_header(this.__wbg_ptr, buffer_type, start, length);
        return ret;
    }
    /**
     * Masks the next bytes of the payload that `header` announced, in place. Does nothing on a server.
     * @param {number} start
     * @param {number} length
     */
    mask(start, length) {
        wasm.session_mask(this.__wbg_ptr, start, length);
    }
    /**
     * A session over a connection that is already upgraded. Sizes are in bytes.
     * @param {boolean} server
     * @param {number} max_frame_size
     * @param {number} max_message_size
     * @param {number} max_fragments
     */
    constructor(server, max_frame_size, max_message_size, max_fragments) {
        const ret = wasm.session_new(server, max_frame_size, max_message_size, max_fragments);
        this.__wbg_ptr = ret;
        return this;
    }
    /**
     * Takes `length` bytes at `input_address()`. Returns the outcome; the events are listed, and it is reported how
     * many bytes are done with, and what is unfinished. The rest goes on with `resume`, or is given again later.
     * @param {number} length
     * @returns {number}
     */
    receive(length) {
        const ret = wasm.session_receive(this.__wbg_ptr, length);
        return ret >>> 0;
    }
    /**
     * Goes on with the chunk that `receive` did not finish.
     * @returns {number}
     */
    resume() {
        const ret = wasm.session_resume(this.__wbg_ptr);
        return ret >>> 0;
    }
}
if (Symbol.dispose) Session.prototype[Symbol.dispose] = Session.prototype.free;

/**
 * Code, HRESULT, close status (0 if none), text and section of an error's number.
 * @param {number} id
 * @returns {any[]}
 */
export function describe_error(id) {
    const ret = wasm.describe_error(id);
    var v1 = getArrayJsValueFromWasm0(ret[0], ret[1]);
    wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
    return v1;
}

/**
 * Where received data is listed: flags, address and length of each piece, as u32.
 * @returns {number}
 */
export function events_address() {
    const ret = wasm.events_address();
    return ret >>> 0;
}

/**
 * `WebSocketGetGlobalProperty`: the keep-alive interval in milliseconds, or the supported versions.
 * @param {number} property_type
 * @returns {Uint32Array}
 */
export function global_property(property_type) {
    const ret = wasm.global_property(property_type);
    if (ret[3]) {
        throw takeFromExternrefTable0(ret[2]);
    }
    var v1 = getArrayU32FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
    return v1;
}

/**
 * Where the caller writes a network chunk.
 * @returns {number}
 */
export function input_address() {
    const ret = wasm.input_address();
    return ret >>> 0;
}

/**
 * The most bytes of a chunk.
 * @returns {number}
 */
export function input_capacity() {
    const ret = wasm.input_capacity();
    return ret >>> 0;
}

/**
 * The subprotocols that a request offers.
 * @param {string} headers
 * @param {number} header_count
 * @returns {string}
 */
export function offered_subprotocols(headers, header_count) {
    let deferred4_0;
    let deferred4_1;
    try {
        const val2 = +header_count;
        const ptr0 = passStringToWasm0(headers, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        const len0 = WASM_VECTOR_LEN;
        const ret = wasm.offered_subprotocols(ptr0, len0, val2);
        var ptr3 = ret[0];
        var len3 = ret[1];
        if (ret[3]) {
            ptr3 = 0; len3 = 0;
            throw takeFromExternrefTable0(ret[2]);
        }
        deferred4_0 = ptr3;
        deferred4_1 = len3;
        return getStringFromWasm0(ptr3, len3);
    } finally {
        wasm.__wbindgen_free(deferred4_0, deferred4_1, 1);
    }
}

/**
 * Where frames are made.
 * @returns {number}
 */
export function output_address() {
    const ret = wasm.output_address();
    return ret >>> 0;
}

/**
 * The bytes there.
 * @returns {number}
 */
export function output_capacity() {
    const ret = wasm.output_capacity();
    return ret >>> 0;
}

/**
 * Reads a request's head; `undefined` if it needs more bytes.
 * @param {Uint8Array | number[]} bytes
 * @returns {RequestHead | undefined}
 */
export function parse_request(bytes) {
    const ptr0 = passArray8ToWasm0(bytes, wasm.__wbindgen_malloc);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.parse_request(ptr0, len0);
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return ret[0] === 0 ? undefined : RequestHead.__wrap(ret[0]);
}

/**
 * Reads a response's head; `undefined` if it needs more bytes.
 * @param {Uint8Array | number[]} bytes
 * @returns {ResponseHead | undefined}
 */
export function parse_response(bytes) {
    const ptr0 = passArray8ToWasm0(bytes, wasm.__wbindgen_malloc);
    const len0 = WASM_VECTOR_LEN;
    const ret = wasm.parse_response(ptr0, len0);
    if (ret[2]) {
        throw takeFromExternrefTable0(ret[1]);
    }
    return ret[0] === 0 ? undefined : ResponseHead.__wrap(ret[0]);
}

/**
 * Where a call reports more than its return value: 16 u32.
 * @returns {number}
 */
export function report_address() {
    const ret = wasm.report_address();
    return ret >>> 0;
}

/**
 * `WebSocketGetGlobalProperty` of the supported versions.
 * @returns {Uint32Array}
 */
export function supported_versions() {
    const ret = wasm.supported_versions();
    var v1 = getArrayU32FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1] * 4, 4);
    return v1;
}

/**
 * Makes a request's head.
 * @param {string} target
 * @param {string} headers
 * @param {number} header_count
 * @returns {Uint8Array}
 */
export function write_request(target, headers, header_count) {
    const val3 = +header_count;
    let ptr0, len0, ptr1, len1;
    try {
        ptr0 = passStringToWasm0(target, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passStringToWasm0(headers, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        len1 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.write_request(ptr0, len0, ptr1, len1, val3);
    if (ret[3]) {
        throw takeFromExternrefTable0(ret[2]);
    }
    var v4 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
    return v4;
}

/**
 * Makes a response's head.
 * @param {number} status
 * @param {string} reason
 * @param {string} headers
 * @param {number} header_count
 * @returns {Uint8Array}
 */
export function write_response(status, reason, headers, header_count) {
    const val3 = +status;
    const val4 = +header_count;
    let ptr0, len0, ptr1, len1;
    try {
        ptr0 = passStringToWasm0(reason, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        len0 = WASM_VECTOR_LEN;
        ptr1 = passStringToWasm0(headers, wasm.__wbindgen_malloc, wasm.__wbindgen_realloc);
        len1 = WASM_VECTOR_LEN;
    } catch (e) {
        if (ptr1) { wasm.__wbindgen_free(ptr1, len1 * 1, 1); }
        if (ptr0) { wasm.__wbindgen_free(ptr0, len0 * 1, 1); }
        throw e;
    }
    const ret = wasm.write_response(val3, ptr0, len0, ptr1, len1, val4);
    if (ret[3]) {
        throw takeFromExternrefTable0(ret[2]);
    }
    var v5 = getArrayU8FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1] * 1, 1);
    return v5;
}
function __wbg_get_imports() {
    const import0 = {
        __proto__: null,
        __wbg___wbindgen_throw_4c88d8bf264fd984: function(arg0, arg1) {
            throw new Error(getStringFromWasm0(arg0, arg1));
        },
        __wbg_getRandomValues_0eb01c20353e9a3c: function() { return handleError(function (arg0) {
            const ret = crypto.getRandomValues(arg0);
            return ret;
        }, arguments); },
        __wbg_length_186163212ffe79c3: function(arg0) {
            const ret = arg0.length;
            return ret;
        },
        __wbg_new_with_length_01b143a7e5dd5a3e: function(arg0) {
            const ret = new Uint8Array(arg0 >>> 0);
            return ret;
        },
        __wbg_prototypesetcall_13162965d1fe7aa3: function(arg0, arg1, arg2) {
            Uint8Array.prototype.set.call(getArrayU8FromWasm0(arg0, arg1), arg2);
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
        "./websocket_component_slim_bg.js": import0,
    };
}

const RequestHeadFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_requesthead_free(ptr, 1));
const ResponseHeadFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_responsehead_free(ptr, 1));

function addToExternrefTable0(obj) {
    const idx = wasm.__externref_table_alloc();
    wasm.__wbindgen_externrefs.set(idx, obj);
    return idx;
}

function getArrayI32FromWasm0(ptr, len) {
    ptr = ptr >>> 0;
    return getInt32ArrayMemory0().subarray(ptr / 4, ptr / 4 + len);
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

let cachedInt32ArrayMemory0 = null;
function getInt32ArrayMemory0() {
    if (cachedInt32ArrayMemory0 === null || cachedInt32ArrayMemory0.byteLength === 0) {
        cachedInt32ArrayMemory0 = new Int32Array(wasm.memory.buffer);
    }
    return cachedInt32ArrayMemory0;
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

function handleError(f, args) {
    try {
        return f.apply(this, args);
    } catch (e) {
        const idx = addToExternrefTable0(e);
        wasm.__wbindgen_exn_store(idx);
    }
}

function isLikeNone(x) {
    return x === undefined || x === null;
}

function passArray8ToWasm0(arg, malloc) {
    const ptr = malloc(arg.length * 1, 1) >>> 0;
    getUint8ArrayMemory0().set(arg, ptr / 1);
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

function takeFromExternrefTable0(idx) {
    const value = wasm.__wbindgen_externrefs.get(idx);
    wasm.__externref_table_dealloc(idx);
    return value;
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
    cachedInt32ArrayMemory0 = null;
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
