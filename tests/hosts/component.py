"""The component in Python, by the wasmtime wheel: component.py PATH. Prints a sum as cargo's tests do."""

import json
import os
import sys
from pathlib import Path

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record

INTERFACE = "websocket-component:engine/protocol@0.1.0"
VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


class Protocol:
    """The functions of the interface, by their names in WIT."""

    def __init__(self, path):
        engine = Engine()
        self.store = Store(engine)
        linker = Linker(engine)
        with linker.root() as root, root.add_instance("wasi:random/random@0.2.0") as random:
            random.add_func("get-random-bytes", lambda _store, length: os.urandom(length))
        self.instance = linker.instantiate(self.store, Component.from_file(engine, path))
        self.interface = self.instance.get_export_index(self.store, INTERFACE)

    def __getitem__(self, name):
        index = self.instance.get_export_index(self.store, name, self.interface)
        function = self.instance.get_func(self.store, index)

        def call(*arguments):
            result = function(self.store, *arguments)
            function.post_return(self.store)
            return result

        return call


def record(**fields):
    it = Record()
    for name, value in fields.items():
        setattr(it, name.replace("_", "-"), value)
    return it


NO_LIMITS = record(max_message_size=None, max_frame_size=None, max_fragments=None)


def payload_of(role, frame):
    if role == "server":
        return frame[2:]
    return bytes(byte ^ frame[2 + index % 4] for index, byte in enumerate(frame[6:]))


def receive(protocol, role, data, size):
    session = protocol["[constructor]session"](role, NO_LIMITS)
    events, message = [], b""
    for start in range(0, len(data), size):
        received = protocol["[method]session.receive"](session, data[start : start + size])
        if received.output:
            events.append(["ping", payload_of(role, bytes(received.output)).hex()])
        for event in received.events:
            value = event.payload
            if event.tag == "data":
                message += bytes(value.payload)
                if value.kind.endswith("message"):
                    events.append(["text" if value.kind == "utf8-message" else "binary", message.hex()])
                    message = b""
            elif event.tag == "pong":
                events.append(["pong", bytes(value).hex()])
            else:
                events.append(["close", (value.status.to_bytes(2, "big") + bytes(value.reason)).hex()])
        if received.failure is not None:
            return events, getattr(received.failure, "close-status")
    return events, None


def vectors(protocol):
    for vector in VECTORS:
        for role, field in (("server", "toServer"), ("client", "toClient")):
            data = bytes.fromhex(vector[field])
            # lists cross element by element, so the long vector goes whole alone
            for size in (len(data), 1) if len(data) < 1000 else (len(data),):
                yield f"{role}: {vector['name']}", lambda role=role, data=data, size=size, vector=vector: (
                    receive(protocol, role, data, size) == (vector["events"], vector["closeStatus"])
                )


def two_handles_shake_hands(protocol):
    properties = record(
        receive_buffer_size=None,
        send_buffer_size=None,
        disable_masking=False,
        disable_utf8_verification=False,
        limits=NO_LIMITS,
        deflate=None,
    )
    client = protocol["[static]handle.create-client"](properties)
    server = protocol["[static]handle.create-server"](properties)
    request = protocol["[method]handle.begin-client-handshake"](client, ["chat"], [], [])
    response = protocol["[method]handle.begin-server-handshake"](server, "chat", [], request)
    # a result whose two sides are both records comes as a variant
    result = protocol["[method]handle.end-client-handshake"](client, response)
    return result.tag == "ok" and result.payload.subprotocol == 0


def main():
    protocol = Protocol(sys.argv[1])
    passed = failed = 0
    for name, test in [*vectors(protocol), ("two handles shake hands", lambda: two_handles_shake_hands(protocol))]:
        if test():
            passed += 1
        else:
            failed += 1
            print(f"test {name} ... FAILED")
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed;")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
