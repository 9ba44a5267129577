// A client of Deno or Bun: `deno run --allow-net client.mjs URL`, `bun client.mjs URL`.
import process from "node:process";
import { connect } from "./peer.mjs";

const { code, reason } = await connect(process.argv[2]);
console.log(`closed with ${code} ${reason}`);
