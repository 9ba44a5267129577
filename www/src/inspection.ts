/**
 * The page's side of the worker.
 *
 * @module
 */

import type { Answer, Call, Requests } from "./worker/protocol.js";
import InspectWorker from "./worker/worker.ts?worker&inline";

type Asked = {
  readonly [Name in keyof Requests]: (
    ...given: Parameters<Requests[Name]>
  ) => Promise<Awaited<ReturnType<Requests[Name]>>>;
};

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

const worker = new InspectWorker();
const waiting = new Map<number, Waiting>();
let calls = 0;

worker.addEventListener("message", ({ data: { id, value, error } }: MessageEvent<Answer>) => {
  const asked = waiting.get(id);
  waiting.delete(id);
  if (error === undefined) asked?.resolve(value);
  else asked?.reject(new Error(error));
});

// it has run out of memory, perhaps
worker.addEventListener("error", ({ message }) => {
  for (const asked of waiting.values()) asked.reject(new Error(message || "The inspector has failed"));
  waiting.clear();
});

function call(name: keyof Requests, given: readonly unknown[]): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const id = ++calls;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, name, given } satisfies Call);
  });
}

/** Asks the worker; each question by its name in {@link Requests}. */
export const inspection = new Proxy({} as Asked, {
  get:
    (_target, name: keyof Requests) =>
    (...given: readonly unknown[]) =>
      call(name, given),
});
