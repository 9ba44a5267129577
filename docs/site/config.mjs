// VitePress's configuration; build.mjs puts it beside the pages.
import { PARTS, pageOf, REFERENCE } from "./pages.mjs";

const menu = Object.entries(PARTS).map(([text, part]) => ({
  text,
  items: Object.entries(part).map(([file, title]) => ({ text: title, link: `/${pageOf(file)}` })),
}));

export default {
  title: "websocket-component",
  description: "The WebSocket protocol as one engine without I/O, for Node, Deno, Bun, Rust and browsers",
  lang: "en",
  base: process.env.DOCS_BASE ?? "/",
  // as on GitHub, where the same links are read
  markdown: {
    anchor: { slugify: anchorOf },
    languageAlias: { haproxy: "ini", no_run: "rust", "rust,no_run": "rust", "rust,ignore": "rust" },
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  // the label of a block's language has too little contrast by default
  head: [["style", {}, ".vp-doc [class*='language-'] > span.lang { color: var(--vp-c-text-1); }"]],
  themeConfig: {
    // the name of the button has all of its text, the key too, so that it can be spoken
    search: { provider: "local", options: { translations: { button: { buttonAriaLabel: "Search K" } } } },
    nav: [
      { text: "Guides", link: "/guides" },
      { text: "Reference", items: REFERENCE },
    ],
    sidebar: [...menu, { text: "Reference", items: REFERENCE }],
    outline: [2, 3],
  },
};

function anchorOf(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}
