/**
 * Engines that are a part of the script: a page from file:// could not fetch them.
 *
 * @module
 */

/** Compiles what a `data:` URL holds. */
export async function compiled(dataUrl: string): Promise<WebAssembly.Module> {
  const base64 = dataUrl.slice(dataUrl.indexOf(",") + 1);
  return WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}
