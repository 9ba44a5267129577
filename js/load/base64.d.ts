/** The engine deflated, in base64; `scripts/build.mjs` makes the module. */
declare const base64: string;
export default base64;
