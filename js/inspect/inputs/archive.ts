/**
 * Archives that captures are packed into: gzip (RFC 1952) and zip.
 *
 * @module
 */
import { CaptureError, malformed } from "../errors.js";
import { inflated } from "../inspector.js";
import { joined } from "./flow.js";

/** No more is unpacked: a few bytes can stand for very many. */
const MOST = 1 << 30;
const LOCAL_FILE = 0x04034b50;
const DIRECTORY_ENTRY = 0x02014b50;
const END_OF_DIRECTORY = 0x06054b50;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 18 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 22 && viewOf(bytes).getUint32(0, true) === LOCAL_FILE;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * The content of a gzip file: all its members, one after the other; of a cut file, as much as there is.
 *
 * @throws CaptureError if it is none, or has too much
 */
export function unzipped(bytes: Uint8Array): Uint8Array {
  const members: Uint8Array[] = [];
  let size = 0;
  for (let at = 0; isGzip(bytes.subarray(at)); ) {
    const start = at + memberHeader(bytes.subarray(at));
    const { output, consumed, isWhole } = member(bytes.subarray(start), MOST - size);
    members.push(output);
    size += output.length;
    if (size >= MOST) throw tooMuch();
    if (!isWhole) break;
    at = start + consumed + 8;
  }
  if (size === 0) throw malformed("The gzip file has nothing that can be unpacked");
  return joined(members);
}

/** The engine copies what it is given, and how long a member is, only it finds out: it gets more until it is enough. */
function member(rest: Uint8Array, most: number): ReturnType<typeof inflated> {
  for (let size = 8192; ; size *= 8) {
    const found = inflated(rest.subarray(0, size), most);
    if (found.isWhole || found.consumed < size) return found;
  }
}

function tooMuch(): CaptureError {
  return new CaptureError("WS_ERR_CAPTURE_MALFORMED", `The archive unpacks to more than ${MOST} bytes`);
}

/** Bytes before the compressed data. */
function memberHeader(bytes: Uint8Array): number {
  const flags = bytes[3] as number;
  let at = 10;
  if (flags & 4) at += 2 + ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8));
  for (const flag of [8, 16]) {
    if (flags & flag) at = bytes.indexOf(0, at) + 1 || bytes.length;
  }
  return at + (flags & 2 ? 2 : 0);
}

/** A file in a zip archive. */
export interface Packed {
  readonly name: string;
  /**
   * Its content; if it is corrupt or cut, as much as there is.
   *
   * @throws CaptureError if it is packed in a way that is not known, or has too much
   */
  unpack(): Uint8Array;
}

/**
 * The files of a zip archive, by its directory.
 *
 * @throws CaptureError if it has none that can be read
 */
export function filesOf(bytes: Uint8Array): Packed[] {
  const view = viewOf(bytes);
  const files: Packed[] = [];
  try {
    const end = endOfDirectory(view);
    let at = view.getUint32(end + 16, true);
    for (let left = view.getUint16(end + 10, true); left > 0 && view.getUint32(at, true) === DIRECTORY_ENTRY; left--) {
      const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
        number,
        number,
        number,
      ];
      const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
      const [method, size, start] = [
        view.getUint16(at + 10, true),
        view.getUint32(at + 20, true),
        view.getUint32(at + 42, true),
      ];
      files.push({ name, unpack: () => unpacked(bytes, start, size, method) });
      at += 46 + nameLength + extra + comment;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw malformed("The zip archive has no directory that can be read", error);
  }
  return files;
}

/** @throws RangeError if there is none */
function endOfDirectory(view: DataView): number {
  for (let at = view.byteLength - 22; at >= Math.max(0, view.byteLength - 22 - 65_535); at--) {
    if (view.getUint32(at, true) === END_OF_DIRECTORY) return at;
  }
  throw new RangeError("There is no end of a directory");
}

function unpacked(bytes: Uint8Array, at: number, size: number, method: number): Uint8Array {
  const view = viewOf(bytes);
  if (at + 30 > bytes.length || view.getUint32(at, true) !== LOCAL_FILE) throw malformed("The zip archive is corrupt");
  const start = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
  const data = bytes.subarray(start, start + size);
  if (method === 0) return data;
  if (method !== 8) throw malformed(`A file in the zip archive is packed by method ${method}, which is not known`);
  const { output } = inflated(data, MOST);
  if (output.length >= MOST) throw tooMuch();
  return output;
}
