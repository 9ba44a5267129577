import { expect, test, vi } from "vitest";
import * as main from "websocket-component";
import * as ws from "websocket-component/ws";

import { roundTrip } from "../roundtrip.cjs";

for (const [api, entry] of [
  ["main", main],
  ["ws", ws],
]) {
  test(`${api}: text, bytes and a close`, async () => {
    await expect(roundTrip(entry, api)).resolves.toBeUndefined();
  });

  test(`${api}: fake timers do not stop it`, async () => {
    vi.useFakeTimers({
      toFake: ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "Date", "performance"],
    });
    try {
      await roundTrip(entry, api);
    } finally {
      vi.useRealTimers();
    }
  });
}
