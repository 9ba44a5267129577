const { roundTrip } = require("../roundtrip.cjs");

for (const [api, name] of [
  ["main", "websocket-component"],
  ["ws", "websocket-component/ws"],
]) {
  test(`${api}: text, bytes and a close`, () => roundTrip(require(name), api));

  test(`${api}: fake timers do not stop it`, async () => {
    const entry = require(name);
    jest.useFakeTimers();
    try {
      await roundTrip(entry, api);
    } finally {
      jest.useRealTimers();
    }
  });
}
