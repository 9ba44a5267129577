// HAProxy between HTTP/2 and HTTP/1.1, as tests run it.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { certificate, key } from "../../tests/runtime/certificate.mjs";

/** Debian puts it where only root's path leads. */
export const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Why it cannot be run here; `false` if it can. */
export function lacksHaproxy() {
  const { error } = spawnSync("haproxy", ["-v"], { env, stdio: "ignore" });
  return error ? "needs HAProxy: apt-get install haproxy" : false;
}

/**
 * Writes a configuration into a folder, and returns the arguments for HAProxy.
 *
 * @param port where it listens
 * @param to the server's port, which it puts into `Host` because Autobahn compares it with its own
 * @param http2 "in front", over TLS, or "behind", in clear text; HTTP/1.1 is on the other side
 */
export function haproxyArguments(folder, { port, to, http2 }) {
  const pem = join(folder, "haproxy.pem");
  writeFileSync(pem, `${certificate}\n${key}\n`);
  const [tls, protocol] = http2 === "behind" ? ["", "proto h2"] : [`ssl crt ${pem} alpn h2,http/1.1`, ""];
  const file = join(folder, "haproxy.cfg");
  const text = `defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m
  timeout tunnel 1h
frontend front
  bind 127.0.0.1:${port} ${tls}
  default_backend behind
backend behind
  http-request set-header Host 127.0.0.1:${to}
  server one 127.0.0.1:${to} ${protocol}
`;
  writeFileSync(file, text);
  return ["-f", file, "-db"];
}
