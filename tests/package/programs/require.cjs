const entries = {
  sockets: [require("websocket-component"), require("websocket-component/inline")],
  components: ["component", "inline/component", "slim/component"].map((name) => require(`websocket-component/${name}`)),
  slimSockets: [require("websocket-component/slim")],
};

import("./check.mjs").then(({ check }) => check(entries));
