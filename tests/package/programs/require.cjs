const entries = {
  sockets: [require("websocket-component"), require("websocket-component/inline")],
  components: ["component", "inline/component", "slim/component"].map((name) => require(`websocket-component/${name}`)),
  slimSockets: [require("websocket-component/slim")],
  Ws: require("websocket-component/ws"),
};

import("./check.mjs").then(({ check }) => check(entries));
