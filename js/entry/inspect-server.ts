/**
 * `websocket-component/inspect/server`: the inspector's page for a server of one's own, in Node.
 *
 * @module
 */
import "./node.js";

export { type InspectServerOptions, inspectServer, type LivePage } from "../proxy/inspect-server.js";
