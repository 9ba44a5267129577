/**
 * Begins.
 *
 * @module
 */
import { render } from "preact";

import { open, working } from "./actions.js";
import { App } from "./app.js";
import { nameOf } from "./format.js";
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

// a file that is dropped anywhere is meant for the inspector: the browser would leave the page for it
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length > 0) void open({ name: nameOf(files), contents: files });
});
