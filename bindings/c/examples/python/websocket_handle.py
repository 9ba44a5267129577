"""libwebsocket from Python by ctypes: a handle over a socket, both roles. No package is needed.

The library is looked for in the variable LIBWEBSOCKET, then by its name.
"""

import ctypes
import os
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_ubyte, c_uint16, c_uint32, c_void_p

_library = ctypes.CDLL(os.environ.get("LIBWEBSOCKET", "libwebsocket.so.0"))

TEXT, TEXT_PART, BINARY, BINARY_PART, CLOSE, PING_PONG = range(0x80000000, 0x80000006)
_NO_ACTION, _SEND, _SENT, _READ, _RECEIVED = range(5)
_ALL_QUEUES = 3
_RECEIVE_SIZE, _SEND_SIZE = range(2)


class ProtocolError(Exception):
    """A call failed; `hresult` is its result, `close_status` what to close with if the peer is to blame."""

    def __init__(self, hresult, close_status=0):
        super().__init__(f"0x{hresult & 0xFFFFFFFF:08X}")
        self.hresult = hresult & 0xFFFFFFFF
        self.close_status = close_status


class _Header(Structure):
    _fields_ = [("name", c_char_p), ("name_length", c_uint32), ("value", c_char_p), ("value_length", c_uint32)]


class _HeaderOut(Structure):
    _fields_ = [("name", c_void_p), ("name_length", c_uint32), ("value", c_void_p), ("value_length", c_uint32)]


class _Property(Structure):
    _fields_ = [("kind", c_int32), ("value", c_void_p), ("size", c_uint32)]


class _Buffer(Structure):
    _fields_ = [("bytes", c_void_p), ("length", c_uint32), ("status", c_uint16)]

    def read(self):
        return ctypes.string_at(self.bytes, self.length) if self.length else b""


def _function(name, *arguments, result=c_int32):
    function = getattr(_library, name)
    function.argtypes, function.restype = arguments, result
    return function


_create = {
    role: _function(f"WebSocketCreate{role}Handle", POINTER(_Property), c_uint32, POINTER(c_void_p)) for role in ("Client", "Server")
}
_headers_out = (POINTER(POINTER(_HeaderOut)), POINTER(c_uint32))
_begin_client = _function(
    "WebSocketBeginClientHandshake",
    *(c_void_p, c_void_p, c_uint32, c_void_p, c_uint32, c_void_p, c_uint32),
    *_headers_out,
)
_end_client = _function("WebSocketEndClientHandshake", *(c_void_p, POINTER(_Header), c_uint32, c_void_p, c_void_p, c_void_p))
_begin_server = _function(
    "WebSocketBeginServerHandshake",
    *(c_void_p, c_char_p, c_void_p, c_uint32, POINTER(_Header), c_uint32),
    *_headers_out,
)
_end_server = _function("WebSocketEndServerHandshake", c_void_p)
_send = _function("WebSocketSend", c_void_p, c_uint32, POINTER(_Buffer), c_void_p)
_receive = _function("WebSocketReceive", c_void_p, POINTER(_Buffer), c_void_p)
_get_action = _function(
    "WebSocketGetAction",
    *(c_void_p, c_int32, POINTER(_Buffer), POINTER(c_uint32), POINTER(c_int32), POINTER(c_uint32)),
    *(POINTER(c_void_p), POINTER(c_void_p)),
)
_complete = _function("WebSocketCompleteAction", c_void_p, c_void_p, c_uint32, result=None)
_delete = _function("WebSocketDeleteHandle", c_void_p, result=None)


def _check(result):
    if result < 0:
        raise ProtocolError(result)


def _array(headers):
    flat = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    return (_Header * len(flat))(*((name, len(name), value, len(value)) for name, value in flat))


class Handle:
    """One connection over a socket of the caller's, whose HTTP is done by `connect` and `accept`."""

    def __init__(self, role, sock):
        self._handle = c_void_p()
        # fewer and larger reads and writes: each is some calls
        size = c_uint32(64 * 1024)
        sizes = (_Property * 2)(*(_Property(kind, ctypes.addressof(size), 4) for kind in (_RECEIVE_SIZE, _SEND_SIZE)))
        _check(_create[role](sizes, 2, byref(self._handle)))
        self._socket = sock
        self._unread = b""
        self._payloads = {}
        self._close_sent = False

    def __del__(self):
        _delete(self._handle)

    @classmethod
    def connect(cls, sock, host, target="/"):
        """A client's connection."""
        it = cls("Client", sock)
        added = it._headers(lambda *out: _begin_client(it._handle, None, 0, None, 0, None, 0, *out))
        it._write_head(f"GET {target} HTTP/1.1", [("Host", host), *added])
        status, headers = it._read_head()
        if " 101 " not in status:
            raise ConnectionError(status)
        _check(_end_client(it._handle, _array(headers), len(headers), None, None, None))
        return it

    @classmethod
    def accept(cls, sock):
        """A server's connection."""
        it = cls("Server", sock)
        _, headers = it._read_head()
        response = it._headers(lambda *out: _begin_server(it._handle, None, None, 0, _array(headers), len(headers), *out))
        it._write_head("HTTP/1.1 101 Switching Protocols", response)
        _check(_end_server(it._handle))
        return it

    def send(self, message):
        """Sends a str as text, bytes as binary."""
        if isinstance(message, str):
            self._queue(TEXT, message.encode())
        else:
            self._queue(BINARY, message)
        self._run()

    def receive(self):
        """The next message; None after the peer's close, which is answered."""
        message = b""
        while True:
            kind, data = self._receive()
            if kind == CLOSE:
                self.close(data)
                return None
            if kind in (TEXT, TEXT_PART, BINARY, BINARY_PART):
                message += data
            if kind == TEXT:
                return message.decode()
            if kind == BINARY:
                return message

    def close(self, status=1000):
        """Sends a close, once."""
        if self._close_sent:
            return
        self._close_sent = True
        buffer = None if status == 1005 else byref(_Buffer(None, 0, status))
        _check(_send(self._handle, CLOSE, buffer, None))
        self._run()

    def _queue(self, kind, payload):
        # it must stay where it is until the send is indicated
        memory = (c_ubyte * max(len(payload), 1)).from_buffer_copy(payload or b"\0")
        address = ctypes.addressof(memory)
        self._payloads[address] = memory
        _check(_send(self._handle, kind, byref(_Buffer(address, len(payload), 0)), address))

    def _receive(self):
        _check(_receive(self._handle, None, None))
        try:
            return self._run()
        except ProtocolError as error:
            self.close(error.close_status or 1011)
            raise

    def _run(self):
        """Takes actions until a receive is done, or there is none; returns what was received."""
        while True:
            buffers, count = (_Buffer * 2)(), c_uint32(2)
            action, kind, context, own = c_int32(), c_uint32(), c_void_p(), c_void_p()
            result = _get_action(
                self._handle, _ALL_QUEUES, buffers, byref(count), byref(action), byref(kind), byref(own), byref(context)
            )
            if result < 0:
                raise ProtocolError(result, buffers[0].status)
            transferred, received = 0, None
            if action.value == _NO_ACTION:
                return None
            if action.value == _SEND:
                data = b"".join(buffer.read() for buffer in buffers[: count.value])
                self._socket.sendall(data)
                transferred = len(data)
            elif action.value == _SENT:
                self._payloads.pop(own.value, None)
            elif action.value == _READ:
                data = self._read(buffers[0].length)
                ctypes.memmove(buffers[0].bytes, data, len(data))
                transferred = len(data)
            elif kind.value == CLOSE:
                received = (CLOSE, buffers[0].status)
            elif kind.value == 0:
                raise ConnectionError("the connection ended without a close")
            else:
                received = (kind.value, buffers[0].read())
            _complete(self._handle, context, transferred)
            if received is not None:
                return received

    def _read(self, length):
        if not self._unread:
            return self._socket.recv(length)
        data, self._unread = self._unread[:length], self._unread[length:]
        return data

    def _headers(self, begin):
        headers, count = POINTER(_HeaderOut)(), c_uint32()
        _check(begin(byref(headers), byref(count)))
        text = lambda start, length: ctypes.string_at(start, length).decode("latin-1")  # noqa: E731
        return [(text(h.name, h.name_length), text(h.value, h.value_length)) for h in headers[: count.value]]

    def _write_head(self, line, headers):
        lines = [line, *(f"{name}: {value}" for name, value in headers)]
        self._socket.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("latin-1"))

    def _read_head(self):
        head = b""
        while b"\r\n\r\n" not in head:
            chunk = self._socket.recv(4096)
            if not chunk:
                raise ConnectionError("the connection ended in a head")
            head += chunk
        head, self._unread = head.split(b"\r\n\r\n", 1)
        line, *fields = head.decode("latin-1").split("\r\n")
        return line, [tuple(part.strip() for part in field.split(":", 1)) for field in fields]
