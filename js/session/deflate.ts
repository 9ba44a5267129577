/**
 * permessage-deflate (RFC 7692): what an option asks for.
 *
 * @module
 */

import { hasDeflate, type wasm } from "../engine/engine.js";
import { WebSocketError } from "../engine/errors.js";
import { ownOptions } from "../engine/own.js";
import { checkOptions, type Filled, invalidOption, type Kinds, kind } from "./kinds.js";
import { time, whole } from "./options.js";

/** How to compress messages, and what to agree on with the peer. Windows have 2^n bytes, n from 8 to 15. */
export interface PerMessageDeflateOptions {
  /** Messages of fewer bytes are sent as they are; 1,024. */
  threshold?: number | undefined;
  /**
   * From 0, stored, to 9, smallest. By default 2 if our side compresses each message for itself: of 16 KiB, it takes
   * 60 % of the time of 6 for 9 % more bytes. With context takeover, where these would be 19 % more, 6.
   */
  level?: number | undefined;
  /** How much memory compressing may take, from 1 to 9; 8. */
  memoryLevel?: number | undefined;
  /**
   * Milliseconds after which what is kept to compress the next message by is freed, if none was sent; never by default.
   * What is kept to decompress by is the peer's to say: without takeover, it is nothing.
   */
  releaseAfter?: number | undefined;
  /**
   * The server compresses each message for itself, so that no compressor is kept for a connection. A server's default;
   * a client that asks for it accepts nothing else.
   */
  serverNoContextTakeover?: boolean | undefined;
  /** The same of the client's messages. A server's default. */
  clientNoContextTakeover?: boolean | undefined;
  /** The window of the server's messages; 15. A client that asks for less accepts no more. */
  serverMaxWindowBits?: number | undefined;
  /**
   * The window of the client's messages; 15. Of a client also whether the server may limit it: `true`, the default, or
   * `false`.
   */
  clientMaxWindowBits?: number | boolean | undefined;
}

/** zlib's default. */
export const ZLIB_LEVEL = 6;
/** By default. */
export const MEMORY_LEVEL = 8;

/** The name of the options in error messages. */
const OF = "perMessageDeflate.";

const KINDS: Kinds<PerMessageDeflateOptions> = {
  threshold: kind.any,
  level: kind.any,
  memoryLevel: kind.any,
  releaseAfter: kind.any,
  serverNoContextTakeover: kind.flag,
  clientNoContextTakeover: kind.flag,
  serverMaxWindowBits: kind.any,
  clientMaxWindowBits: kind.any,
};

/** The options filled in. Without `level`, the engine chooses; without `releaseAfter`, nothing is released. */
export interface DeflateSettings extends Filled<Omit<PerMessageDeflateOptions, "level" | "releaseAfter">> {
  level: number | undefined;
  releaseAfter: number | undefined;
}

/**
 * The settings that the option asks for, or none if it is `false`, the default of an engine that cannot compress.
 *
 * @throws WebSocketError `WS_ERR_INVALID_OPTION`
 */
export function deflateSettings(
  given: boolean | PerMessageDeflateOptions = hasDeflate,
  isServer: boolean,
): DeflateSettings | undefined {
  if (given === false) return undefined;
  if (given !== true && (typeof given !== "object" || given === null || Array.isArray(given))) {
    throw invalidOption("perMessageDeflate", "true, false or options", given);
  }
  if (!hasDeflate) {
    throw new WebSocketError(
      "WS_ERR_INVALID_OPTION",
      "perMessageDeflate: @websocket-component/slim has no compression",
    );
  }
  const options: PerMessageDeflateOptions = ownOptions(given === true ? {} : given);
  checkOptions(options, KINDS, OF);
  const settings = {
    threshold: options.threshold ?? 1024,
    level: options.level ?? undefined,
    memoryLevel: options.memoryLevel ?? MEMORY_LEVEL,
    releaseAfter: options.releaseAfter === undefined ? undefined : time(`${OF}releaseAfter`, options.releaseAfter),
    serverNoContextTakeover: options.serverNoContextTakeover ?? isServer,
    clientNoContextTakeover: options.clientNoContextTakeover ?? isServer,
    serverMaxWindowBits: options.serverMaxWindowBits ?? 15,
    clientMaxWindowBits: options.clientMaxWindowBits ?? true,
  };
  const { threshold, level, memoryLevel, serverMaxWindowBits, clientMaxWindowBits } = settings;
  if (threshold !== Number.POSITIVE_INFINITY) whole(`${OF}threshold`, threshold);
  if (level !== undefined) whole(`${OF}level`, level, 0, 9);
  whole(`${OF}memoryLevel`, memoryLevel, 1, 9);
  whole(`${OF}serverMaxWindowBits`, serverMaxWindowBits, 8, 15);
  if (typeof clientMaxWindowBits !== "boolean") whole(`${OF}clientMaxWindowBits`, clientMaxWindowBits, 8, 15);
  return settings;
}

/** @internal Has a handle offer or select it. */
export function enableDeflate(handle: wasm.Handle, settings: DeflateSettings | undefined): void {
  if (settings === undefined) return;
  const { serverMaxWindowBits, clientMaxWindowBits, level, memoryLevel } = settings;
  handle.set_deflate(
    settings.serverNoContextTakeover,
    settings.clientNoContextTakeover,
    serverMaxWindowBits === 15 ? 0 : serverMaxWindowBits,
    typeof clientMaxWindowBits === "number" ? clientMaxWindowBits : 0,
    clientMaxWindowBits !== false,
    level,
    memoryLevel,
    Math.min(settings.threshold, 2 ** 32 - 1),
  );
}
