/**
 * The page: its head, its tabs, and the view that is chosen.
 *
 * @module
 */
import { useRef } from "preact/hooks";

import { choose, show } from "./actions.js";
import { bytes, count, counted } from "./format.js";
import { type State, VIEWS, type View } from "./state.js";
import { ThemeSwitch } from "./theme.js";
import { Connections } from "./views/connections.js";
import { Exports } from "./views/exports.js";
import { Frames } from "./views/frames.js";
import { Handshake } from "./views/handshake.js";
import { Interventions } from "./views/interventions.js";
import { LiveBar } from "./views/live.js";
import { Loop } from "./views/loop.js";
import { Messages } from "./views/messages.js";
import { Open } from "./views/open.js";
import { Problems } from "./views/problems.js";
import { StatisticsView } from "./views/statistics.js";

const NAMES: Readonly<Record<View, string>> = {
  open: "Open",
  frames: "Frames",
  handshake: "Handshake",
  messages: "Messages",
  problems: "Problems",
  statistics: "Statistics",
  loop: "Action loop",
};

/** Views that need no capture. */
const ALWAYS: readonly View[] = ["open", "loop"];

/** The whole page. */
export function App({ state }: { state: State }) {
  const isOfCapture = !ALWAYS.includes(state.view);
  const isList = state.view === "frames" || state.view === "messages";
  return (
    <>
      <header class="top">
        <h1>WebSocket inspector</h1>
        <Tabs state={state} />
        <ThemeSwitch />
      </header>
      <main class={`${isOfCapture ? "fills" : ""} ${isList ? "lists" : ""}`}>
        <p class="unseen" role="status">
          {state.busy ?? state.notice}
        </p>
        {state.error !== undefined && (
          <p class="error" role="alert">
            {state.error}
          </p>
        )}
        {state.busy !== undefined && (
          <div class="busy" aria-hidden="true">
            {state.busy}
          </div>
        )}
        <div class={isOfCapture && state.feed !== undefined ? "with-connections" : "alone"}>
          {isOfCapture && state.feed !== undefined && <Connections feed={state.feed} />}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a panel without controls must be reached by keys */}
          <div id="view" data-view={state.view} role="tabpanel" aria-labelledby={`tab-${state.view}`} tabIndex={0}>
            {isOfCapture && <CaptureBar state={state} />}
            <Chosen state={state} />
          </div>
        </div>
      </main>
    </>
  );
}

function Tabs({ state }: { state: State }) {
  const list = useRef<HTMLDivElement>(null);
  const usable = VIEWS.filter((view) => isUsable(view, state));
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = usable.at((usable.indexOf(state.view) + step) % usable.length) as View;
    show(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Views" ref={list} onKeyDown={move}>
      {VIEWS.map((view) => (
        <button
          key={view}
          type="button"
          role="tab"
          id={`tab-${view}`}
          aria-selected={view === state.view}
          aria-controls="view"
          tabIndex={view === state.view ? 0 : -1}
          disabled={!usable.includes(view)}
          onClick={() => show(view)}
        >
          {NAMES[view]}
          <Badge view={view} state={state} />
        </button>
      ))}
    </div>
  );
}

/** A live page shows its list of connections before one is chosen. */
function isUsable(view: View, { overview, feed }: State): boolean {
  return ALWAYS.includes(view) || overview !== undefined || (view === "frames" && feed !== undefined);
}

function Badge({ view, state: { overview } }: { view: View; state: State }) {
  if (overview === undefined) return null;
  const { records, messages, faults } = overview;
  const number = { frames: records, messages, problems: faults }[view as string];
  if (number === undefined) return null;
  return <span class={view === "problems" && number > 0 ? "badge bad" : "badge"}>{count(number)}</span>;
}

function Chosen({ state }: { state: State }) {
  switch (state.view) {
    case "open":
      return <Open state={state} />;
    case "frames":
      return <Frames state={state} />;
    case "handshake":
      return <Handshake state={state} />;
    case "messages":
      return <Messages state={state} />;
    case "problems":
      return <Problems state={state} />;
    case "statistics":
      return <StatisticsView state={state} />;
    case "loop":
      return <Loop />;
  }
}

/** Which capture and which of its connections this is, and what can be done with it. */
function CaptureBar({ state }: { state: State }) {
  const { capture, overview, connection } = state;
  if (capture === undefined || overview === undefined) return null;
  const { gaps = 0, synthetic = false, notes = [] } = capture.connections[connection] ?? {};
  const { lengths } = overview;
  const forgotten = state.feed?.connections.get(state.feed.watched ?? -1)?.forgotten ?? 0;
  return (
    <section class="capture" aria-label="The capture">
      <div class="capture-line">
        <strong title={capture.name}>{capture.name}</strong>
        <span class="quiet">
          {capture.format}, → {bytes(lengths.toServer)}, ← {bytes(lengths.toClient)}
          {capture.skipped > 0 && `; ${counted(capture.skipped, "other connection")} left out`}
        </span>
        <ConnectionList state={state} />
        {state.view === "frames" && state.feed !== undefined && <Interventions feed={state.feed} />}
        <Exports name={capture.name} />
      </div>
      {gaps > 0 && <p class="warning">Bytes are missing in {counted(gaps, "place")}.</p>}
      {forgotten > 0 && (
        <p class="warning">
          The oldest {bytes(forgotten)} were dropped: the process remembers {bytes(state.feed?.hello.limit ?? 0)}.
        </p>
      )}
      {synthetic && (
        <p class="warning">
          {state.live === undefined
            ? "The capture has messages only: headers and keys are made up."
            : "These are the messages that this browser gives to a page. Headers, keys, fragments, pings, compression and the handshake are not shown to it: what you see of them is made up."}
          {state.liveNote !== undefined && ` The browser says what was ${state.liveNote}.`}
        </p>
      )}
      {notes.map((note, index) => (
        <p key={index} class="warning">
          {note}
        </p>
      ))}
      {state.live !== undefined && <LiveBar live={state.live} />}
    </section>
  );
}

function ConnectionList({ state: { capture, connection } }: { state: State }) {
  const connections = capture?.connections ?? [];
  if (connections.length < 2) return null;
  return (
    <label>
      Connection{" "}
      <select value={String(connection)} onChange={(event) => void choose(Number(event.currentTarget.value))}>
        {connections.map(({ client, server, size }, index) => (
          <option key={index} value={String(index)}>
            {index + 1}. {client || "client"} → {server || "server"} ({bytes(size)})
          </option>
        ))}
      </select>
    </label>
  );
}
