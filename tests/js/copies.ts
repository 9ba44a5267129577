/** How much is copied: what is put together piece by piece must not be copied with each piece. */
import type { TestContext } from "node:test";

import { generator } from "./support.js";

/** Counts the bytes that arrays copy from others, from now on until the test's end. */
export function copiedBytes(t: TestContext): () => number {
  let count = 0;
  const { set } = Uint8Array.prototype;
  t.mock.method(Object.getPrototypeOf(Uint8Array.prototype), "set", function (this: Uint8Array, ...args: SetArguments) {
    count += args[0].length;
    return set.apply(this, args);
  });
  return () => count;
}

type SetArguments = Parameters<Uint8Array["set"]>;

/** Bytes that no one can compress, the same every time. */
export function pseudoRandom(size: number): Buffer {
  const next = generator(size);
  return Buffer.from(Uint8Array.from({ length: size }, () => next() * 256));
}
