/**
 * Begins.
 *
 * @module
 */
import { render } from "preact";

import { open, working } from "./actions.js";
import { App } from "./app.js";
import { sourceOf } from "./share.js";
import { onChange } from "./state.js";
import "./style.css";

const root = document.getElementById("app") as HTMLElement;
onChange((state) => render(<App state={state} />, root));

async function openShared(): Promise<void> {
  await working("Reading the address …", async () => {
    const source = await sourceOf(location.hash);
    if (source !== undefined) await open(source);
  });
}

void openShared();
addEventListener("hashchange", () => void openShared());
