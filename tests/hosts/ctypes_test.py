"""The C library by ctypes against Python's `websockets`, both roles. Prints a sum as cargo's tests do."""

import socket
import sys
import threading
from pathlib import Path

import websockets.sync.client
import websockets.sync.server

sys.path.insert(0, str(Path(__file__).parents[2] / "bindings/c/examples/python"))
from websocket_handle import Handle, ProtocolError  # noqa: E402

MESSAGES = ["Hello", "", "größe 😀", b"", bytes(range(256)), b"x" * 200_000, "y" * 70_000]


def our_client_and_their_server():
    def echo(connection):
        for message in connection:
            connection.send(message)

    with websockets.sync.server.serve(echo, "127.0.0.1", 0, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as sock:
            handle = Handle.connect(sock, f"127.0.0.1:{port}")
            for message in MESSAGES:
                handle.send(message)
                assert handle.receive() == message
            handle.close(1000)
            assert handle.receive() is None
        server.shutdown()


def serve_one(serve):
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        sock, _ = listener.accept()
        with sock:
            serve(Handle.accept(sock))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return listener.getsockname()[1], thread


def their_client_and_our_server():
    def echo(handle):
        while (message := handle.receive()) is not None:
            handle.send(message)

    port, thread = serve_one(echo)
    with websockets.sync.client.connect(f"ws://127.0.0.1:{port}", compression=None) as client:
        for message in MESSAGES:
            client.send(message)
            assert client.recv() == message
        assert client.ping().wait(10)
        client.close(1001, "done")
        assert client.close_code == 1001
    thread.join()


def a_peer_that_breaks_the_protocol_is_told_why():
    closed_with = []

    def fail(handle):
        try:
            handle.receive()
        except ProtocolError as error:
            closed_with.append(error.close_status)

    port, thread = serve_one(fail)
    with socket.create_connection(("127.0.0.1", port)) as sock:
        Handle.connect(sock, "localhost")
        sock.sendall(bytes.fromhex("818200000000c328"))  # not UTF-8
        assert sock.recv(100) == bytes.fromhex("880203ef")  # 1007
    thread.join()
    assert closed_with == [1007]


passed = failed = 0
for test in (our_client_and_their_server, their_client_and_our_server, a_peer_that_breaks_the_protocol_is_told_why):
    try:
        test()
        passed += 1
        print(f"test {test.__name__} ... ok")
    except Exception as error:  # noqa: BLE001
        failed += 1
        print(f"test {test.__name__} ... FAILED: {error!r}")
print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed;")
sys.exit(failed > 0)
