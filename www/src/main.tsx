/**
 * Begins.
 *
 * @module
 */
import { render } from "preact";

import { goToAddress, openFiles } from "./actions.js";
import { App } from "./app.js";
import { feedPath, startFeed, watch } from "./feed.js";
import { nameOf } from "./format.js";
import { change, onChange } from "./state.js";
import "./style.css";

const root = document.getElementById("app") as HTMLElement;
if (feedPath() !== undefined) change({ view: "frames" });
onChange((state) => render(<App state={state} />, root));

startFeed();
if (location.hash !== "") goToAddress(watch);
// Back and Forward, and links that were pasted into the address bar
addEventListener("popstate", () => goToAddress(watch));

// a file that is dropped anywhere is meant for the inspector: the browser would leave the page for it
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length > 0) void openFiles({ name: nameOf(files), contents: files });
});
