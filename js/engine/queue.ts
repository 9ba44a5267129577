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
    const count = this.#first;
    if (count === this.#items.length || (count >= EMPTY && 2 * count >= this.#items.length)) {
      this.#items = this.#items.slice(count);
      this.#first = 0;
    }
    return item;
  }
}
