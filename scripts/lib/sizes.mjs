// The sizes of a file, as it is and compressed.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { brotliCompressSync } from "node:zlib";

/** Bytes of a file: as it is, by `gzip -9`, by brotli. */
export function sizesOf(path) {
  const bytes = readFileSync(path);
  // the program, since the zlib of Node compresses by the version and the processor
  const gzip = execFileSync("gzip", ["-9"], { input: bytes }).length;
  return { raw: bytes.length, gzip, brotli: brotliCompressSync(bytes).length };
}
