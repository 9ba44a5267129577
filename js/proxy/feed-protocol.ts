/**
 * What a live page and the process that it watches say to each other: JSON, a message each.
 *
 * @module
 */
import type { Direction } from "../inspect/records.js";
import type { ConnectionSummary, Intervention } from "./log.js";

export type { ConnectionSummary, Intervention };

/** What the process is. */
export interface Hello {
  readonly type: "hello";
  /** A proxy can intervene; a server's tap cannot. */
  readonly kind: "proxy" | "server";
  /** What it stands before, or what it is. */
  readonly title: string;
  /** Where clients connect to; empty if it is not known. */
  readonly address: string;
  /** Bytes of traffic that it remembers, about. */
  readonly limit: number;
  /** The rules of its command line. */
  readonly rules: readonly string[];
}

/** Bytes of the watched connection. */
export interface FedPiece {
  readonly direction: Direction;
  readonly time: number;
  /** Bytes of this direction before these that the process has given up. */
  readonly missing: number;
  readonly base64: string;
}

/** A message or a control frame that waits for a decision. */
export interface FedUnit {
  readonly number: number;
  readonly direction: Direction;
  readonly kind: string;
  /** The first byte of its frame, if it is sent as one: FIN and the opcode. */
  readonly first: number;
  /** Its payload, with the first list that it is in. */
  readonly base64?: string;
}

/** What the process tells. */
export type Told =
  | Hello
  /** Connections that have come, or are otherwise than before. */
  | { readonly type: "connections"; readonly changed: readonly ConnectionSummary[] }
  /** Connections that were given up to stay within the memory. */
  | { readonly type: "forgotten"; readonly ids: readonly number[]; readonly total: number }
  /** What has come since the last time; `watch` is the number of the question. */
  | { readonly type: "pieces"; readonly watch: number; readonly pieces: readonly FedPiece[] }
  /** Of the watched connection, when it has changed: what waits, and what was done. */
  | { readonly type: "held"; readonly watch: number; readonly units: readonly FedUnit[] }
  | { readonly type: "interventions"; readonly watch: number; readonly all: readonly Intervention[] }
  | { readonly type: "error"; readonly message: string };

/** What the page asks for. */
export type Asked =
  | { readonly type: "watch"; readonly watch: number; readonly id: number }
  | { readonly type: "hold"; readonly id: number; readonly direction: Direction; readonly isOn: boolean }
  | {
      readonly type: "release";
      readonly id: number;
      readonly direction: Direction;
      readonly number: number;
      /** Another payload, as Base64, and the first byte of its frame: FIN, reserved bits, opcode. */
      readonly base64?: string;
      readonly first?: number;
      /** Milliseconds until it goes on, at most an hour. */
      readonly delay?: number;
    }
  | { readonly type: "drop"; readonly id: number; readonly direction: Direction; readonly number: number }
  | {
      readonly type: "inject";
      readonly id: number;
      readonly direction: Direction;
      /** The first byte of the frame: FIN, reserved bits, opcode. */
      readonly first: number;
      readonly base64: string;
    }
  /** `null` cuts TCP. */
  | { readonly type: "close"; readonly id: number; readonly status: number | null };
