/**
 * The action loop of the component API, to play with: two ends, and a wire between them.
 *
 * @module
 */
import { useEffect, useState } from "preact/hooks";

import { openFiles } from "../actions.js";
import { counted, hex, hexBytes } from "../format.js";
import {
  BREAKS,
  ENDS,
  type End,
  type LoopModel,
  type LoopOptions,
  nameOf,
  type SendType,
  type Step,
  startLoop,
} from "../loop/model.js";
import { captureOf } from "../loop/wire.js";

const TYPES: readonly (readonly [SendType, string])[] = [
  ["Utf8Message", "Text message"],
  ["BinaryMessage", "Binary message"],
  ["PingPong", "Ping"],
  ["UnsolicitedPong", "Unsolicited pong"],
  ["Close", "Close with 1000"],
];

/** Does something with the model, and has the page drawn anew. */
type Do = (work: (model: LoopModel) => void) => void;

/** Both ends, the wire, and what has happened. */
export function Loop() {
  const [options, setOptions] = useState<LoopOptions>({ disableMasking: false, perMessageDeflate: false });
  const [model, setModel] = useState<LoopModel>();
  const [, setTurn] = useState(0);
  useEffect(() => {
    let made: LoopModel | undefined;
    let isGone = false;
    void startLoop(options).then((started) => {
      made = started;
      if (isGone) made.delete();
      else setModel(made);
    });
    return () => {
      isGone = true;
      made?.delete();
    };
  }, [options]);
  if (model === undefined) return <p class="quiet">The engine is being made …</p>;
  const act: Do = (work) => {
    work(model);
    setTurn((turn) => turn + 1);
  };
  return (
    <>
      <p class="intro">
        The component does no I/O: you queue sends and receives, ask <code>getAction</code> what to do, do it, and say
        so by <code>completeAction</code>. Send something, and press <em>Next call</em> until nothing is left – or make
        the calls yourself.
      </p>
      <Controls model={model} act={act} options={options} onOptions={setOptions} />
      <div class="loop">
        <EndView end="client" model={model} act={act} />
        <WireView model={model} act={act} />
        <EndView end="server" model={model} act={act} />
      </div>
      <Steps steps={model.steps} />
    </>
  );
}

interface Props {
  readonly model: LoopModel;
  readonly act: Do;
}

function Controls({
  model,
  act,
  options,
  onOptions,
}: Props & { options: LoopOptions; onOptions(options: LoopOptions): void }) {
  return (
    <div class="buttons">
      <button type="button" class="first" onClick={() => act((loop) => void loop.next())}>
        Next call
      </button>
      <button type="button" onClick={() => act((loop) => loop.run())}>
        Run
      </button>
      <button type="button" onClick={() => onOptions({ ...options })}>
        Start again
      </button>
      <label>
        <input
          type="checkbox"
          checked={options.disableMasking}
          onChange={(event) => onOptions({ ...options, disableMasking: event.currentTarget.checked })}
        />{" "}
        mask with zeros (<code>DISABLE_MASKING</code>)
      </label>
      <label>
        <input
          type="checkbox"
          checked={options.perMessageDeflate}
          onChange={(event) => onOptions({ ...options, perMessageDeflate: event.currentTarget.checked })}
        />{" "}
        compress
      </label>
      <button
        type="button"
        disabled={model.sent.length === 0}
        onClick={() => void openFiles({ name: "action loop", ...captureOf(model) })}
      >
        Inspect what went over the wire
      </button>
    </div>
  );
}

function EndView({ end, model, act }: Props & { end: End }) {
  const { actions, sends, receives, told, violation } = model.peers[end];
  return (
    <section class="panel end" aria-labelledby={`end-${end}`}>
      <h2 id={`end-${end}`}>{end === "client" ? "Client" : "Server"}</h2>
      <SendForm end={end} act={act} />
      <h3>Its queues</h3>
      <ul class="queue" aria-label={`Queues of the ${end}`}>
        {sends.map(({ what }, index) => (
          <li key={index}>send: {what}</li>
        ))}
        {receives > 0 && <li>{counted(receives, "receive")}</li>}
        {sends.length + receives === 0 && <li class="quiet">empty</li>}
      </ul>
      <div class="buttons">
        <button type="button" onClick={() => act((loop) => loop.receive(end))}>
          receive
        </button>
        <button type="button" onClick={() => act((loop) => loop.getAction(end))}>
          getAction
        </button>
      </div>
      {actions.map((action) => (
        <div key={action.actionContext} class="action">
          <p>
            <strong>{nameOf(action)}</strong>
          </p>
          <code class="wire-bytes">{action.buffers.map(hexBytes).join(" | ")}</code>
          <button
            type="button"
            disabled={!model.canComplete(end, action)}
            onClick={() => act((loop) => loop.completeAction(end, action))}
          >
            completeAction
          </button>
          {!model.canComplete(end, action) && <span class="quiet"> nothing has come to read</span>}
        </div>
      ))}
      {violation !== undefined && (
        <div class="fault">
          <p>
            <span aria-hidden="true">✗</span> The peer broke the protocol: {violation.message} ({violation.section})
          </p>
          <button type="button" onClick={() => act((loop) => loop.closeWith(end, violation.closeStatus ?? 1002))}>
            send a close with {violation.closeStatus}
          </button>
        </div>
      )}
      <h3>What it was told</h3>
      <ol class="told">
        {told.map((text, index) => (
          <li key={index}>{text}</li>
        ))}
      </ol>
      {told.length === 0 && <p class="quiet">nothing yet</p>}
    </section>
  );
}

function SendForm({ end, act }: { end: End; act: Do }) {
  const [type, setType] = useState<SendType>("Utf8Message");
  const [text, setText] = useState("Hello");
  const [fragments, setFragments] = useState(1);
  const isMessage = type === "Utf8Message" || type === "BinaryMessage";
  return (
    <form
      aria-label={`Send from the ${end}`}
      onSubmit={(event) => {
        event.preventDefault();
        act((loop) => loop.send(end, type, text, fragments));
      }}
    >
      <label>
        What
        <select value={type} onChange={(event) => setType(event.currentTarget.value as SendType)}>
          {TYPES.map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Text
        <input value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <label>
        Fragments
        <input
          type="number"
          min="1"
          max="9"
          disabled={!isMessage}
          value={String(fragments)}
          onInput={(event) => setFragments(Math.max(1, Number(event.currentTarget.value)))}
        />
      </label>
      <button type="submit">send</button>
    </form>
  );
}

/** The bytes on their way, which can be broken. */
function WireView({ model, act }: Props) {
  return (
    <section class="panel wire" aria-labelledby="wire-title">
      <h2 id="wire-title">The wire</h2>
      {ENDS.toReversed().map((to) => (
        <Pipe key={to} to={to} model={model} act={act} />
      ))}
      <p class="quiet">Bytes on the wire can be edited: see what the other end makes of it.</p>
    </section>
  );
}

function Pipe({ to, model, act }: Props & { to: End }) {
  const { incoming } = model.peers[to];
  const isEmpty = incoming.length === 0;
  return (
    <div class="pipe">
      <label>
        {to === "server" ? "→ to the server" : "← to the client"}, {counted(incoming.length, "byte")}
        <textarea
          rows={3}
          spellcheck={false}
          disabled={isEmpty}
          value={hexBytes(incoming)}
          onChange={(event) => act((loop) => loop.overwrite(to, hex(event.currentTarget.value)))}
        />
      </label>
      <label>
        Break it
        <select
          disabled={isEmpty}
          value=""
          onChange={(event) => {
            const how = BREAKS.find((one) => one === event.currentTarget.value);
            if (how !== undefined) act((loop) => loop.break(to, how));
            event.currentTarget.value = "";
          }}
        >
          <option value="">…</option>
          {BREAKS.map((how) => (
            <option key={how}>{how}</option>
          ))}
        </select>
      </label>
    </div>
  );
}

function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
    <section class="panel wide" aria-label="What has happened" tabIndex={0}>
      <table class="steps">
        <caption>Calls, the latest first</caption>
        <thead>
          <tr>
            <th scope="col">No.</th>
            <th scope="col">End</th>
            <th scope="col">Call</th>
            <th scope="col">What came of it</th>
            <th scope="col">Bytes</th>
          </tr>
        </thead>
        <tbody>
          {steps
            .map((step, index) => (
              <tr key={index} class={step.isError ? "bad" : ""}>
                <td>{index + 1}</td>
                <td>{step.end}</td>
                <td>
                  <code>{step.call}</code>
                </td>
                <td class="result">{step.result}</td>
                <td>
                  <code>{step.bytes && hexBytes(step.bytes.subarray(0, 48))}</code>
                </td>
              </tr>
            ))
            .reverse()}
        </tbody>
      </table>
    </section>
  );
}
