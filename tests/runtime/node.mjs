// Ours in Node; what to do is in program.mjs.
import * as ours from "../../dist/entry/node.js";
import { main } from "./program.mjs";

await main(ours);
