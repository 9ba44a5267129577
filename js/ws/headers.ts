/**
 * The fields `Sec-WebSocket-Protocol` and `Sec-WebSocket-Extensions` (RFC 6455 §9.1, §11.3), for those who read them on
 * their own.
 *
 * @module
 */

/** Parameters of one extension, and their values in order; `true` for one without a value. */
export interface ExtensionParameters {
  [name: string]: (string | true)[];
}

/** Extensions by name, with the parameters of each time that they are given. */
export interface Extensions {
  [name: string]: ExtensionParameters[];
}

/** A parameter's value to write; `true` for none. */
export type ParameterValue = string | number | true;

/** Parameters of one extension to write; a list gives a parameter once for each value. */
export interface ParametersToFormat {
  [name: string]: ParameterValue | ParameterValue[];
}

const TOKEN = /[!#$%&'*+\-.^_`|~\w]+/y;
const BLANKS = /[ \t]*/y;
const QUOTED = /"((?:\\?[!#$%&'*+\-.^_`|~\w])+)"/y;

/** Reads a field's value from the left. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next match of a sticky expression, if it stands here. */
  take(expression: RegExp): string | undefined {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text);
    if (match === null) return undefined;
    this.#at = expression.lastIndex;
    return match[1] ?? match[0];
  }

  /** Whether this character stands here, which is passed then; blanks around it too. */
  has(character: string): boolean {
    this.take(BLANKS);
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    this.take(BLANKS);
    return true;
  }

  token(): string {
    return this.take(TOKEN) ?? this.fail();
  }

  end(): void {
    if (this.#at < this.#text.length) this.fail();
  }

  fail(): never {
    throw new SyntaxError(
      this.#at < this.#text.length ? `Unexpected character at index ${this.#at}` : "Unexpected end of input",
    );
  }
}

/** The field `Sec-WebSocket-Protocol`. */
export const subprotocol = {
  /**
   * The subprotocols of a list, in its order.
   *
   * @throws SyntaxError if it is malformed, or has one twice
   */
  parse(header: string): Set<string> {
    const reader = new Reader(header);
    const protocols = new Set<string>();
    do {
      const protocol = reader.token();
      if (protocols.has(protocol)) throw new SyntaxError(`The "${protocol}" subprotocol is duplicated`);
      protocols.add(protocol);
    } while (reader.has(","));
    reader.end();
    return protocols;
  },
};

/** The field `Sec-WebSocket-Extensions`. */
export const extension = {
  /**
   * The extensions of a list.
   *
   * @throws SyntaxError if it is malformed
   */
  parse(header: string): Extensions {
    const reader = new Reader(header);
    const extensions: Extensions = Object.create(null);
    do {
      const name = reader.token();
      const parameters: ExtensionParameters = Object.create(null);
      while (reader.has(";")) {
        const parameter = reader.token();
        const value = reader.has("=") ? (reader.take(QUOTED)?.replaceAll("\\", "") ?? reader.token()) : true;
        add(parameters, parameter, value);
      }
      add(extensions, name, parameters);
    } while (reader.has(","));
    reader.end();
    return extensions;
  },

  /** The same as text; lists of one may stand for themselves. */
  format(extensions: { [name: string]: ParametersToFormat | ParametersToFormat[] }): string {
    return Object.entries(extensions)
      .flatMap(([name, given]) => listOf(given).map((parameters) => [name, ...formatted(parameters)].join("; ")))
      .join(", ");
  },
};

/** Appends to the list of this name. A copy for each would take a stranger's long list quadratic time. */
function add<T>(lists: { [name: string]: T[] }, name: string, value: T): void {
  const list = lists[name];
  if (list === undefined) lists[name] = [value];
  else list.push(value);
}

function formatted(parameters: ParametersToFormat): string[] {
  return Object.entries(parameters).flatMap(([name, values]) =>
    listOf(values).map((value) => (value === true ? name : `${name}=${value}`)),
  );
}

function listOf<T>(given: T | T[]): T[] {
  return Array.isArray(given) ? given : [given];
}
