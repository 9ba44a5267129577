// Contenders in turns, so that whatever else the machine does hits all of them: A B C, A B C, …; a ratio is made of
// two neighbours.

/**
 * @param contenders by name: `() => number`, one turn's figure (the more the better), or a promise of it; the first name
 *   is ours
 * @returns the figures of each name, round by round; the first round, which is for the compilers, is not among them
 */
export async function inTurns(contenders, rounds) {
  const figures = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, turn] of Object.entries(contenders)) {
      const figure = await turn();
      if (round >= 0) figures[name].push(figure);
    }
  }
  return figures;
}

/** How often in a second `work`, which does `count` things, gets them done; what `prepare` makes for it is not counted. */
export function rate(milliseconds, count, prepare, work) {
  let busy = 0;
  let done = 0;
  while (busy < milliseconds) {
    const prepared = prepare();
    const start = performance.now();
    work(prepared);
    busy += performance.now() - start;
    done += count;
  }
  return (done / busy) * 1000;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median, least and greatest of the ratios of neighbours. */
export function ratios(ours, theirs) {
  const all = ours.map((figure, round) => figure / theirs[round]);
  return { median: median(all), least: Math.min(...all), greatest: Math.max(...all) };
}
