// What is sent: the same in every run.
const WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november".split(" ");

/** `count` different messages of `size` bytes: JSON that compresses as such data does, or noise that does not. */
export function messages(kind, size, count) {
  const next = random(size);
  return Array.from({ length: count }, () => (kind === "JSON" ? json(size, next) : noise(size, next)));
}

function json(size, next) {
  const word = () => WORDS[next() % WORDS.length];
  let text = "[";
  while (text.length < size) {
    const place = { lat: (next() % 180_000) / 1000, lon: (next() % 360_000) / 1000 };
    text += `${JSON.stringify({ id: next(), user: word(), tags: [word(), word()], active: next() % 2 === 0, place })},`;
  }
  return Buffer.from(text.slice(0, size));
}

function noise(size, next) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) bytes[at] = next() >>> 8;
  return bytes;
}

/** Xorshift, so that no run differs from another by its data. */
export function random(seed) {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
