// The backplanes' types take the clients as their packages type them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = `
import { connect as connectCore } from "@nats-io/transport-node";
import { Redis } from "ioredis";
import { Redis as Valkey } from "iovalkey";
import { connect } from "nats";
import { createClient } from "redis";
import { type Backplane, broadcastChannel, nats, redis } from "websocket-component/backplane";

export const all: Backplane[] = [
  redis(createClient()),
  redis(new Redis()),
  redis(new Valkey(), { prefix: "chat:" }),
  nats(await connect()),
  nats(await connectCore(), { prefix: "chat." }),
  broadcastChannel("chat"),
];
// @ts-expect-error it subscribes to nothing
redis({ publish: async () => 1 });
`;

test("each client is accepted as its package types it", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const folder = process.env.SCALE_CLIENTS;
  const compilerOptions = {
    ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: true },
    ...{ target: "es2022", module: "nodenext", types: ["node"] },
    typeRoots: [join(root, "node_modules/@types")],
    paths: { "websocket-component/backplane": [join(root, "dist/entry/backplane.d.ts")] },
  };
  writeFileSync(join(folder, "types.mts"), PROGRAM);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.mts"] }));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { stdout, status } = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
  assert.equal(stdout, "");
  assert.equal(status, 0);
});
