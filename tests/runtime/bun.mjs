// Ours in Bun; what to do is in program.mjs.
import * as ours from "../../dist/entry/bun.js";
import { main } from "./program.mjs";

await main(ours);
