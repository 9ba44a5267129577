// Takes out of wasm-bindgen's glue in a folder what loads an engine by itself: js/load/ does that, and bundlers would
// follow the address in it. Its types then need no type library of the DOM, which programs for Node do without.
import { readFileSync, writeFileSync } from "node:fs";

const TYPES = `/** A compiled \`WebAssembly.Module\`; not by that name, which only type libraries of the DOM have. */
export type EngineModule = object;

/** Makes the one instance; later calls give the same. */
export function initSync(options: { module: EngineModule }): { readonly memory: { readonly buffer: ArrayBuffer } };
`;

/** jsdom, as test runners use it, has no such globals; Node has the classes all the same. */
const CODERS = `const { TextDecoder, TextEncoder } =
    "TextDecoder" in globalThis ? globalThis : globalThis.process.getBuiltinModule("node:util");
`;

const [folder] = process.argv.slice(2);
for (const name of ["websocket_component", "websocket_component_slim", "websocket_component_inspect"]) {
  edit(`${name}.js`, (text) => {
    const synchronous =
      text.slice(0, at(text, "async function __wbg_load(")) + text.slice(at(text, "function initSync("));
    return `${CODERS}${synchronous.slice(0, at(synchronous, "let __wbg_init_promise;"))}export { initSync };\n`;
  });
}
// An object that has room for four properties takes 24 bytes more than one with its own alone.
for (const name of ["websocket_component", "websocket_component_slim"]) {
  edit(`${name}.js`, (text) => {
    const made = "const obj = Object.create(Session.prototype);\n        obj.__wbg_ptr = ptr;\n";
    const start = at(text, made);
    const own = "const obj = { __proto__: Session.prototype, __wbg_ptr: ptr };\n";
    return text.slice(0, start) + own + text.slice(start + made.length);
  });
}
// js/session/session.ts and js/component/component.ts have registries of their own for what is forgotten; a second one
// would cost a session a fifth more memory, and each handshake time.
for (const name of ["websocket_component", "websocket_component_slim"]) {
  for (const registry of ["SessionFinalization", "HandleFinalization"]) {
    edit(`${name}.js`, (text) => {
      const uses = text.slice(0, at(text, `const ${registry} =`));
      const rest = text.slice(uses.length);
      return uses.replace(new RegExp(`^ *${registry}\\..*\\n`, "gm"), "") + rest.slice(at(rest, ";\n") + 2);
    });
  }
}
for (const name of ["websocket_component", "websocket_component_inspect"]) {
  edit(`${name}.d.ts`, (text) => text.slice(0, at(text, "export type InitInput")) + TYPES);
}

function edit(name, change) {
  const path = `${folder}/${name}`;
  writeFileSync(path, change(readFileSync(path, "utf8")));
}

function at(text, mark) {
  const index = text.indexOf(mark);
  if (index < 0) throw new Error(`wasm-bindgen's glue has no "${mark}" any more`);
  return index;
}
