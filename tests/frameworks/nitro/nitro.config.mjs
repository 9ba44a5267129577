export default { compatibilityDate: "2026-11-28", entry: "./server.mjs", experimental: { websocket: true } };
