const { check } = require("./check.cjs");

check({
  sockets: [require("websocket-component/inline")],
  components: [require("websocket-component/inline/component")],
});
