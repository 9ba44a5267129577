/** The inspector by `import source`, which TypeScript does not know; `scripts/build.mjs` makes the module. */
declare const engine: WebAssembly.Module;
export default engine;
