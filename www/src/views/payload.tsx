/**
 * A payload as text, as a tree of JSON, and as hex; before and after unmasking and decompressing; of a frame or of its
 * whole message.
 *
 * @module
 */
import { useState } from "preact/hooks";

import type { PayloadStage } from "../../../js/inspect/index.js";
import { bytes, count } from "../format.js";
import { inspection } from "../inspection.js";
import type { Detail } from "../worker/protocol.js";
import { Choice, useAnswer } from "./common.js";
import { HexView } from "./hex.js";
import { JsonTree } from "./json-tree.js";

type Form = "text" | "json" | "hex";

const FORMS: readonly (readonly [Form, string])[] = [
  ["text", "Text"],
  ["json", "JSON"],
  ["hex", "Hex"],
];
const STAGES: readonly (readonly [PayloadStage, string])[] = [
  ["wire", "On the wire"],
  ["unmasked", "Unmasked"],
  ["inflated", "Decompressed"],
];
/** Bytes that are asked for. */
const LIMIT = 16 * 1024 * 1024;
/** Characters that are shown as text or read as JSON: laying out more would hold the page up. */
const CHARACTERS = 256 * 1024;

/** The payload, with the choices of how to see it. */
export function PayloadView({ detail: { row, message }, version }: { detail: Detail; version: number }) {
  const { record } = row;
  const [form, setForm] = useState<Form>();
  const [stage, setStage] = useState<PayloadStage>("inflated");
  const [ofMessage, setOfMessage] = useState(false);
  const isWhole = ofMessage && message !== undefined;
  const index = isWhole ? message.index : record.index;
  const payload = useAnswer(
    () => inspection.payload({ of: isWhole ? "message" : "record", index, stage, limit: LIMIT }),
    [isWhole, index, stage, version],
  );
  if (payload === undefined) return null;
  const isText = message?.text || record.type !== "frame";
  const shown = form ?? (isText && stage === "inflated" ? guessedForm(payload) : "hex");
  return (
    <>
      <h3>Payload</h3>
      <div class="choices">
        <Choice label="Payload shown as" options={FORMS} value={shown} onChoose={(chosen) => setForm(chosen)} />
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
      <p class="quiet">
        {bytes(payload.length)}
        {payload.length === LIMIT && ", and perhaps more"}
      </p>
      <Shown form={shown} payload={payload} />
    </>
  );
}

function guessedForm(payload: Uint8Array): Form {
  const first = payload[0];
  return first === 0x7b || first === 0x5b ? "json" : "text";
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
    return <p class="quiet">No JSON: {(error as Error).message}</p>;
  }
}
