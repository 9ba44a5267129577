/**
 * Errors of captures.
 *
 * @module
 */

/** Why a capture cannot be read. */
export type CaptureErrorCode =
  /** Its format is none that is known. */
  | "WS_ERR_CAPTURE_UNKNOWN"
  /** It is not what its format asks for. */
  | "WS_ERR_CAPTURE_MALFORMED";

/** A capture that cannot be read. */
export class CaptureError extends Error {
  /** The name of the class. */
  override readonly name = "CaptureError";
  /** The error, in words. */
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The bytes are not what their format asks for. */
export function malformed(message: string, cause?: unknown): CaptureError {
  return new CaptureError("WS_ERR_CAPTURE_MALFORMED", message, cause === undefined ? undefined : { cause });
}
