/**
 * How many connections a server takes, and from whom. Each decision costs the same however many there are.
 *
 * @module
 */
import { BlockList, isIP } from "node:net";

import type { HandshakeRequest } from "../transport/upgrade.js";

/** A server's options about quotas. */
export interface Quotas {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxHandshakesPerSecond: number;
  readonly trustedProxies: TrustedProxies | undefined;
}

/** Which quota refused. */
export type Exceeded = "connections" | "address" | "rate";

/** A client with an address, which is asked for only if it counts: the system looks it up, and Node keeps it. */
interface Addressed {
  readonly address: string | undefined;
}

/** Proxies that are passed on the way back to the client: a longer list is made up. */
const MOST_HOPS = 32;

/** Counts one server's connections, from the request to their end. */
export class Quota {
  readonly #quotas: Quotas;
  #count = 0;
  /** Connections by address; nothing for those that have none. */
  readonly #byAddress = new Map<string | undefined, number>();
  /** Handshakes by address in the second that `#second` names. */
  #begun = new Map<string, number>();
  #second = 0;

  constructor(quotas: Quotas) {
    this.#quotas = quotas;
  }

  /** Connections, and requests that are not decided. */
  get count(): number {
    return this.#count;
  }

  /** Counts one more, unless that is too many; who is counted has to `leave`. */
  enter(from: Addressed): Exceeded | undefined {
    const { maxConnections, maxConnectionsPerAddress, maxHandshakesPerSecond } = this.#quotas;
    const key = this.#keyOf(from);
    if (key !== undefined && maxHandshakesPerSecond < Number.POSITIVE_INFINITY) {
      if (this.#begin(key) > maxHandshakesPerSecond) return "rate";
    }
    if (this.#count >= maxConnections) return "connections";
    if (key !== undefined && maxConnectionsPerAddress < Number.POSITIVE_INFINITY) {
      const count = this.#byAddress.get(key) ?? 0;
      if (count >= maxConnectionsPerAddress) return "address";
      this.#byAddress.set(key, count + 1);
    }
    this.#count += 1;
    return undefined;
  }

  /** Counts one less. */
  leave(from: Addressed): void {
    this.#count -= 1;
    const key = this.#keyOf(from);
    const others = (this.#byAddress.get(key) ?? 1) - 1;
    if (others > 0) this.#byAddress.set(key, others);
    else this.#byAddress.delete(key);
  }

  /** Its address, if that counts. */
  #keyOf(from: Addressed): string | undefined {
    const { maxConnectionsPerAddress, maxHandshakesPerSecond } = this.#quotas;
    if (Math.min(maxConnectionsPerAddress, maxHandshakesPerSecond) === Number.POSITIVE_INFINITY) return undefined;
    const { address } = from;
    return address === undefined ? undefined : networkOf(address);
  }

  /** Handshakes that this address has begun in this second. Only those of one second are remembered. */
  #begin(key: string): number {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#begun = new Map();
    this.#second = second;
    const count = (this.#begun.get(key) ?? 0) + 1;
    this.#begun.set(key, count);
    return count;
  }

  /**
   * Whose the request is: the last address of `X-Forwarded-For` that is not a trusted proxy's, as long as each one
   * behind it is. What a client writes there itself stands before, and is not believed.
   */
  addressOf(request: HandshakeRequest): string | undefined {
    const { trustedProxies } = this.#quotas;
    let address = request.socket.remoteAddress;
    if (trustedProxies === undefined || !trustedProxies.has(address)) return address;
    const forwarded = `${request.headers["x-forwarded-for"] ?? ""}`.split(",").slice(-MOST_HOPS).reverse();
    for (const hop of forwarded) {
      const next = withoutPort(hop.trim());
      if (isIP(next) === 0) break;
      address = next;
      if (!trustedProxies.has(address)) break;
    }
    return address;
  }
}

/** Addresses and networks of proxies. */
export class TrustedProxies {
  readonly #list = new BlockList();
  #hasUnix = false;

  /** Whether it is one: an address, a network as `10.0.0.0/8`, or `unix` for unix sockets, which have no address. */
  static isProxy(text: unknown): boolean {
    if (text === "unix") return true;
    const [address = "", prefix, ...rest] = typeof text === "string" ? text.split("/") : [];
    const version = isIP(address);
    if (version === 0 || rest.length > 0) return false;
    return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
  }

  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) this.#add(proxy);
  }

  #add(proxy: string): void {
    const [address = "", prefix] = proxy.split("/");
    if (proxy === "unix") this.#hasUnix = true;
    else if (prefix === undefined) this.#list.addAddress(address, familyOf(address));
    else this.#list.addSubnet(address, Number(prefix), familyOf(address));
  }

  /** Whether this address, or none, is one of them. */
  has(address: string | undefined): boolean {
    if (address === undefined) return this.#hasUnix;
    return isIP(address) !== 0 && this.#list.check(unmapped(address), familyOf(unmapped(address)));
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** An IPv4 address that came over a socket of both kinds (RFC 4291 §2.5.5.2) as such. */
function unmapped(address: string): string {
  return /^::ffff:(?=\d+\.)/i.test(address) ? address.slice(7) : address;
}

/** Some proxies write the port: `192.0.2.1:80`, `[2001:db8::1]:80`. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  return bracketed ?? (/^[\d.]+:\d+$/.test(text) ? text.slice(0, text.indexOf(":")) : text);
}

/** The part of an address that counts: of IPv6 the first 64 bits, because one customer has all addresses below them. */
export function networkOf(address: string): string {
  const plain = unmapped(address).split("%", 1)[0] as string;
  if (isIP(plain) !== 6) return plain;
  const [head = "", tail = ""] = plain.toLowerCase().split("::");
  const first = head.split(":").filter(Boolean);
  const last = tail.split(":").filter(Boolean);
  // a dotted end, of which none is in the first 64 bits, stands for two groups
  const isDotted = plain.includes(".");
  const zeros = Math.max(0, 8 - first.length - last.length - (isDotted ? 1 : 0));
  return [...first, ...Array(zeros).fill("0"), ...last]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
