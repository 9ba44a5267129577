const entries = {
  sockets: [require("websocket-component"), require("websocket-component/inline")],
  components: [
    require("websocket-component/component"),
    require("websocket-component/inline/component"),
    require("@websocket-component/slim/component"),
  ],
  slimSockets: [require("@websocket-component/slim")],
  Ws: require("websocket-component/ws"),
};

import("./check.mjs").then(({ check }) => check(entries));
