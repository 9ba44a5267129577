"""Serves one connection by the module, which it gives no imports, and prints its port first: host.py MODULE.WASM"""
import socket
import sys
import time

from wasmtime import Engine, Instance, Module, Store

store = Store(Engine())
module = Module.from_file(store.engine, sys.argv[1])
assert not module.imports, [f"{item.module}.{item.name}" for item in module.imports]
exports = Instance(store, module, []).exports(store)


def call(name, *arguments):
    return exports[name](store, *arguments)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
failed = 0
while not failed and not call("is_finished"):
    data = connection.recv(65536)
    if not data:
        sys.exit("the client is gone without a close")
    exports["memory"].write(store, data, call("room", len(data)))
    failed = call("receive", int(time.monotonic() * 1000))
    while length := call("transmit_length"):
        start = call("transmit")
        call("consumed", connection.send(exports["memory"].read(store, start, start + length)))
connection.close()
sys.exit(failed)
