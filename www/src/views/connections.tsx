/**
 * The connections of the process that serves the page, as they come.
 *
 * @module
 */
import { watch } from "../feed.js";
import { bytes, count, counted } from "../format.js";
import type { Feed } from "../state.js";

/** Rows of the list; the newest are first. */
const MOST = 200;

/** In place of the list; with a command to try, where it is known what would be shown. */
function Empty({ address }: { address: string }) {
  return (
    <>
      <p class="quiet">No connection has come yet.</p>
      {address.startsWith("ws") && (
        <p class="quiet">
          To try it: <code>npx websocket-component connect {address}</code>
        </p>
      )}
    </>
  );
}

/** A list of connections, each of which can be shown. */
export function Connections({ feed }: { feed: Feed }) {
  const { hello, isConnected, connections, forgotten, watched } = feed;
  const all = [...connections.values()].reverse();
  return (
    <nav class="connections" aria-label="Connections">
      <p class="source" title={hello.title}>
        <span class={isConnected ? "state open" : "state closed"} aria-hidden="true" />
        {hello.kind === "proxy" ? "Proxy for " : ""}
        <strong>{hello.title}</strong>
      </p>
      {!isConnected && <p class="warning">The process does not answer. The page tries again each second.</p>}
      {hello.address !== "" && (
        <p class="quiet">
          Connect your clients to <code>{hello.address}</code>
        </p>
      )}
      {hello.rules.map((rule) => (
        <p key={rule} class="rule">
          <code>{rule}</code>
        </p>
      ))}
      {all.length === 0 && <Empty address={hello.address} />}
      <ol>
        {all.slice(0, MOST).map((one) => (
          <li key={one.id}>
            <button
              type="button"
              class="connection"
              aria-current={one.id === watched ? "true" : undefined}
              onClick={() => void watch(one.id)}
            >
              <span class="connection-name">
                <span class={`state ${one.state}`} aria-hidden="true" />
                <span class="number">{one.id}</span>
                <span class="path">{pathOf(one.url)}</span>
                {one.held > 0 && <span class="badge held">{count(one.held)} held</span>}
              </span>
              <span class="quiet">
                {stateOf(one.state, one.reason)} · {count(one.frames.toServer + one.frames.toClient)} frames · →{" "}
                {bytes(one.bytes.toServer)} ← {bytes(one.bytes.toClient)}
              </span>
            </button>
          </li>
        ))}
      </ol>
      {all.length > MOST && <p class="quiet">and {count(all.length - MOST)} older ones</p>}
      {forgotten > 0 && (
        <p class="quiet">
          {counted(forgotten, "older connection")} dropped: the process remembers {bytes(hello.limit)}
        </p>
      )}
    </nav>
  );
}

function pathOf(url: string): string {
  if (!URL.canParse(url)) return url;
  const { pathname, search } = new URL(url);
  return pathname + search;
}

function stateOf(state: string, reason: string): string {
  if (state === "refused") return `refused with ${reason}`;
  if (state === "failed") return `failed: ${reason}`;
  return state;
}
