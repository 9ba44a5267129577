"""What a call costs in Python: `hosts.py LIBWEBSOCKET COMPONENT`. Microseconds a message, the best of three rounds."""

import os
import socket
import sys
import time
from pathlib import Path

library, component = sys.argv[1:3]
os.environ["LIBWEBSOCKET"] = library
root = Path(__file__).parents[1]
sys.path[:0] = [str(root / "bindings/c/examples/python"), str(root / "tests/hosts")]
sys.argv[1:] = [component]
from websocket_handle import Handle  # noqa: E402


class Memory:
    """A socket that keeps what is written, and gives what it is told to."""

    def __init__(self, incoming=b""):
        self.incoming, self.outgoing, self.start = incoming, [], 0

    def sendall(self, data):
        self.outgoing.append(data)

    def recv(self, length):
        data = self.incoming[self.start : self.start + length]
        self.start += length
        return data


def ctypes_pair():
    import threading

    one, other = socket.socketpair()
    made = {}
    thread = threading.Thread(target=lambda: made.update(server=Handle.accept(other)))
    thread.start()
    client = Handle.connect(one, "localhost")
    thread.join()
    return client, made["server"]




for size in (16, 1024, 65536):
    payload, count = bytes(size), 50 if size > 10_000 else 1000

    def round_of():
        client, server = ctypes_pair()
        client._socket = Memory()
        start = time.perf_counter()
        for _ in range(count):
            client.send(payload)
        middle = time.perf_counter()
        server._socket = Memory(b"".join(client._socket.outgoing))
        for _ in range(count):
            assert len(server.receive()) == size
        return (middle - start) / count, (time.perf_counter() - middle) / count

    rounds = [round_of() for _ in range(3)]
    send, receive = (min(times) * 1e6 for times in zip(*rounds))
    print(f"Python, ctypes: {size} bytes: send {send:.1f} µs, receive {receive:.1f} µs")


from component import NO_LIMITS, Protocol  # noqa: E402

protocol = Protocol(component)
for size in (16, 1024, 65536):
    payload, count = bytes(size), 2 if size > 10_000 else 100
    client = protocol["[constructor]session"]("client", NO_LIMITS)
    server = protocol["[constructor]session"]("server", NO_LIMITS)
    send, receive = protocol["[method]session.send"], protocol["[method]session.receive"]
    start = time.perf_counter()
    frames = [bytes(send(client, "binary-message", payload)) for _ in range(count)]
    middle = time.perf_counter()
    for frame in frames:
        receive(server, frame)
    end = time.perf_counter()
    print(
        f"Python, component: {size} bytes: send {(middle - start) / count * 1e6:.0f} µs, "
        f"receive {(end - middle) / count * 1e6:.0f} µs"
    )
