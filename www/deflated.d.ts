/** A file, deflated, in base64; `vite.config.ts` makes the module. */
declare module "*?deflated" {
  const base64: string;
  export default base64;
}
