/**
 * Where captures come from.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { Direction, Format } from "../../../js/inspect/index.js";
import { open, working } from "../actions.js";
import { nameOf } from "../format.js";
import { connect, defaultAddress } from "../live.js";
import { type ConversationSample, captureOf, SAMPLES } from "../samples/samples.js";
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

const AUTOBAHN: Readonly<Record<number, string>> = {
  1: "Framing",
  2: "Pings and pongs",
  3: "Reserved bits",
  4: "Opcodes",
  5: "Fragmentation",
  6: "UTF-8",
  7: "Closing",
  9: "Sizes",
  10: "Auto-fragmentation",
  12: "Compression",
  13: "Compression, with parameters",
};

/** All inputs. */
export function Open() {
  const [options, setOptions] = useState<Pick<Source, "format" | "direction" | "extensions">>({});
  const read = (name: string, contents: readonly Blob[]) => void open({ name, contents, ...options });
  return (
    <div class="inputs">
      <FileInput onFiles={(files) => read(nameOf(files), files)} />
      <PasteInput onText={(text) => read("pasted bytes", [new Blob([text])])} />
      <Options options={options} onChange={setOptions} />
      <LiveInput />
      <Gallery />
    </div>
  );
}

function FileInput({ onFiles }: { onFiles(files: readonly File[]): void }) {
  const [isOver, setIsOver] = useState(false);
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
      <h2 id="file-title">A file</h2>
      <p>
        Drop it here: pcap or pcapng of Wireshark and tcpdump, HAR of Chrome’s DevTools, what <code>--record</code>{" "}
        wrote, a hex dump, or raw bytes: two files, if there is one for each direction.
      </p>
      <label class="button">
        <input type="file" multiple onChange={(event) => take(event.currentTarget.files)} /> Choose files …
      </label>
    </section>
  );
}

function PasteInput({ onText }: { onText(text: string): void }) {
  const [text, setText] = useState("");
  return (
    <section class="panel" aria-labelledby="paste-title">
      <h2 id="paste-title">Bytes as text</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onText(text);
        }}
      >
        <label>
          Hex, a hex dump, or Base64
          <textarea
            rows={4}
            spellcheck={false}
            placeholder="81 85 37 fa 21 3d 7f 9f 4d 51 58"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <div class="buttons">
          <button type="submit" class="first" disabled={text.trim() === ""}>
            Inspect
          </button>
          <button type="button" onClick={() => setText("81 85 37 fa 21 3d 7f 9f 4d 51 58")}>
            An example
          </button>
        </div>
      </form>
    </section>
  );
}

type OptionsValue = Pick<Source, "format" | "direction" | "extensions">;

function Options({ options, onChange }: { options: OptionsValue; onChange(options: OptionsValue): void }) {
  const { format = "", direction = "", extensions = "" } = options;
  return (
    <section class="panel" aria-labelledby="options-title">
      <h2 id="options-title">How to read them</h2>
      <p class="quiet">For files and pasted bytes; most need none of it.</p>
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
    </section>
  );
}

function LiveInput() {
  const [address, setAddress] = useState(defaultAddress);
  const [subprotocol, setSubprotocol] = useState("");
  return (
    <section class="panel" aria-labelledby="live-title">
      <h2 id="live-title">Live</h2>
      <p>
        This browser talks to the echo server of <code>npm start</code>, which tells what goes over the wire.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void working("Connecting …", () => connect(address, subprotocol));
        }}
      >
        <label>
          Address <input value={address} onInput={(event) => setAddress(event.currentTarget.value)} />
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

function Gallery() {
  return (
    <section class="panel gallery" aria-labelledby="gallery-title">
      <h2 id="gallery-title">Samples, good and bad</h2>
      <p class="quiet">By the categories of Autobahn’s test suite, which has no 8 and no 11.</p>
      <ul>
        {SAMPLES.map((sample) => (
          <li key={sample.title}>
            <SampleButton sample={sample} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function SampleButton({ sample }: { sample: ConversationSample }) {
  const { title, category, fault } = sample;
  return (
    <button type="button" class="sample" onClick={() => void open({ name: title, contents: [captureOf(sample)] })}>
      <span class="quiet">{category === undefined ? "Not in the suite" : `${category} ${AUTOBAHN[category]}`}</span>
      <span>{title}</span>
      <Verdict good={fault === undefined}>{fault ?? "good"}</Verdict>
    </button>
  );
}
