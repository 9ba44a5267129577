/**
 * Several who look at one object, by one hook on it: they leave in any order, and leave nothing behind.
 *
 * @module
 */

interface Hooked<T> {
  readonly looks: Set<T>;
  readonly unhook: () => void;
}

/** Those of all objects that are looked at in one way. */
export class Lookers<T> {
  readonly #hooked = new WeakMap<object, Hooked<T>>();

  /**
   * One more looks at an object. Returns a function that ends that.
   *
   * @param hook puts the hook on, for those who look at the time; returns a function that takes it off
   */
  add(target: object, look: T, hook: (looks: ReadonlySet<T>) => () => void): () => void {
    const { looks, unhook } = this.#hooked.get(target) ?? this.#hook(target, hook);
    looks.add(look);
    return () => {
      if (!looks.delete(look) || looks.size > 0) return;
      this.#hooked.delete(target);
      unhook();
    };
  }

  #hook(target: object, hook: (looks: ReadonlySet<T>) => () => void): Hooked<T> {
    const looks = new Set<T>();
    const hooked = { looks, unhook: hook(looks) };
    this.#hooked.set(target, hooked);
    return hooked;
  }
}
