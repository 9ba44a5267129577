/**
 * A payload as text, as a tree of JSON, decoded by its own format, and as hex; before and after unmasking and
 * decompressing; of a frame or of its whole message.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { PayloadStage } from "../../../js/inspect/index.js";
import type { PayloadContext } from "../decoders/decoder.js";
import { MOST_DECODED, type Reading, readingsOf } from "../decoders/decoders.js";
import { ask, base64Of } from "../feed.js";
import { bytes, count, hexBytes } from "../format.js";
import { inspection } from "../inspection.js";
import type { State } from "../state.js";
import type { Detail, HandshakeHalf } from "../worker/protocol.js";
import { Choice, CopyButton, useAnswer } from "./common.js";
import { HexView } from "./hex.js";
import { JsonTree } from "./json-tree.js";

type Form = "text" | "json" | "decoded" | "hex";

const NAMES: Readonly<Record<Form, string>> = { text: "Text", json: "JSON", decoded: "Decoded", hex: "Hex" };
const STAGES: readonly (readonly [PayloadStage, string])[] = [
  ["wire", "On the wire"],
  ["unmasked", "Unmasked"],
  ["inflated", "Decompressed"],
];
/** Bytes that are asked for. */
const LIMIT = 16 * 1024 * 1024;
/** Bytes that are shown as text, or read as JSON: laying out more would hold the page up. */
const CHARACTERS = MOST_DECODED;
/** The first byte of a frame that is a message: FIN. */
const FIN = 0x80;

/** The payload, with the choices of how to see it. */
export function PayloadView({ detail: { row, message }, state }: { detail: Detail; state: State }) {
  const { record } = row;
  const { version } = state;
  const [form, setForm] = useState<Form>();
  const [stage, setStage] = useState<PayloadStage>("inflated");
  const [ofMessage, setOfMessage] = useState(false);
  const isWhole = ofMessage && message !== undefined;
  const index = isWhole ? message.index : record.index;
  const payload = useAnswer(
    () => inspection.payload({ of: isWhole ? "message" : "record", index, stage, limit: LIMIT }),
    [isWhole, index, stage, version],
  );
  const halves = useAnswer(() => inspection.handshake(), [state.capture]);
  if (payload === undefined || halves === undefined) return null;
  const isText = message?.text === true || record.type !== "frame";
  const context = { isText, ...agreedIn(halves) };
  const isContent = message !== undefined && stage === "inflated";
  const readings = isContent ? readingsOf(payload, context) : [];
  const guessed = isText && stage === "inflated" ? guessedForm(payload) : "hex";
  const shown = form ?? (readings[0]?.isAgreed ? "decoded" : guessed);
  const forms = (["text", "json", "decoded", "hex"] as const).filter((one) => one !== "decoded" || readings.length > 0);
  return (
    <>
      <div class="with-copy">
        <h3>
          Payload <span class="quiet">{bytes(payload.length)}</span>
        </h3>
        {isText && payload.length <= CHARACTERS && (
          <CopyButton what="Text" text={() => new TextDecoder().decode(payload)} />
        )}
        {payload.length > 0 && payload.length <= CHARACTERS && (
          <CopyButton what="Payload hex" text={() => hexBytes(payload)} />
        )}
        <Replay state={state} detail={{ row, message }} payload={payload} isContent={stage === "inflated"} />
      </div>
      <div class="choices">
        <Choice
          label="Payload shown as"
          options={forms.map((one) => [one, NAMES[one]] as const)}
          value={shown}
          onChoose={(chosen) => setForm(chosen)}
        />
        {record.type === "frame" && (
          <Choice label="Payload stage" options={STAGES} value={stage} onChoose={(chosen) => setStage(chosen)} />
        )}
        {message !== undefined && message.frames > 1 && (
          <Choice
            label="Payload of"
            options={[
              ["frame", "This frame"],
              ["message", "Whole message"],
            ]}
            value={isWhole ? "message" : "frame"}
            onChoose={(of) => setOfMessage(of === "message")}
          />
        )}
      </div>
      {payload.length === LIMIT && <p class="quiet">The first {bytes(LIMIT)}; there may be more.</p>}
      {shown === "decoded" ? <Readings readings={readings} /> : <Shown form={shown} payload={payload} />}
    </>
  );
}

/** Sends a message or a control frame once more, where a proxy can. */
function Replay({
  state: { feed },
  detail: { row, message },
  payload,
  isContent,
}: {
  state: State;
  detail: Pick<Detail, "row" | "message">;
  payload: Uint8Array;
  isContent: boolean;
}) {
  const connection = feed?.connections.get(feed.watched ?? -1);
  const { record } = row;
  if (feed?.hello.kind !== "proxy" || connection === undefined || record.type !== "frame" || !isContent) return null;
  const opcode = message === undefined ? record.opcode : message.text ? 1 : 2;
  const { direction } = record;
  return (
    <button
      type="button"
      class="copy"
      disabled={connection.state !== "open"}
      onClick={() =>
        ask({ type: "inject", id: connection.id, direction, first: FIN | opcode, base64: base64Of(payload) })
      }
    >
      Replay
    </button>
  );
}

function agreedIn({
  toServer,
  toClient,
}: Record<"toServer" | "toClient", HandshakeHalf>): Omit<PayloadContext, "isText"> {
  return {
    subprotocol: /^sec-websocket-protocol: *(\S+)/im.exec(toClient.head)?.[1] ?? "",
    target: /^\S+ (\S+)/.exec(toServer.head)?.[1] ?? "",
  };
}

function guessedForm(payload: Uint8Array): Form {
  const first = payload[0];
  return first === 0x7b || first === 0x5b ? "json" : "text";
}

/** A payload by its own format; where several are possible, the user chooses. */
function Readings({ readings }: { readings: readonly Reading[] }) {
  const [name, setName] = useState(readings[0]?.name);
  const reading = readings.find((one) => one.name === name) ?? readings[0];
  if (reading === undefined) return null;
  return (
    <>
      <p class="reading">
        {readings.length > 1 ? (
          <select aria-label="Format" value={reading.name} onChange={(event) => setName(event.currentTarget.value)}>
            {readings.map((one) => (
              <option key={one.name}>{one.name}</option>
            ))}
          </select>
        ) : (
          <strong>{reading.name}</strong>
        )}{" "}
        {reading.summary}
        {!reading.isAgreed && <span class="quiet"> (the bytes allow it; the handshake does not say so)</span>}
      </p>
      <JsonTree value={reading.value} />
    </>
  );
}

function Shown({ form, payload }: { form: Form; payload: Uint8Array }) {
  if (form === "hex") return <HexView label="Payload as hex" bytes={payload} />;
  const text = new TextDecoder().decode(payload.subarray(0, CHARACTERS));
  if (form === "json") return <Json text={text} isCut={payload.length > CHARACTERS} />;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre class="payload-text" tabIndex={0} role="group" aria-label="Payload as text">
        {text}
      </pre>
      {payload.length > CHARACTERS && <p class="quiet">The first {count(CHARACTERS)} bytes; hex shows all.</p>}
    </>
  );
}

function Json({ text, isCut }: { text: string; isCut: boolean }) {
  if (isCut) return <p class="quiet">More than {count(CHARACTERS)} bytes: too much for a tree.</p>;
  try {
    return <JsonTree value={JSON.parse(text)} />;
  } catch (error) {
    return <p class="quiet">This is not JSON: {(error as Error).message}</p>;
  }
}
