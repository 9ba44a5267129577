module.exports = require("websocket-component/ws");
