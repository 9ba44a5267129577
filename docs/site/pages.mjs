// The pages of the site, by part: a Markdown file of the repository, and its name in the menu.

/** The README is the home page. */
export const HOME = "README.md";

export const PARTS = {
  Learn: { "docs/quick-start.md": "Quick start", "docs/chat.md": "Tutorial: a chat" },
  Do: {
    "docs/sockets.md": "Sockets",
    "docs/frameworks.md": "Frameworks",
    "docs/auth.md": "Users and origins",
    "docs/reconnecting.md": "Reconnecting",
    "docs/testing.md": "Testing",
    "docs/debugging.md": "Debugging",
    "docs/troubleshooting.md": "Troubleshooting",
    "docs/compression.md": "Compression",
    "docs/http2.md": "HTTP/2",
    "docs/deployment.md": "Deployment",
    "docs/scale.md": "Rooms, topics and scale",
    "docs/metrics.md": "Metrics",
    "docs/logging.md": "Logging",
    "docs/ws.md": "Moving from ws",
    "docs/inspector.md": "The inspector",
  },
  "Look up": {
    "docs/options.md": "Options",
    "docs/limits.md": "Limits",
    "docs/errors.md": "Errors",
    "docs/runtimes.md": "Runtimes",
    "docs/component.md": "The component",
    "docs/crate.md": "The Rust crate",
    "docs/hosts.md": "Other hosts",
  },
  Understand: {
    "docs/security.md": "Security",
    "docs/performance.md": "Performance",
    "docs/benchmarks.md": "Benchmarks",
    "docs/capacity.md": "Capacity",
    "docs/conformance.md": "Conformance",
    "tests/rfc6455.md": "RFC 6455 by requirement",
    "tests/rfc7692.md": "RFC 7692 by requirement",
    "tests/rfc8441.md": "RFC 8441 by requirement",
    "tests/whatwg.md": "WHATWG by step",
    "tests/mistakes.md": "Mistakes of others",
  },
  Project: {
    "docs/README.md": "All guides",
    "CONTRIBUTING.md": "Contributing",
    "SECURITY.md": "Security policy",
    "RELEASING.md": "Releasing",
    "CHANGELOG.md": "Changelog",
  },
};

/** The references: what typedoc and rustdoc write beside the pages, and the page of c.mjs. */
export const REFERENCE = [
  { text: "TypeScript", link: "/api/index.html", target: "_self" },
  { text: "Rust", link: "/rust/websocket_component/index.html", target: "_self" },
  { text: "C", link: "/c" },
];

/** The name of a file's page: its address without `.html`. */
export function pageOf(file) {
  if (file === HOME) return "index";
  if (file === "docs/README.md") return "guides";
  const name = file.replace(/^.*\//, "").replace(/\.md$/, "").toLowerCase();
  return file === "SECURITY.md" ? "security-policy" : name;
}

/** All files that are pages. */
export const files = [HOME, ...Object.values(PARTS).flatMap((part) => Object.keys(part))];
