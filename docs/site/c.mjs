// The reference of C: a page made of bindings/c/include/websocket.h.
const MICROSOFT = "https://learn.microsoft.com/windows/win32/api/websocket";

/** The page's Markdown: a heading for each function, with its prototype, then the types. */
export function cReference(header) {
  const functions = [...header.matchAll(/^\w+ WINAPI (\w+)\([^;]*;$/gm)].map(([prototype, name]) => {
    const link = `${MICROSOFT}/nf-websocket-${name.toLowerCase()}`;
    return `## ${name}\n\n${code(prototype)}\n\n[Microsoft's description](${link})\n`;
  });
  const types = header.slice(header.indexOf("DECLARE_HANDLE"), header.indexOf("HRESULT WINAPI")).trim();
  return [INTRODUCTION, ...functions, `## Types and constants\n\n${code(types)}\n`].join("\n");
}

function code(text) {
  return `\`\`\`c\n${text}\n\`\`\``;
}

const INTRODUCTION = `# The C API

\`libwebsocket\` has the functions, types and values of Microsoft's \`websocket.h\`. [Other hosts](./hosts.md) shows how to build
and link it, and an example; [the component](./component.md) explains the handshake and the action loop, and where this
implementation differs. Each function returns \`S_OK\` or one of the [codes](./errors.md#the-protocol-websocketprotocolerror).
`;
