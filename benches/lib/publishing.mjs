// Servers that publish, and crowds that count what comes.

import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as wait } from "node:timers/promises";

/** CPU and seconds of publishing from the first program until every crowd has everything. */
export async function published(programs, crowds, request) {
  const cpu = async () => {
    let sum = 0;
    for (const program of programs) sum += await program.ask("cpu");
    return sum;
  };
  const before = await cpu();
  const began = performance.now();
  const arrived = crowds.map((crowd) => crowd.receives(request.count));
  await programs[0].ask("publish", request);
  await Promise.all(arrived);
  const seconds = (performance.now() - began) / 1000;
  return [(await cpu()) - before, seconds];
}

/** Learns how many bytes one message is. */
export async function settle(program, ...crowds) {
  for (const crowd of crowds) crowd.reset();
  await wait(300);
  for (const crowd of crowds) crowd.reset();
  await program.ask("publish", { size: 125, count: 1 });
  await wait(700);
  for (const crowd of crowds) crowd.learn();
}

/** Where `npm run test:scale` installs what only its programs need. */
export function scalePackages() {
  process.env.SCALE_CLIENTS ??= join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
    "websocket-component/scale",
  );
  return process.env.SCALE_CLIENTS;
}
