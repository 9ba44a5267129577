/**
 * Taking a capture away: as JSON, as a capture, as an address. All of them have the conversation's secrets, and say so.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { copy, download, working } from "../actions.js";
import { inspection } from "../inspection.js";
import { addressOf } from "../share.js";

/** The menu for it. */
export function Exports({ name }: { name: string }) {
  const [address, setAddress] = useState<string>();
  const [masksSecrets, setMasksSecrets] = useState(true);
  const base = name.replace(/\.\w+$/, "").replaceAll(/\W+/g, "-");
  const json = () =>
    working("Writing JSON …", async () => download(`${base}.json`, await inspection.exportJson(masksSecrets)));
  const capture = () =>
    working("Writing the capture …", async () =>
      download(`${base}.jsonl`, await inspection.exportCapture(masksSecrets)),
    );
  const share = () =>
    working("Making an address …", async () => {
      const made = await addressOf(await inspection.exportCapture(masksSecrets));
      if (made === undefined)
        throw new Error("This connection is too large for an address: save it, and send the file.");
      setAddress(made);
      await copy(made, "The address is");
    });
  return (
    <details class="popup right">
      <summary>Save, share …</summary>
      <div class="exports">
        <p>What you save or share has the whole conversation in it, with all that the messages say.</p>
        <label class="tick">
          <input
            type="checkbox"
            checked={masksSecrets}
            onChange={(event) => setMasksSecrets(event.currentTarget.checked)}
          />{" "}
          Mask cookies, credentials and the query of the handshake
        </label>
        <div class="buttons">
          <button type="button" onClick={capture}>
            Save capture
          </button>
          <button type="button" onClick={json}>
            Export JSON
          </button>
          <button type="button" onClick={share}>
            Share
          </button>
        </div>
        {address !== undefined && (
          <label class="address">
            Address with all bytes in it{" "}
            <input readOnly value={address} onFocus={(event) => event.currentTarget.select()} />
          </label>
        )}
      </div>
    </details>
  );
}
