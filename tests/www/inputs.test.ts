/** Every way in: files of each format, pasted bytes, samples, addresses, and a live connection. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { WebSocketServer } from "ws";

import { client, HANDSHAKE, har, pcap, pcapng, recorded, type Sent, server } from "./captures.js";
import {
  launch,
  listed,
  newPage,
  openFile,
  openSample,
  PAGE,
  paste,
  ROOT,
  showTab,
  unfold,
  waitForCount,
  waitForRows,
} from "./support.js";

const CONVERSATION = [...HANDSHAKE, client(0x81, "Hello"), server(0x81, "World"), client(0x88), server(0x88)];
const ROWS = [/→ request GET \/chat/, /← response HTTP\/1.1 101/, /→ text Hello/, /← text World/, /→ close/, /← close/];

let browser: Browser;
let child: ChildProcess | undefined;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
  child?.kill("SIGKILL");
});

for (const [name, bytes] of [
  ["chat.pcap", pcap(CONVERSATION)],
  ["chat.pcapng", pcapng(CONVERSATION)],
  ["chat.jsonl", recorded(CONVERSATION)],
] as const) {
  test(`${name} is opened as a file, and its records are listed`, async () => {
    const page = await newPage(browser);
    await openFile(page, name, bytes);
    await waitForRows(page, ROWS);
    await page.context().close();
  });
}

test("a HAR is opened as a file, and its bytes are said to be made up", async () => {
  const page = await newPage(browser);
  await openFile(page, "chat.har", har("ping me", "no"));
  await waitForRows(page, [/→ request/, /← response/, /→ text ping me/, /← text no/]);
  assert.match(await page.locator(".warning").innerText(), /made up/);
  await page.context().close();
});

test("raw bytes of a server are opened with the direction that is chosen", async () => {
  const page = await newPage(browser);
  await unfold(page, "How to read them");
  await page.getByLabel("Direction of raw bytes").selectOption("toServer");
  await openFile(page, "raw.bin", server(0x82, Buffer.from([0, 1, 2]))[1]);
  await waitForRows(page, [/→ binary 00 01 02/]);
  assert.match(
    await page.locator(".detail .fault").first().innerText(),
    /is not masked.*closes the connection with 1002.*MaskMissing.*§5\.1/s,
  );
  await page.context().close();
});

test("two raw files, one for each direction, are one connection", async () => {
  const page = await newPage(browser);
  const bytesOf = (side: string) =>
    Buffer.concat(CONVERSATION.filter(([from]) => from === side).map(([, bytes]) => bytes));
  await page.setInputFiles('input[type="file"]', [
    { name: "sent.bin", mimeType: "", buffer: bytesOf("client") },
    { name: "received.bin", mimeType: "", buffer: bytesOf("server") },
  ]);
  await page.locator(".capture strong", { hasText: "sent.bin, received.bin" }).waitFor();
  await page.locator("#records .preview").nth(5).waitFor({ state: "attached" });
  const rows = await listed(page);
  for (const pattern of ROWS)
    assert.ok(
      rows.some((row) => pattern.test(row)),
      String(pattern),
    );
  await showTab(page, "problems");
  await page.getByText("All that was sent is allowed.").waitFor();
  await page.context().close();
});

test("a file is opened that is dropped on its place, or anywhere else", async () => {
  const page = await newPage(browser);
  const base64 = recorded(CONVERSATION).toString("base64");
  const dropped = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(
      new File([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))], "dropped.jsonl"),
    );
    return transfer;
  }, base64);
  for (const place of [".drop", "h1"]) {
    await showTab(page, "open");
    await page.dispatchEvent(place, "drop", { dataTransfer: dropped });
    await page.locator(".detail h2").waitFor();
    await waitForRows(page, ROWS);
  }
  await page.context().close();
});

test("several connections of a capture are listed, and each can be chosen", async () => {
  const page = await newPage(browser);
  const second = [...HANDSHAKE, client(0x81, "the second one")];
  await openFile(page, "two.pcap", pcap(CONVERSATION, second));
  const choice = page.getByRole("combobox", { name: "Connection" });
  assert.deepEqual(await choice.locator("option").count(), 2);
  await choice.selectOption("1");
  await waitForCount(page, "3 of 3");
  await waitForRows(page, [/request/, /response/, /→ text the second one/]);
  await page.context().close();
});

test("a capture that lacks bytes says so, and cannot be saved as one that has all", async () => {
  const page = await newPage(browser);
  const [, frame] = client(0x81, "x".repeat(300));
  const lossy: Sent[] = [
    ...HANDSHAKE,
    ["client", frame.subarray(0, 100)],
    ["client", frame.subarray(100, 200), "lost"],
    ["client", frame.subarray(200)],
    client(0x81, "behind"),
  ];
  await openFile(page, "lossy.pcap", pcap(lossy));
  assert.match(await page.locator(".warning").innerText(), /Bytes are missing in 1 place/);
  await waitForRows(page, [/request/, /response/, /→ text xxx/, /→ text behind/]);
  await unfold(page, "Save, share");
  await page.getByRole("button", { name: "Save capture" }).click();
  assert.match(await page.getByRole("alert").innerText(), /Bytes of this connection are missing/);
  await page.context().close();
});

test("hex, a hex dump and Base64 are pasted; what is none of them is an error that is said", async () => {
  const page = await newPage(browser);
  const frame = (text: string) => client(0x81, text)[1];
  for (const [text, payload] of [
    [frame("in hex").toString("hex"), /→ text in hex/],
    [`00000000  ${frame("in a dump").toString("hex").replaceAll(/../g, "$& ")}`, /→ text in a dump/],
    [frame("in Base64").toString("base64"), /→ text in Base64/],
  ] as const) {
    await paste(page, text);
    await page.locator(".capture strong", { hasText: "pasted bytes" }).waitFor();
    await waitForRows(page, [payload]);
  }
  await showTab(page, "open");
  await unfold(page, "How to read them");
  await page.getByLabel("Format").selectOption("pcap");
  await paste(page, "no capture");
  assert.match(await page.getByRole("alert").innerText(), /This is not a pcap file/);
  await page.context().close();
});

test("compressed frames without a handshake are read with the extensions that are given", async () => {
  const page = await newPage(browser);
  await unfold(page, "How to read them");
  await page.getByLabel("Extensions, if the handshake is missing").fill("permessage-deflate");
  await paste(page, "c1 07 f2 48 cd c9 c9 07 00");
  await waitForRows(page, [/← text Hello/]);
  await page.context().close();
});

test("four samples are shown first, and each sample is as good or as bad as it is said to be", async () => {
  const page = await newPage(browser);
  assert.equal(await page.locator(".sample:visible").count(), 4);
  const samples = await page
    .locator(".sample")
    .evaluateAll((all: HTMLElement[]) =>
      all.map(({ children, dataset: { fault } }) => [children[0]?.textContent ?? "", children[2]?.textContent, fault]),
    );
  assert.ok(samples.length >= 20);
  for (const [title = "", verdict, fault] of samples) {
    assert.equal(verdict, fault === undefined ? undefined : "✗ not allowed", title);
    await openSample(page, title);
    await showTab(page, "problems");
    const text = await page.locator("#view .panel").first().innerText();
    if (fault === undefined) assert.match(text, /All that was sent is allowed/, title);
    else assert.ok(text.includes(fault), `${title}: ${text}`);
  }
  await page.context().close();
});

test("a capture is shared by an address, saved as a capture, and exported as JSON", async () => {
  const page = await newPage(browser);
  await openFile(page, "chat.jsonl", recorded(CONVERSATION));
  await unfold(page, "Save, share");
  await page.getByRole("button", { name: "Share" }).click();
  const address = await page.getByLabel("Address with all bytes in it").inputValue();
  const other = await newPage(browser, {}, address);
  await waitForRows(other, ROWS);
  await other.context().close();

  const content = async (name: string): Promise<string> => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
    return readFile(await download.path(), "utf8");
  };
  assert.equal(await content("Save capture"), recorded(CONVERSATION).toString());
  const json = JSON.parse(await content("Export JSON"));
  assert.equal(json.records.length, 6);
  assert.deepEqual(
    json.messages.map(({ payload }: { payload: string }) => payload),
    ["Hello", "World"],
  );
  assert.deepEqual(json.faults, []);
  await page.context().close();
});

test("an address without a capture in it is an error that is said", async () => {
  const page = await newPage(browser, {}, new URL("dist/page/index.html#capture=AAAA", ROOT).href);
  await page.getByRole("alert").waitFor();
  await page.context().close();
});

test("the page works from a file, and requests nothing", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(new URL("dist/page/index.html", ROOT).href);
  await openFile(page, "chat.pcap", pcap(CONVERSATION));
  await showTab(page, "loop");
  await page.getByRole("button", { name: "Next call" }).waitFor();
  assert.deepEqual(
    asked.filter((url) => !/^(file|data|blob):/.test(url)),
    [],
  );
  await context.close();
});

test("what is shared has no cookie and no query, unless that is asked for", async () => {
  const page = await newPage(browser);
  const secret =
    "GET /chat?token=abc123 HTTP/1.1\r\nHost: a\r\nCookie: id=secret; b=c\r\nAuthorization: Bearer xyz987\r\n\r\n";
  await openFile(page, "secret.jsonl", recorded([["client", Buffer.from(secret)], client(0x81, "Hello")]));
  await unfold(page, "Save, share");
  const saved = async () => {
    const button = page.getByRole("button", { name: "Save capture" });
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    const [, line = ""] = (await readFile(await download.path(), "utf8")).split("\n");
    return Buffer.from(JSON.parse(line).base64, "base64").toString();
  };
  const masked = await saved();
  assert.match(
    masked,
    /^GET \/chat\?token=\*{6} HTTP\/1\.1\r\nHost: a\r\nCookie: id=\*{6}; b=\*\r\nAuthorization: Bearer \*{6}\r\n/,
  );
  assert.equal(masked.length, secret.length);
  await page.getByLabel(/Mask cookies/).uncheck();
  assert.equal(await saved(), secret);
  await page.context().close();
});

test("an address whose capture would grow too large, or is damaged, is refused", async () => {
  const bomb = deflateRawSync(Buffer.alloc(32 * 1024 * 1024)).toString("base64url");
  for (const [text, said] of [
    [bomb, /larger than 16 MiB/],
    ["!", /damaged/],
  ] as const) {
    const page = await newPage(browser, {}, `${PAGE}#capture=${text}`);
    assert.match(await page.getByRole("alert").innerText(), said);
    await page.context().close();
  }
});

test("Back, Forward, a reload and the title follow what is shown", async () => {
  const page = await newPage(browser);
  await openSample(page, "Text that is not UTF-8");
  await showTab(page, "problems");
  await page.locator("#view").getByRole("button", { name: "record 2" }).click();
  await page.getByRole("heading", { name: /Record 2: text/ }).waitFor();
  assert.equal(await page.title(), "Frames – Text that is not UTF-8 – WebSocket inspector");
  await page.reload();
  await page.getByRole("heading", { name: /Record 2: text/ }).waitFor();
  await openSample(page, "Pings and their pongs");
  await page.goBack();
  await page.locator("#tab-open[aria-selected=true]").waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: /Record 2: text/ }).waitFor();
  await page.locator(".capture strong", { hasText: "Text that is not UTF-8" }).waitFor();
  await page.goForward();
  await page.goForward();
  await page.locator(".capture strong", { hasText: "Pings and their pongs" }).waitFor();
  await page.context().close();
});

/** The page as `npm start` serves it. */
async function startedPage(): Promise<Page> {
  const start = fileURLToPath(new URL("scripts/start.mjs", ROOT));
  child = spawn(process.execPath, [start, "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  let out = "";
  for await (const chunk of child.stdout as NonNullable<ChildProcess["stdout"]>) {
    out += chunk;
    const address = /http:\S+/.exec(out)?.[0];
    if (address !== undefined && out.includes("Ctrl-C")) return newPage(browser, {}, address);
  }
  throw new Error(`npm start ended: ${out}`);
}

test("live: this browser's connection to the echo server is seen frame by frame, both ways, to its close", async () => {
  const page = await startedPage();
  await page.getByText(/To try it: npx websocket-component connect ws:\/\/127\.0\.0\.1:\d+/).waitFor();
  await showTab(page, "open");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.locator('[data-live="open"]').waitFor();
  const form = page.getByRole("form", { name: "Live connection" });
  await form.getByLabel("Message").fill("Grüße");
  await page.keyboard.press("Enter");
  const row = (text: string, kind: string) =>
    page.locator("#records .record").filter({ hasText: text }).filter({ hasText: kind });
  await row("→", "text").filter({ hasText: "Grüße" }).waitFor();
  await row("←", "text").filter({ hasText: "Grüße" }).waitFor();
  await form.getByRole("button", { name: "1 MiB" }).click();
  await row("→", "binary").first().waitFor();
  await row("←", "binary").first().waitFor();
  await form.getByRole("button", { name: "Close" }).click();
  await page.locator('[data-live="closed"]').waitFor();
  await row("→", "close").filter({ hasText: "by hand" }).waitFor();
  await row("←", "close").waitFor();
  await showTab(page, "messages");
  await page.locator(".messages .record", { hasText: "1.0 MiB" }).nth(1).waitFor();
  assert.equal(await page.locator(".messages .record", { hasText: "whole" }).count(), 4);
  await showTab(page, "handshake");
  await page.getByText("The server answers").waitFor();
  assert.match(await page.locator("#view").innerText(), /Sec-WebSocket-Extensions: permessage-deflate/);
  assert.equal(await page.locator("#view .verdict.bad").count(), 0);
  await page.context().close();
});

test("live: of any other server the browser's messages are shown, with what is missing", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "chat" });
  await once(server, "listening");
  t.after(() => server.close());
  server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const { port } = server.address() as AddressInfo;
  const page = await newPage(browser);
  const connect = page.getByRole("form", { name: "Connect to a server" });
  await connect.getByLabel("Address").fill(`ws://127.0.0.1:${port}/any`);
  await connect.getByLabel("Subprotocols").fill("chat, other");
  await connect.getByRole("button", { name: "Connect" }).click();
  await page.locator('[data-live="open"]').waitFor();
  await page.getByRole("form", { name: "Live connection" }).getByRole("button", { name: "Send text" }).click();
  await waitForRows(page, [/^→ text Hello, Köln 🎡$/, /^← text Hello, Köln 🎡$/]);
  assert.match(
    await page.locator(".warning").innerText(),
    /messages that this browser gives.*made up.*subprotocol chat/s,
  );
  for (const client of server.clients) client.close(4000, "shift over");
  await page.locator('[data-live="closed"]').waitFor();
  await waitForRows(page, [/→ text/, /← text/, /^← close shift over$/]);
  await page.context().close();
});

test("live: an address that is none, and a server that is not there, are said to be that", async () => {
  const gone = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(gone, "listening");
  const { port } = gone.address() as AddressInfo;
  gone.close();
  const page = await newPage(browser);
  const form = page.getByRole("form", { name: "Connect to a server" });
  for (const [address, said] of [
    ["", /is not an address/],
    ["ftp://a", /begins with ws/],
    [`ws://127.0.0.1:${port}/`, /could not connect to ws:\/\/127\.0\.0\.1:\d+\/.*does not say why/s],
  ] as const) {
    await form.getByLabel("Address").fill(address);
    await form.getByRole("button", { name: "Connect" }).click();
    await page.getByRole("alert").filter({ hasText: said }).waitFor();
  }
  await page.context().close();
});
