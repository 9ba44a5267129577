module.exports = function WebSocket() {
  throw new Error("ws does not work in pages, which have a WebSocket of their own");
};
