// Our WebSocket where a program asks for the DOM's; it is checked, not run.
import { WebSocket } from "websocket-component";

export const socket: WebSocket = new WebSocket("wss://example.com");
export const dom: globalThis.WebSocket = socket;
export const typed: globalThis.WebSocket = new WebSocket<"arraybuffer">("wss://example.com");
export const classes: Pick<typeof globalThis.WebSocket, "CONNECTING" | "OPEN" | "CLOSING" | "CLOSED"> = WebSocket;

// as libraries that reconnect do: they are given a class
export class Client {
  readonly #make: new (
    url: string,
  ) => globalThis.WebSocket;

  constructor(make: new (url: string) => globalThis.WebSocket) {
    this.#make = make;
  }

  open(): globalThis.WebSocket {
    const one = new this.#make("wss://example.com");
    one.binaryType = "arraybuffer";
    one.onmessage = ({ data }: MessageEvent) => one.send(data);
    one.onerror = (event: Event) => console.log(event.type);
    one.onclose = (event: CloseEvent) => console.log(event.code);
    one.addEventListener("message", ({ data }) => console.log(data), { once: true });
    return one;
  }
}
export const client = new Client(WebSocket);
