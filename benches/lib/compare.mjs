// Contenders in turns, so that whatever else the machine does hits all of them: A B C, A B C, …; a ratio is made of
// two neighbours. No garbage is collected between them: that would be fairer to those who leave much, but it shrinks
// the young generation, and for tens of milliseconds everything that allocates is slower than it ever is in a program.

/**
 * @param contenders by name: a function that runs one turn of that many milliseconds, and returns its figure or a
 *   promise of it
 * @returns the figures of each name, round by round; a first round, which is for the compilers, is not among them
 */
export async function inTurns(contenders, { rounds, milliseconds, warmUp }) {
  const figures = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (const turn of Object.values(contenders)) await turn(warmUp);
  for (let round = 0; round < rounds; round++) {
    for (const [name, turn] of Object.entries(contenders)) {
      figures[name].push(await turn(milliseconds));
    }
  }
  return figures;
}

/** How often a contender had its turn, for the reader of the figures. */
export function turnsText({ rounds, milliseconds }) {
  return `${rounds} turns of ${milliseconds} ms of each contender for each figure.`;
}

/** The same, where each turn is a process of its own. */
export function processesText(rounds) {
  return `${rounds === 1 ? "One process" : `${rounds} processes`} of each contender, in turns.`;
}

/** What turns that gave several figures each gave, figure by figure. */
export function byFigure(turns) {
  const measures = {};
  for (const [name, all] of Object.entries(turns)) {
    for (const measure of Object.keys(all[0] ?? {})) {
      measures[measure] ??= {};
      measures[measure][name] = all.map((one) => one[measure]);
    }
  }
  return measures;
}

const PATIENCE = 3;

/**
 * How often in a second `work`, which does `count` things, gets them done; what `prepare` makes for it is not counted.
 * The second is one of processor time, of all threads: by the clock, whatever else the machine does would count too. By
 * the clock it takes no more than `PATIENCE` times as long.
 */
export function rate(milliseconds, count, prepare, work) {
  let busy = 0;
  let done = 0;
  const end = performance.now() + milliseconds * PATIENCE;
  while (busy < milliseconds * 1000 && (done === 0 || performance.now() < end)) {
    const prepared = prepare();
    const before = cpuMicroseconds();
    work(prepared);
    busy += cpuMicroseconds() - before;
    done += count;
  }
  return (done / busy) * 1e6;
}

function cpuMicroseconds() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The median, the least and the greatest of figures. */
export function spread(figures) {
  const sorted = figures.toSorted((one, other) => one - other);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, least: sorted[0], greatest: sorted.at(-1) };
}

/** The same of the ratios of neighbours. */
export function ratios(ours, theirs) {
  return spread(ours.map((figure, round) => figure / theirs[round]));
}
