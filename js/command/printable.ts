/**
 * The one way by which text from outside reaches a terminal or a file that one looks at: a peer's headers, reasons and
 * messages, names in captures, the system's errors.
 *
 * @module
 */

/**
 * Characters that show nothing of themselves but move the cursor, change colours, ring, or turn the direction of what
 * stands around them: controls of both sets, format characters, separators of lines, halves of surrogate pairs. The two
 * joiners stay, as emoji and many scripts are written with them.
 */
const UNPRINTABLE = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text with each such character in the place of which its number stands: `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) as number;
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
  });
}

/** The same for several lines: their ends and tabs stay. */
export function printableLines(text: string): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.split("\t").map(printable).join("\t"))
    .join("\n");
}

/** A value as JSON, in which those characters are escaped as JSON does it: it reads back as the same value. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(UNPRINTABLE, (character) =>
    character === "\n"
      ? character
      : Array.from(
          { length: character.length },
          (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
        ).join(""),
  );
}
