// VitePress's configuration; build.mjs puts it beside the pages.
import { PARTS, pageOf, REFERENCE } from "./pages.mjs";

const menu = Object.entries(PARTS).map(([text, part]) => ({
  text,
  items: Object.entries(part).map(([file, title]) => ({ text: title, link: `/${pageOf(file)}` })),
}));

// The label of a block's language has too little contrast by default. The key of the search button is not part of its
// name, so it must not be text.
const STYLE = `
.vp-doc [class*='language-'] > span.lang { color: var(--vp-c-text-1); }
.DocSearch-Button-Key { display: none !important; }
.DocSearch-Button-Keys::after { content: "Ctrl K"; color: var(--vp-c-text-2); font-size: 12px; padding: 0 6px; }
.mac .DocSearch-Button-Keys::after { content: "\\2318  K"; }
`;

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
    config: (markdown) => markdown.core.ruler.push("empty-headers", withoutEmptyHeaders),
  },
  head: [["style", {}, STYLE]],
  themeConfig: {
    search: { provider: "local" },
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

/** A header cell without text is an ordinary cell: a screen reader has nothing to announce. */
function withoutEmptyHeaders({ tokens }) {
  for (const [at, token] of tokens.entries()) {
    if (token.type !== "th_open" || tokens[at + 1].content !== "") continue;
    token.tag = "td";
    tokens[at + 2].tag = "td";
  }
}
