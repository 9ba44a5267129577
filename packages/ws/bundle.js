// for bundles, in which `require` of a module gives its namespace: the same classes as by `import`
module.exports = require("websocket-component/inline/ws").WebSocket;
