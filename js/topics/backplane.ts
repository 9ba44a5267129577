/**
 * What carries messages of topics between processes.
 *
 * @module
 */

/** Whether a backplane works. After `"up"` it has renewed its subscriptions, or does so within a second. */
export type BackplaneState = "up" | "down";

/**
 * An engine that carries bytes between processes, such as Redis or NATS. It may lose messages: what is lost is found by
 * its number. It must keep the order of one process's messages of one topic.
 *
 * A backplane belongs to one server, or one `Topics`. `websocket-component/backplane` has some.
 */
export interface Backplane {
  /** The most bytes of one `publish`; no limit by default. */
  readonly maxSize?: number | undefined;
  /**
   * Calls back for each message of a topic from now on. It resolves when that is in force. On the topic of the empty
   * name, processes ask each other what they may have missed.
   */
  subscribe(topic: string, deliver: (bytes: Uint8Array) => void): Promise<void>;
  /** Ends a subscription. */
  unsubscribe(topic: string): Promise<void>;
  /**
   * Sends to all processes that subscribe; whether to this one too is the same. The bytes are not written to again. It
   * resolves when the engine has them: what waits longer counts against a limit.
   */
  publish(topic: string, bytes: Uint8Array): Promise<void>;
  /** Calls back when the engine is lost, and when it is there again; twice for one of them does no harm. */
  onState?(listener: (state: BackplaneState) => void): void;
  /** Calls back for what fails outside of a call, such as a subscription that the engine did not renew. */
  onError?(listener: (topic: string, error: unknown) => void): void;
  /**
   * Frees what the backplane has made itself, such as connections and its listeners on others. The server's `close`
   * waits 2 seconds for it, and rejects with `WS_ERR_BACKPLANE` if it fails or takes longer.
   */
  close?(): Promise<void>;
}

/** What a backplane went through. */
export type BackplaneEvent =
  | {
      /** The engine is lost (`"down"`), or there again (`"up"`). */
      readonly state: BackplaneState;
    }
  | {
      /** Messages of other processes did not arrive. */
      readonly state: "gap";
      /** The topic. */
      readonly topic: string;
      /** How many. */
      readonly missed: number;
    }
  | {
      /** A call failed, or another program writes to the topic's channel. */
      readonly state: "error";
      /** The topic. */
      readonly topic: string;
      /** `WS_ERR_BACKPLANE`; `cause` is the engine's error. */
      readonly error: Error;
    };

/** Gets them. */
export type BackplaneListener = (event: BackplaneEvent) => void;
