/**
 * Engines that are a part of the script: a page from file:// could not fetch them.
 *
 * @module
 */

/** Compiles what is deflated, in base64. */
export async function compiled(base64: string): Promise<WebAssembly.Module> {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return WebAssembly.compile(await new Response(inflated).arrayBuffer());
}
