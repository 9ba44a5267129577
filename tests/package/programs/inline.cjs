const entries = {
  sockets: [require("websocket-component/inline")],
  components: [require("websocket-component/inline/component")],
};

import("./check.mjs").then(({ check }) => check(entries));
