/**
 * The command `proxy`.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";

import "../entry/node.js";
import { CaptureWriter } from "../inspect/inputs/recorded.js";
import type { Direction } from "../inspect/records.js";
import { TrafficLog } from "../proxy/log.js";
import { PageServer } from "../proxy/page.js";
import { type ProxyOptions, ReverseProxy } from "../proxy/proxy.js";
import { closeRule, delayRule, dropRule, type Rule, RuleError } from "../proxy/rules.js";
import type { TlsClientOptions, TlsServerOptions } from "../transport/runtime.js";
import { portOf, UsageError } from "./arguments.js";
import { lineWriter } from "./watch.js";

/** The options of the command. */
export interface ProxyValues {
  readonly host: string;
  readonly port: string;
  readonly "page-port"?: string | undefined;
  readonly record?: string | undefined;
  readonly open?: boolean | undefined;
  readonly insecure?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly tls?: boolean | undefined;
  readonly memory?: string | undefined;
  readonly drop?: readonly string[] | undefined;
  readonly delay?: readonly string[] | undefined;
  readonly "close-after"?: readonly string[] | undefined;
}

const SCHEMES = ["ws:", "wss:", "http:", "https:"];
const MEBIBYTE = 1 << 20;
const DEFAULT_MEMORY = "64";

/** Puts a proxy before the target, with the page beside it, until it is told to end. */
export async function proxy(target: string, values: ProxyValues): Promise<void> {
  const url = targetOf(target);
  const port = portOf(values.port);
  const pagePort = portOf(values["page-port"] ?? String(port === 0 ? 0 : Math.min(port + 1, 65_535)));
  const log = new TrafficLog(memoryOf(values.memory ?? DEFAULT_MEMORY));
  const tls = tlsOf(values);
  const running = new ReverseProxy({
    target: url,
    log,
    rules: rulesOf(values),
    tls,
    targetTls: targetTlsOf(values),
    record: values.record === undefined ? undefined : recorder(values.record),
  });
  let address = "";
  const page = new PageServer(log, () => ({
    type: "hello",
    kind: "proxy",
    title: url.href,
    address,
    limit: log.limit,
    rules: ruleTexts(values),
  }));
  const listening = await running.listen(port, values.host);
  const name = listening.family === "IPv6" ? `[${listening.address}]` : listening.address;
  address = `${tls === undefined ? "ws" : "wss"}://${name}:${listening.port}`;
  const pageAddress = await page.listen(pagePort).catch(async (error: unknown) => {
    await running.close();
    throw error;
  });
  process.stdout.write(`proxy on ${address} for ${url.href}\nits traffic: ${pageAddress}\n`);
  if (values.open) openBrowser(pageAddress);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void Promise.all([running.close(), page.close()]).then(() => process.exit()));
  }
}

function targetOf(target: string): URL {
  const text = /^[\w+.-]+:\/\//.test(target) ? target : `ws://${target}`;
  if (!URL.canParse(text)) throw new UsageError(`${target} is not an address`);
  const url = new URL(text);
  if (!SCHEMES.includes(url.protocol))
    throw new UsageError(`The target's scheme is ws, wss, http or https, not ${url.protocol}`);
  if (url.username !== "" || url.password !== "") throw new UsageError("The target takes no user and password");
  url.hash = "";
  return url;
}

function memoryOf(text: string): number {
  const size = Number(text);
  if (!/^\d+$/.test(text) || size < 1 || size > 4096) throw new UsageError("--memory is from 1 to 4096 (MiB)");
  return size * MEBIBYTE;
}

function tlsOf({ cert, key, tls = false, host }: ProxyValues): TlsServerOptions | undefined {
  if (tls && (cert ?? key) !== undefined)
    throw new UsageError("--tls makes its own certificate: omit --cert and --key");
  if (tls) return throwAway(host);
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new UsageError("--cert and --key belong together");
  return { cert: readFileSync(cert), key: readFileSync(key) };
}

/** A certificate for this run, whose key is nowhere but here. Node can read certificates, and cannot make them. */
function throwAway(host: string): TlsServerOptions {
  const names = new Set(["localhost", "127.0.0.1", "::1", host]);
  const subject = [...names].map((name) => `${isIP(name) === 0 ? "DNS" : "IP"}:${name}`).join(",");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "-"];
  const about = ["-days", "7", "-subj", "/CN=websocket-component proxy", "-addext", `subjectAltName=${subject}`];
  const { stdout, stderr, error } = spawnSync("openssl", ["req", "-x509", ...key, "-out", "-", ...about], {
    encoding: "utf8",
  });
  const [, pem, certificate] =
    /(-----BEGIN PRIVATE KEY.*END PRIVATE KEY-----)\s*(-----BEGIN CERT.*)/s.exec(stdout) ?? [];
  if (pem === undefined || certificate === undefined) {
    const why = error?.message ?? stderr.trim().split("\n").at(-1);
    throw new Error(`--tls needs openssl to make a certificate (${why}); --cert and --key take one of your own`);
  }
  return { key: pem, cert: certificate };
}

function targetTlsOf({ ca, insecure = false }: ProxyValues): TlsClientOptions {
  return { ...(ca !== undefined && { ca: readFileSync(ca) }), ...(insecure && { rejectUnauthorized: false }) };
}

function rulesOf({ drop = [], delay = [], "close-after": closeAfter = [] }: ProxyValues): Rule[] {
  try {
    return [...drop.map(dropRule), ...delay.map(delayRule), ...closeAfter.map(closeRule)];
  } catch (error) {
    throw error instanceof RuleError ? new UsageError(error.message) : error;
  }
}

function ruleTexts(values: ProxyValues): string[] {
  return (["drop", "delay", "close-after"] as const).flatMap((name) => {
    return (values[name] ?? []).map((rule) => `--${name} '${rule}'`);
  });
}

function recorder(path: string): NonNullable<ProxyOptions["record"]> {
  const writer = new CaptureWriter("client", lineWriter(path));
  return () => {
    const tap = writer.tap();
    return (direction: Direction, bytes: Uint8Array) => {
      tap({ direction: direction === "toServer" ? "sent" : "received", bytes, time: Date.now() });
    };
  };
}

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

/** Where nothing opens addresses, the printed one has to do. */
function openBrowser(address: string): void {
  const [program = "", ...before] = OPENERS[process.platform] ?? ["xdg-open"];
  const child = spawn(program, [...before, address], { stdio: "ignore", detached: true });
  child.on("error", () => process.stderr.write(`websocket-component: no browser could be opened: use ${address}\n`));
  child.unref();
}
