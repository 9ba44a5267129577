/** Every view: what it shows, by pointer and by keys. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { client, HANDSHAKE, recorded, type Sent, server } from "./captures.js";
import { launch, newPage, openFile, openSample, paste, showTab, unfold, waitForCount, waitForRows } from "./support.js";

let browser: Browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** The field's row in the table of the header's fields. */
function fieldRow(page: Page, name: string): ReturnType<Page["locator"]> {
  return page.locator(".fields tr", { has: page.getByRole("rowheader", { name, exact: true }) });
}

/** The octets that are lit, each with the bits that are. */
function litOctets(page: Page): Promise<string[]> {
  return page
    .locator(".octet.lit")
    .evaluateAll((all) => all.map((one) => `${one.firstChild?.textContent} ${one.querySelector("b")?.textContent}`));
}

test("a field's bits light up in the hex view when the pointer or the focus is on it", async () => {
  const page = await newPage(browser);
  await paste(page, "81 85 37 fa 21 3d 7f 9f 4d 51 58");
  await fieldRow(page, "opcode").hover();
  assert.deepEqual(await litOctets(page), ["81 0001"]);
  await fieldRow(page, "FIN").hover();
  assert.deepEqual(await litOctets(page), ["81 1"]);
  await fieldRow(page, "Payload len").focus();
  assert.deepEqual(await litOctets(page), ["85 0000101"]);
  await fieldRow(page, "Masking-key").focus();
  assert.deepEqual(await litOctets(page), ["37 00110111", "fa 11111010", "21 00100001", "3d 00111101"]);
  await page.locator(".octet", { hasText: "85" }).first().hover();
  assert.match((await page.locator(".fields tr.chosen").innerText()) ?? "", /^MASK/);
  assert.match(await fieldRow(page, "opcode").innerText(), /0001\s+text\s+RFC 6455 §5\.2/);
  await page.context().close();
});

test("a payload is shown as it was on the wire, unmasked, as text and as hex", async () => {
  const page = await newPage(browser);
  await paste(page, "81 85 37 fa 21 3d 7f 9f 4d 51 58");
  assert.equal(await page.locator(".payload-text").innerText(), "Hello");
  await page.locator(".choice").getByText("On the wire", { exact: true }).click();
  const hex = page.getByRole("group", { name: "Payload as hex" });
  await hex.getByText("7f").waitFor();
  await page.getByText("Unmasked", { exact: true }).click();
  await hex.getByText("48").waitFor();
  assert.match((await hex.innerText()).replaceAll(/\s+/g, " "), /48 65 6c 6c 6f .*Hello/);
  await page.context().close();
});

test("JSON is shown as a tree, and a message of several frames is put together", async () => {
  const page = await newPage(browser);
  await openSample(page, "A greeting, a JSON message, and goodbye");
  await page.locator("#records .record", { hasText: "order" }).click();
  await page.locator(".json").getByText("items:").waitFor();
  assert.match(await page.locator(".json").innerText(), /items: \[ 1 item \]/);

  await openSample(page, "A message in three frames, with a ping between them");
  await page.locator("#records .record", { hasText: "in three" }).first().click();
  await page.getByText("Text, whole, 27 B, in 3 frames").waitFor();
  await page.getByText("Whole message", { exact: true }).click();
  await page.locator(".payload-text", { hasText: "One message in three frames" }).waitFor();
  await page.getByRole("list", { name: "Its frames" }).getByRole("button", { name: "record 6" }).click();
  await page.getByRole("heading", { name: /Record 6/ }).waitFor();
  await page.context().close();
});

test("a ping leads to its pong", async () => {
  const page = await newPage(browser);
  await openSample(page, "Pings and their pongs");
  await page.locator("#records .record", { hasText: "are you there?" }).first().click();
  await page.locator(".detail").getByText("answered by").waitFor();
  await page.locator(".detail").getByRole("button", { name: "record 3" }).click();
  await page.getByRole("heading", { name: /Record 3: pong/ }).waitFor();
  await page.context().close();
});

test("the list is filtered by kind, direction, size, text and faults", async () => {
  const page = await newPage(browser);
  const conversation = [
    ...HANDSHAKE,
    client(0x81, "needle"),
    server(0x81, "hay NEEDLE hay"),
    server(0x82, Buffer.alloc(1000)),
    client(0x89, "x"),
    client(0x83, "bad"),
  ];
  await openFile(page, "mixed.jsonl", recorded(conversation));
  const kind = (name: string) => page.locator(".filters label.kind", { hasText: name });
  await kind("text").click();
  await waitForCount(page, "2 of 7");
  await page.getByRole("combobox", { name: "Direction" }).selectOption("toClient");
  await waitForCount(page, "1 of 7");
  await waitForRows(page, [/^← text hay NEEDLE hay$/]);
  await page.getByRole("button", { name: "Show all" }).click();
  await waitForCount(page, "7 of 7");
  await page.getByLabel("Search payloads").fill("needle");
  await waitForCount(page, "2 of 7");
  await page.getByLabel("Search payloads").fill("");
  await unfold(page, "Size");
  await page.getByLabel("Size from, in bytes").fill("500");
  await waitForCount(page, "1 of 7");
  await page.getByRole("button", { name: "Show all" }).click();
  await page.getByLabel("Size to, in bytes").fill("1");
  await waitForCount(page, "1 of 7");
  await waitForRows(page, [/^→ ping x$/]);
  await page.getByRole("button", { name: "Show all" }).click();
  await kind("problems").click();
  await waitForCount(page, "1 of 7");
  await waitForRows(page, [/→ reserved bad/]);
  await page.context().close();
});

test("keys alone lead through tabs and records", async () => {
  const page = await newPage(browser);
  await openSample(page, "Pings and their pongs");
  await page.locator("#records").focus();
  await page.keyboard.press("End");
  await page.getByRole("heading", { name: /Record 9: close/ }).waitFor();
  await page.keyboard.press("ArrowUp");
  await page.getByRole("heading", { name: /Record 8: close/ }).waitFor();
  assert.equal(await page.locator("#records").getAttribute("aria-activedescendant"), "record-8");
  await page.locator("#tab-frames").focus();
  await page.keyboard.press("ArrowRight");
  await page.getByRole("heading", { name: "The client asks" }).first().waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "tab-handshake");
  await page.context().close();
});

test("the handshake is explained line by line, with a verdict for each check", async () => {
  const page = await newPage(browser);
  await openSample(page, "The server's accept is that of another key");
  await showTab(page, "handshake");
  const line = page.locator(".head > li", { hasText: "Sec-WebSocket-Accept:" });
  assert.match(await line.innerText(), /SHA-1.*✗ .*AcceptWrong.*RFC 6455 §4\.1/s);
  const key = page.locator(".head > li", { hasText: "Sec-WebSocket-Key:" });
  assert.match(await key.innerText(), /16 random bytes/);
  const passed = page.locator(".half").first().locator(".passed");
  assert.match(await passed.innerText(), /^✓ \d+ checks passed$/);
  await passed.locator("summary").click();
  assert.match(await passed.innerText(), /✓ Sec-WebSocket-Key/);
  await page.context().close();
});

test("problems name the rule, its section and the close code, and lead to the record", async () => {
  const page = await newPage(browser);
  await openSample(page, "Text that is not UTF-8");
  await showTab(page, "problems");
  const row = page.locator(".problems li").first();
  assert.match(
    await row.innerText(),
    /^✗ The text is not UTF-8\. An endpoint closes the connection with 1007\.\s+In record 2, at byte \d+\. TextNotUtf8, RFC 6455 §8\.1/,
  );
  assert.equal(await row.getByRole("link").getAttribute("href"), "https://www.rfc-editor.org/rfc/rfc6455#section-8.1");
  await row.getByRole("button", { name: "record 2" }).click();
  await page.getByRole("heading", { name: /Record 2: text/ }).waitFor();
  await page.context().close();
});

test("messages are listed with what compression saved, and statistics have their plots", async () => {
  const page = await newPage(browser);
  await openSample(page, "Compressed: the examples of RFC 7692 §7.2.3");
  await showTab(page, "messages");
  const second = page.locator(".messages .record", { hasText: "Hello" }).nth(1);
  assert.match((await second.innerText()).replaceAll(/\s+/g, " "), /← text 5 B 140 % 1 frame whole Hello/);
  await showTab(page, "statistics");
  await page.getByRole("img", { name: /^Payload sizes: 5 values from 3 B to 7 B/ }).waitFor();
  await page.getByRole("img", { name: /^Compression: 4 values/ }).waitFor();
  await openSample(page, "Pings and their pongs");
  await showTab(page, "statistics");
  await page.getByRole("img", { name: /^From ping to pong: 2 values/ }).waitFor();
  assert.match((await page.locator("table.numbers").innerText()).replaceAll(/\s+/g, " "), /ping → 2 2 B 12 B/);
  await page.context().close();
});

test("the timeline shows both directions, marks what is not allowed, and leads to it", async () => {
  const page = await newPage(browser);
  await openSample(page, "Text that is not UTF-8");
  await page.getByRole("img", { name: /^Timeline: 4 records, .* 1 problem$/ }).waitFor();
  const faulty = page.locator(".bin", { has: page.locator(".fault") });
  await faulty.click();
  await page.getByRole("heading", { name: /Record 2: text/ }).waitFor();
  await page.context().close();
});

test("the action loop is played call by call, and a message goes from one end to the other", async () => {
  const page = await newPage(browser);
  await showTab(page, "loop");
  const ends = { client: page.locator(".end").first(), server: page.locator(".end").last() };
  await page.getByRole("form", { name: "Send from the client" }).getByLabel("Fragments").fill("2");
  await ends.client.getByRole("button", { name: "send" }).click();
  assert.equal(await ends.client.locator(".queue li").count(), 2);
  await ends.client.getByRole("button", { name: "getAction" }).click();
  await ends.client.getByText("SendToNetwork: Utf8Fragment").waitFor();
  await ends.client.getByRole("button", { name: "completeAction" }).click();
  await page.getByLabel("→ to the server, 9 bytes").waitFor();
  await ends.server.getByRole("button", { name: "receive" }).click();
  await ends.server.getByRole("button", { name: "getAction" }).click();
  await ends.server.getByText("ReceiveFromNetwork").waitFor();
  await ends.server.getByRole("button", { name: "completeAction" }).click();
  await page.getByRole("button", { name: "Next call" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  await ends.server.locator(".told li").nth(1).waitFor();
  assert.deepEqual(await ends.server.locator(".told li").allInnerTexts(), ["Utf8Fragment: “Hel”", "Utf8Message: “lo”"]);
  await page.getByRole("button", { name: "Inspect what went over the wire" }).click();
  await waitForRows(page, [/^→ text Hel$/, /^→ continuation lo$/]);
  await page.context().close();
});

test("a ping is answered by the other end itself", async () => {
  const page = await newPage(browser);
  await showTab(page, "loop");
  const form = page.getByRole("form", { name: "Send from the server" });
  await form.getByLabel("What").selectOption("PingPong");
  await form.getByRole("button", { name: "send" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".end").last().locator(".told li").waitFor();
  assert.deepEqual(await page.locator(".end").last().locator(".told li").allInnerTexts(), ["PingPong: “Hello”"]);
  await page.context().close();
});

test("bytes that are broken on the wire are a violation, which the other end closes for", async () => {
  const page = await newPage(browser);
  await showTab(page, "loop");
  await page.getByRole("form", { name: "Send from the client" }).getByRole("button", { name: "send" }).click();
  await page.getByRole("button", { name: "Next call" }).click();
  await page.getByRole("button", { name: "Next call" }).click();
  await page.getByLabel("Break it").first().selectOption("Take the mask bit away");
  await page.getByRole("button", { name: "Run" }).click();
  const end = page.locator(".end").last();
  await end.getByText("The peer broke the protocol").waitFor();
  await end.getByRole("button", { name: "send a close with 1002" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  await page.locator(".end").first().getByText("Close 1002").waitFor();
  await page.context().close();
});

test("filters are in one row from 900 px on, and a name that is too long for its place is cut there", async () => {
  const page = await newPage(browser, { viewport: { width: 900, height: 800 } });
  await openSample(page, "A message in three frames, with a ping between them");
  const height = async () => (await page.locator(".filters").boundingBox())?.height ?? 99;
  assert.ok((await height()) < 40);
  await page.getByLabel("Search payloads").fill("frames");
  await page.getByRole("button", { name: "Show all" }).waitFor();
  assert.ok((await height()) < 40, "with the button that ends the filter");
  const bottom = async (selector: string) => {
    const { y = 0, height = 0 } = (await page.locator(selector).boundingBox()) ?? {};
    return y + height;
  };
  for (const pane of ["#records", ".detail"]) assert.ok((await bottom(pane)) <= 800, `${pane} ends in the window`);
  await page.context().close();
});

test("the first row is near the top, rows are short, and the divider moves by keys and by the pointer", async () => {
  const page = await newPage(browser, { viewport: { width: 1440, height: 900 } });
  await openSample(page, "A greeting, a JSON message, and goodbye");
  const row = await page.locator("#records .record").nth(1).boundingBox();
  assert.ok((row?.y ?? 999) <= 200, `the first row is at ${row?.y}`);
  assert.equal(row?.height, 22);
  const width = async () => (await page.locator("#records").boundingBox())?.width ?? 0;
  const before = await width();
  await page.getByRole("separator").focus();
  await page.keyboard.press("ArrowLeft");
  assert.ok((await width()) < before);
  const divider = await page.getByRole("separator").boundingBox();
  const [x, y] = [(divider?.x ?? 0) + 2, (divider?.y ?? 0) + 100];
  const byKeys = await width();
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x + 150, y, { steps: 3 });
  await page.mouse.up();
  assert.ok(Math.abs((await width()) - byKeys - 150) < 12, "the divider follows the pointer");
  await page.setViewportSize({ width: 899, height: 900 });
  const [list, detail] = [await page.locator("#records").boundingBox(), await page.locator(".detail").boundingBox()];
  assert.ok((detail?.y ?? 0) > (list?.y ?? 0) + (list?.height ?? 0) - 1, "one is above the other");
  await page.context().close();
});

test("what is opened has the focus, and the detail is never that of a record that is filtered out", async () => {
  const page = await newPage(browser);
  await openSample(page, "Pings and their pongs");
  await page.waitForFunction(() => document.activeElement?.id === "records");
  await page.locator(".filters label.kind", { hasText: "close" }).click();
  await page.getByRole("heading", { name: /Record 8: close/ }).waitFor();
  await page.getByLabel("Search payloads").fill("nothing has this");
  await page.getByText("No record passes the filter.").waitFor();
  assert.equal(await page.locator(".filters label.kind", { hasText: "binary" }).count(), 0, "only kinds that occur");
  assert.match(await page.locator(".filters label.kind", { hasText: "ping" }).innerText(), /ping 3/);
  await page.context().close();
});

test("a cut frame has the bytes that came, and says what its header announces", async () => {
  const page = await newPage(browser);
  const [, whole] = server(0x81, "x".repeat(100));
  await openFile(page, "cut.jsonl", recorded([...HANDSHAKE, ["server", whole.subarray(0, 53)]]));
  await page.locator("#records .record", { hasText: "cut" }).click();
  await page.getByText("Its header announces 49 B more, which did not come.").waitFor();
  assert.equal(await page.getByText(/^and .* more$/).count(), 0);
  await page.context().close();
});

test("secrets of the handshake are masked until they are asked for", async () => {
  const page = await newPage(browser);
  const request = "GET /?key=abcdef HTTP/1.1\r\nHost: a\r\nCookie: id=12345\r\n\r\n";
  await openFile(page, "secret.jsonl", recorded([["client", Buffer.from(request)]]));
  await showTab(page, "handshake");
  const line = page.locator(".head > li", { hasText: "Cookie:" });
  assert.match(await line.innerText(), /Cookie: id=\*{5}/);
  await line.getByRole("button", { name: "Show secret" }).click();
  assert.match(await line.innerText(), /Cookie: id=12345/);
  assert.match(await page.locator(".head > li").first().innerText(), /key=\*{6}/);
  await page.context().close();
});

test("records of one instant each have their place in the timeline", async () => {
  const page = await newPage(browser);
  const lines = recorded([...HANDSHAKE, client(0x81, "a"), client(0x82, "b"), client(0x89, "c")]).toString();
  await openFile(page, "instant.jsonl", Buffer.from(lines.replaceAll(/"time":\d+/g, '"time":1767225600000')));
  await page.getByRole("img", { name: /^Timeline: 5 records, without times/ }).waitFor();
  assert.equal(await page.locator(".timeline .bar").count(), 5);
  await page.context().close();
});

test("payloads are shown by their own formats, where the handshake or the bytes say so", async () => {
  const packed = Buffer.from("82a46e616d65a3746561a5636f756e7402", "hex");
  const proto = Buffer.from("089601120774657374696e67", "hex");
  const mqtt = Buffer.concat([Buffer.from("300b0005", "hex"), Buffer.from("topic"), Buffer.from("21.5")]);
  const agreed = (name: string) =>
    [
      HANDSHAKE[0],
      [
        "server",
        Buffer.from(
          HANDSHAKE[1]?.[1].toString().replace(/\r\n\r\n$/, `\r\nSec-WebSocket-Protocol: ${name}\r\n\r\n`) ?? "",
        ),
      ],
    ] as Sent[];
  const path = [
    ["client", Buffer.from(HANDSHAKE[0]?.[1].toString().replace("/chat", "/socket.io/?EIO=4") ?? "")],
    HANDSHAKE[1],
  ] as Sent[];
  for (const [name, head, frame, shown] of [
    ["msgpack", [...HANDSHAKE], client(0x82, packed), /MessagePack.*name: "tea".*count: 2/s],
    ["protobuf", agreed("protobuf"), client(0x82, proto), /Protobuf.*1: 150.*2: "testing"/s],
    ["socketio", path, client(0x81, '42["chat",{"a":1}]'), /Socket\.IO.*event “chat”.*data.*0: "chat"/s],
    [
      "graphql",
      agreed("graphql-transport-ws"),
      client(0x81, '{"id":"1","type":"next","payload":{"data":{"a":7}}}'),
      /GraphQL-WS next \(1\): a result.*a: 7/s,
    ],
    [
      "stomp",
      agreed("v12.stomp"),
      server(0x81, 'MESSAGE\ndestination:/topic/a\n\n{"b":8}\0'),
      /STOMP MESSAGE \/topic\/a.*b: 8/s,
    ],
    ["mqtt", agreed("mqtt"), client(0x82, mqtt), /MQTT PUBLISH topic.*payload: 21\.5/s],
  ] as const) {
    const page = await newPage(browser);
    await openFile(page, `${name}.jsonl`, recorded([...head, frame]));
    await page.locator("#records").press("End");
    await page.getByRole("heading", { name: /Record 2/ }).waitFor();
    if (name === "msgpack") await page.getByText("Decoded", { exact: true }).click();
    await page.locator(".reading").waitFor();
    await page.locator(".json").waitFor();
    const text = (await page.locator(".detail").innerText()).replaceAll(/\s+/g, " ");
    assert.match(text, shown, `${name}: ${text}`);
    await page.context().close();
  }
});
