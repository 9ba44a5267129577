/**
 * First in, first out.
 *
 * @module
 */

/** Places that may be empty before the others move up. */
const EMPTY = 1024;

/**
 * A queue whose `shift` costs the same however long it is. That of an array moves all of the others up: for a peer that
 * lets ten thousands wait and then reads, quadratic time.
 */
export class Queue<T extends object> {
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  /** The one that comes next. */
  get first(): T | undefined {
    return this.#items[this.#first];
  }

  /** The one that was put last, unless it was taken. */
  get last(): T | undefined {
    return this.#items.at(-1);
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the one that was put first. */
  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.length === 0) this.#items.length = 0;
    else if (this.#first < EMPTY || 2 * this.#first < this.#items.length) return item;
    else this.#items = this.#items.slice(this.#first);
    this.#first = 0;
    return item;
  }
}
