/**
 * Where captures come from.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { Direction, Format } from "../../../js/inspect/index.js";
import { openFiles, openSample, working } from "../actions.js";
import { nameOf } from "../format.js";
import { connect, defaultAddress } from "../live.js";
import { type ConversationSample, FEATURED, SAMPLES } from "../samples/samples.js";
import type { State } from "../state.js";
import type { Source } from "../worker/protocol.js";
import { Verdict } from "./common.js";

const FORMATS: readonly (readonly [Format | "", string])[] = [
  ["", "By its content"],
  ["pcap", "pcap"],
  ["pcapng", "pcapng"],
  ["har", "HAR"],
  ["recorded", "Recorded (--record)"],
  ["dump", "Hex dump with offsets"],
  ["hex", "Hex"],
  ["base64", "Base64"],
  ["raw", "Raw bytes"],
];
const EXAMPLE = "81 85 37 fa 21 3d 7f 9f 4d 51 58";

type Options = Pick<Source, "format" | "direction" | "extensions">;

/** All inputs. */
export function Open({ state }: { state: State }) {
  const [options, setOptions] = useState<Options>({});
  const read = (name: string, contents: readonly Blob[]) => void openFiles({ name, contents, ...options });
  return (
    <div class="inputs">
      <p class="intro">
        See a WebSocket conversation byte by byte: the handshake, each frame’s bits, and what is wrong with them.
        Nothing leaves this page.
      </p>
      <Drop
        onFiles={(files) => read(nameOf(files), files)}
        onText={(text) => read("pasted bytes", [new Blob([text])])}
        options={options}
        onOptions={setOptions}
      />
      <div class="beside">
        <Samples />
        <LiveInput state={state} />
      </div>
    </div>
  );
}

interface DropProps {
  onFiles(files: readonly File[]): void;
  onText(text: string): void;
  readonly options: Options;
  onOptions(options: Options): void;
}

function Drop({ onFiles, onText, options, onOptions }: DropProps) {
  const [isOver, setIsOver] = useState(false);
  const [text, setText] = useState("");
  const take = (files: FileList | null | undefined) => {
    if (files?.length) onFiles([...files]);
  };
  return (
    <section
      class={isOver ? "panel drop over" : "panel drop"}
      aria-labelledby="file-title"
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setIsOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <h2 id="file-title">Drop a capture here</h2>
      <p>pcap or pcapng from Wireshark or tcpdump, a HAR from a browser’s network panel, a recording, or raw bytes.</p>
      <label class="button first">
        <input type="file" multiple onChange={(event) => take(event.currentTarget.files)} /> Choose files …
      </label>
      <form
        aria-label="Pasted bytes"
        onSubmit={(event) => {
          event.preventDefault();
          onText(text);
        }}
      >
        <label>
          or paste hex, a hex dump, or Base64
          <textarea
            rows={8}
            spellcheck={false}
            placeholder={EXAMPLE}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button type="submit" class="first" disabled={text.trim() === ""}>
            Inspect
          </button>
          <button type="button" onClick={() => setText(EXAMPLE)}>
            An example
          </button>
        </div>
      </form>
      <HowToRead options={options} onChange={onOptions} />
    </section>
  );
}

function HowToRead({ options, onChange }: { options: Options; onChange(options: Options): void }) {
  const { format = "", direction = "", extensions = "" } = options;
  return (
    <details class="how">
      <summary>How to read them</summary>
      <p class="quiet">Most captures need none of this. Raw bytes of both directions are two files.</p>
      <label>
        Format
        <select
          value={format}
          onChange={(event) =>
            onChange({ ...options, format: (event.currentTarget.value || undefined) as Format | undefined })
          }
        >
          {FORMATS.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Direction of raw bytes
        <select
          value={direction}
          onChange={(event) =>
            onChange({ ...options, direction: (event.currentTarget.value || undefined) as Direction | undefined })
          }
        >
          <option value="">By their beginning</option>
          <option value="toServer">Client to server</option>
          <option value="toClient">Server to client</option>
        </select>
      </label>
      <label>
        Extensions, if the handshake is missing
        <input
          placeholder="permessage-deflate"
          value={extensions}
          onInput={(event) => onChange({ ...options, extensions: event.currentTarget.value })}
        />
      </label>
    </details>
  );
}

function LiveInput({ state: { feed } }: { state: State }) {
  const [address, setAddress] = useState<string>();
  const [subprotocol, setSubprotocol] = useState("");
  const shown = address ?? defaultAddress();
  return (
    <section class="panel" aria-labelledby="live-title">
      <h2 id="live-title">Connect to a server</h2>
      <p class="quiet">
        {feed === undefined
          ? "This browser connects, and the page shows the messages. To see frames, headers and compression, or another application’s traffic, run"
          : `Connections to ${defaultAddress() || "the watched server"} are shown byte by byte; of others, this browser shows the messages. Any other server is watched by`}{" "}
        <code>npx websocket-component proxy ws://…</code>
      </p>
      <form
        aria-label="Connect to a server"
        onSubmit={(event) => {
          event.preventDefault();
          void working("Connecting …", () => connect(shown, subprotocol));
        }}
      >
        <label>
          Address{" "}
          <input
            value={shown}
            placeholder="wss://example.com/chat"
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        </label>
        <label>
          Subprotocols, if any
          <input value={subprotocol} onInput={(event) => setSubprotocol(event.currentTarget.value)} />
        </label>
        <div class="buttons">
          <button type="submit" class="first">
            Connect
          </button>
        </div>
      </form>
    </section>
  );
}

function Samples() {
  const featured = FEATURED.flatMap((title) => SAMPLES.filter((one) => one.title === title));
  const others = SAMPLES.filter((one) => !featured.includes(one));
  return (
    <section class="panel gallery" aria-labelledby="gallery-title">
      <h2 id="gallery-title">Or look at a sample</h2>
      <SampleList samples={featured} />
      <details class="all-samples">
        <summary>All samples</summary>
        <SampleList samples={others} />
      </details>
    </section>
  );
}

function SampleList({ samples }: { samples: readonly ConversationSample[] }) {
  return (
    <ul>
      {samples.map(({ title, about, fault }) => (
        <li key={title}>
          <button type="button" class="sample" data-fault={fault} onClick={() => void openSample(title)}>
            <span>{title}</span>
            <span class="quiet">{about}</span>
            {fault !== undefined && <Verdict good={false}>not allowed</Verdict>}
          </button>
        </li>
      ))}
    </ul>
  );
}
