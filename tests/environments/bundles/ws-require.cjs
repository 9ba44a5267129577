const WebSocket = require("ws");
const { roundTrip } = require("../roundtrip.cjs");

if (typeof WebSocket !== "function") throw new Error("require gives no class");

roundTrip(WebSocket, "ws").then(() => {
  console.log("OK");
  process.exit();
});
