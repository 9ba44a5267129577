/**
 * `TextDecoder` and `TextEncoder`: pages have them as globals, and so have runtimes, but for jsdom in a test runner.
 *
 * @module
 */
type Coders = Pick<typeof globalThis, "TextDecoder" | "TextEncoder">;

const { process } = globalThis as { process?: { getBuiltinModule?(name: string): Coders } };
const coders: Coders =
  "TextDecoder" in globalThis ? globalThis : (process?.getBuiltinModule?.("node:util") ?? globalThis);

export const TextDecoder: Coders["TextDecoder"] = coders.TextDecoder;
export const TextEncoder: Coders["TextEncoder"] = coders.TextEncoder;
/** An instance. */
export type TextDecoder = InstanceType<Coders["TextDecoder"]>;
