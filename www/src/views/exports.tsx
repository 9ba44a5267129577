/**
 * Taking a capture away: as JSON, as a capture, as an address.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { download, working } from "../actions.js";
import { inspection } from "../inspection.js";
import { addressOf } from "../share.js";

/** The buttons for it. */
export function Exports({ name }: { name: string }) {
  const [address, setAddress] = useState<string>();
  const base = name.replace(/\.\w+$/, "").replaceAll(/\W+/g, "-");
  const json = () => working("Writing JSON …", async () => download(`${base}.json`, await inspection.exportJson()));
  const capture = () =>
    working("Writing the capture …", async () => download(`${base}.jsonl`, await inspection.exportCapture()));
  const share = () =>
    working("Making an address …", async () => {
      const made = await addressOf(await inspection.exportCapture());
      if (made === undefined)
        throw new Error("This connection is too large for an address: save it, and send the file.");
      setAddress(made);
      // not all pages may write to the clipboard; the address can be copied by hand
      await navigator.clipboard?.writeText(made).catch(() => {});
    });
  return (
    <div class="buttons">
      <button type="button" onClick={json}>
        Export JSON
      </button>
      <button type="button" onClick={capture}>
        Save capture
      </button>
      <button type="button" onClick={share}>
        Share
      </button>
      {address !== undefined && (
        <label class="address">
          Address with all bytes in it{" "}
          <input readOnly value={address} onFocus={(event) => event.currentTarget.select()} />
        </label>
      )}
    </div>
  );
}
