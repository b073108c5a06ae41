import { setImmediate as nextTurn } from 'node:timers/promises';

/** How fast a piece of work was, by the clock and by this process's own processor time: the second is steady on a busy machine. */
export interface Speed {
  readonly perSecond: number;
  readonly perCpuSecond: number;
  readonly ms: number;
}

export async function speedOf(count: number, work: () => unknown): Promise<Speed> {
  globalThis.gc?.();
  const cpuFrom = process.cpuUsage();
  const from = performance.now();
  await work();
  const ms = performance.now() - from;
  const { user, system } = process.cpuUsage(cpuFrom);
  return { ms, perSecond: (count * 1_000) / ms, perCpuSecond: (count * 1_000_000) / (user + system) };
}

const number = (value: number) => Math.round(value).toLocaleString('en');

/** Says whether a figure is what it is meant to be on an idle machine; a busy one reaches less, and its processor time is what tells. */
export function goal(
  what: string,
  value: number,
  unit: string,
  { atLeast, atMost }: { atLeast?: number; atMost?: number },
) {
  const isReached = value >= (atLeast ?? Number.NEGATIVE_INFINITY) && value <= (atMost ?? Number.POSITIVE_INFINITY);
  const bound = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast.toLocaleString('en')}`;
  const shown = Math.abs(value) < 100 ? value.toFixed(2) : number(value);
  console.log(`goal  ${what}: ${bound} ${unit}, is ${shown}: ${isReached ? 'reached' : 'not reached'}`);
}

/** The first is the baseline of the ratios. */
export function report(title: string, speeds: Readonly<Record<string, Speed>>): void {
  const [baseline] = Object.values(speeds);
  console.log(`${title.padEnd(46)} ${'per second'.padStart(13)}  ratio ${'per CPU second'.padStart(16)}  ratio`);
  for (const [name, speed] of Object.entries(speeds)) {
    const columns = (['perSecond', 'perCpuSecond'] as const).map((unit) => {
      const ratio = speed[unit] / baseline![unit];
      return `${number(speed[unit]).padStart(14)}  ${ratio.toFixed(2).padStart(5)}`;
    });
    console.log(`  ${name.padEnd(44)}${columns.join('  ')}`);
  }
}

/** Milliseconds of the work at the middle of so many repetitions. */
export function medianMs(repetitions: number, work: (i: number) => unknown): number {
  const times = Array.from({ length: repetitions }, (_, i) => {
    const from = performance.now();
    work(i);
    return performance.now() - from;
  });
  return times.sort((a, b) => a - b)[repetitions >> 1]!;
}

/** Keeps so many calls under way until `count` are done. */
export async function inFlight(width: number, count: number, go: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await go(next - 1);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
}

export interface Pauses {
  /** The longest time between two turns of the event loop in which a reader read. */
  readonly readerMs: number;
  /** The longest append. */
  readonly writerMs: number;
  readonly writes: number;
}

/** Reads in every turn of the event loop and writes without a pause while the work goes on. */
export async function pausesDuring(
  work: () => Promise<unknown>,
  read: () => unknown,
  write: (i: number) => Promise<unknown>,
): Promise<Pauses> {
  let [readerMs, writerMs, writes] = [0, 0, 0];
  let isOver = false;
  let last = performance.now();
  const turn = () => {
    read();
    const now = performance.now();
    readerMs = Math.max(readerMs, now - last);
    last = now;
    if (!isOver) setImmediate(turn);
  };
  const writing = (async () => {
    for (; !isOver; writes += 1) {
      const from = performance.now();
      await write(writes);
      writerMs = Math.max(writerMs, performance.now() - from);
      // An append in memory is done within the same turn; a loop of them would leave nobody else one.
      await nextTurn();
    }
  })();
  setImmediate(turn);
  await work();
  isOver = true;
  await writing;
  return { readerMs, writerMs, writes };
}
