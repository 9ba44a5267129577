/**
 * What a connection needs of the network.
 *
 * @module
 */
export {};
//# sourceMappingURL=transport.js.map
