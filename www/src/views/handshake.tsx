/**
 * The opening handshake, line by line.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { Direction, HandshakeCheck } from "../../../js/inspect/index.js";
import { ARROWS, counted } from "../format.js";
import { inspection } from "../inspection.js";
import { maskedLine } from "../secrets.js";
import type { State } from "../state.js";
import type { HandshakeHalf } from "../worker/protocol.js";
import { Section, sentence, useAnswer, Verdict } from "./common.js";

const TITLES: Readonly<Record<Direction, string>> = {
  toServer: "The client asks",
  toClient: "The server answers",
};

/** What lines are for, by the name of their field. */
const PURPOSES: Readonly<Record<string, string>> = {
  host: "Which of the server’s names is meant.",
  upgrade: "Asks for, or agrees to, another protocol on this connection: websocket.",
  connection: "Says that Upgrade is for the next hop, not for a proxy’s next one.",
  "sec-websocket-key": "16 random bytes, new for each connection. The answer must prove that the server has read them.",
  "sec-websocket-accept":
    "The key and a fixed GUID, hashed by SHA-1: proof that the server speaks WebSocket, and that no cache answered.",
  "sec-websocket-version": "The protocol’s version: 13 is RFC 6455.",
  "sec-websocket-protocol": "Subprotocols: the client offers some, the server selects one of them, or none.",
  "sec-websocket-extensions": "Extensions, with parameters: offered by the client, agreed on by the server’s answer.",
  origin: "The site whose page opens the connection. Browsers send it so that servers can refuse strangers.",
  cookie: "Cookies of the server’s site, as with every request.",
  "user-agent": "The client’s name.",
  "cache-control": "For caches on the way.",
  pragma: "For old caches on the way.",
  "accept-encoding": "Of no use here.",
  server: "The server’s name.",
  date: "When the answer was made.",
};

const START_LINE = ["method", "target", "version", "status"];

/** Both halves, each line with what it is for and what was checked. */
export function Handshake({ state: { version, overview } }: { state: State }) {
  const halves = useAnswer(() => inspection.handshake(), [version]);
  if (halves === undefined || overview === undefined) return null;
  const { deflate, others } = overview.extensions;
  return (
    <>
      <div class="halves">
        <Half direction="toServer" half={halves.toServer} />
        <Half direction="toClient" half={halves.toClient} />
      </div>
      <section class="panel" aria-labelledby="agreed-title">
        <h2 id="agreed-title">Agreed on</h2>
        {halves.toClient.head === "" ? (
          <p>The answer is not in the capture.</p>
        ) : deflate === undefined ? (
          <p>No compression{others ? ", but another extension: reserved bits may be set." : "."}</p>
        ) : (
          <ul>
            <li>
              <code>permessage-deflate</code> (<Section name="RFC 7692 §7" />)
            </li>
            <li>
              Server: a window of {2 ** deflate.serverMaxWindowBits} bytes,{" "}
              {deflate.serverNoContextTakeover ? "each message for itself" : "kept from message to message"}
            </li>
            <li>
              Client: a window of {2 ** deflate.clientMaxWindowBits} bytes,{" "}
              {deflate.clientNoContextTakeover ? "each message for itself" : "kept from message to message"}
            </li>
          </ul>
        )}
      </section>
    </>
  );
}

function Half({ direction, half: { head, checks } }: { direction: Direction; half: HandshakeHalf }) {
  const id = `half-${direction}`;
  const lines = head.split("\r\n").filter((line) => line !== "");
  const placed = new Set<HandshakeCheck>();
  const ofLine = (line: string, index: number) => {
    const mine = checks.filter((check) => !placed.has(check) && isAbout(check, line, index));
    for (const check of mine) placed.add(check);
    return mine;
  };
  const rows = lines.map((line, index) => ({ line, checks: ofLine(line, index), purpose: purposeOf(line, index) }));
  const others = checks.filter((check) => !placed.has(check));
  return (
    <section class="panel half" aria-labelledby={id}>
      <h2 id={id}>
        {ARROWS[direction]} {TITLES[direction]}
      </h2>
      {lines.length === 0 && <p class="quiet">This half is not in the capture.</p>}
      <ol class="head">
        {rows.map((row, index) => (
          <li key={index}>
            <Line line={row.line} />
            <p class="quiet">{row.purpose}</p>
            <Checks checks={row.checks.filter(({ error }) => error !== undefined)} />
          </li>
        ))}
      </ol>
      <Checks checks={others.filter(({ error }) => error !== undefined)} named />
      <Passed checks={checks.filter(({ error }) => error === undefined)} />
    </section>
  );
}

/** A line of a head, whose secrets are shown on request only. */
function Line({ line }: { line: string }) {
  const [isShown, setIsShown] = useState(false);
  const hidden = maskedLine(line);
  if (hidden === line) return <code>{line}</code>;
  return (
    <>
      <code>{isShown ? line : hidden}</code>{" "}
      <button type="button" class="link" aria-pressed={isShown} onClick={() => setIsShown(!isShown)}>
        {isShown ? "Hide" : "Show secret"}
      </button>
    </>
  );
}

function Passed({ checks }: { checks: readonly HandshakeCheck[] }) {
  if (checks.length === 0) return null;
  return (
    <details class="passed">
      <summary>
        <Verdict good>{counted(checks.length, "check")} passed</Verdict>
      </summary>
      <Checks checks={checks} />
    </details>
  );
}

function isAbout({ subject }: HandshakeCheck, line: string, index: number): boolean {
  if (index === 0) return START_LINE.includes(subject);
  return line.toLowerCase().startsWith(`${subject.toLowerCase()}:`);
}

function purposeOf(line: string, index: number): string {
  if (index === 0) {
    return line.startsWith("HTTP/")
      ? "101: from here on, both speak WebSocket."
      : "A GET: the path names what to talk to.";
  }
  return (
    PURPOSES[line.slice(0, line.indexOf(":")).toLowerCase()] ??
    "Not part of the protocol; it may mean something to either side."
  );
}

function Checks({ checks, named = false }: { checks: readonly HandshakeCheck[]; named?: boolean }) {
  if (checks.length === 0) return null;
  return (
    <ul class="checks">
      {checks.map(({ subject, section, found, error }, index) => (
        <li key={index}>
          <Verdict good={error === undefined}>{error === undefined ? subject : sentence(error.message)}</Verdict>
          {named && found.length > 0 && error !== undefined && <code> {found.join(" | ")}</code>}{" "}
          <span class="quiet">{error?.name}</span> <Section name={section} />
        </li>
      ))}
    </ul>
  );
}
