// Ours in Deno; what to do is in program.mjs.
import * as ours from "../../dist/entry/deno.js";
import { main } from "./program.mjs";

await main(ours);
