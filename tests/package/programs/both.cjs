// Prints how many engines there are when a program imports the package, requires it, and takes its inlined form; all of
// them must export the same names.
const assert = require("node:assert/strict");

const entries = ["websocket-component", "websocket-component/inline"];
const components = ["websocket-component/component", "websocket-component/inline/component"];

(async () => {
  const sockets = [
    ...entries.map((name) => require(name)),
    ...(await Promise.all(entries.map((name) => import(name)))),
  ];
  const handles = [
    ...components.map((name) => require(name)),
    ...(await Promise.all(components.map((name) => import(name)))),
  ];
  for (const forms of [sockets, handles]) {
    for (const form of forms) assert.deepEqual(Object.keys(form).sort(), Object.keys(forms[0]).sort());
  }
  for (const { Handle } of handles) Handle.createServer();
  const counts = handles.map(({ handleCount }) => handleCount());
  const classes = new Set(sockets.map(({ WebSocket }) => WebSocket)).size;
  // a handle stands in the count of those that share its engine, and of no other
  assert.deepEqual(
    counts,
    counts.map(() => handles.length / classes),
  );
  console.log(`${classes} engine${classes === 1 ? "" : "s"}`);
})();
