/**
 * How often the 95 % intervals that reports print hold the truth, by
 * simulation, for as few observations as experiments have; beside them the
 * percentile bootstrap of the mean, which reports do not print because of it.
 *
 * Run: npm run bench -- coverage [--simulations=20000] [--resamples=1000]
 */
import { newcombeInterval, wilsonInterval } from '../src/analysis/statistics/proportions.ts';
import { tInterval } from '../src/analysis/statistics/student.ts';
import type { Interval } from '../src/analysis/statistics/summary.ts';
import { type RandomStream, randomStream } from '../src/core/random.ts';

function option(name: string, usual: number): number {
  const word = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  return word === undefined ? usual : Number(word.slice(name.length + 3));
}
const [simulations, resamples] = [option('simulations', 20_000), option('resamples', 1_000)];
const few = [2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Distributions of one seed's difference, or one item's score, with their means. */
const shapes: Record<string, { readonly mean: number; draw(random: RandomStream): number }> = {
  normal: { mean: 0, draw: (random) => random.normal() },
  'skewed (exponential)': { mean: 1, draw: (random) => -Math.log(1 - random.next()) },
  // What gains look like when most seeds come out alike: in steps, and often none.
  'discrete (0, 0, 1, 3 steps)': { mean: 1, draw: (random) => random.pick([0, 0, 1, 3]) },
};

/** Share of `count` simulated intervals that hold the truth. */
function coverage(count: number, hold: (i: number) => boolean): number {
  let held = 0;
  for (let i = 0; i < count; i += 1) held += Number(hold(i));
  return held / count;
}

const holds = ({ low, high }: Interval, truth: number) => low - 1e-12 <= truth && truth <= high + 1e-12;
const draws = (n: number, draw: () => number) => Array.from({ length: n }, draw);

function bootstrapInterval(values: readonly number[], random: RandomStream): Interval {
  const means = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i += 1) sum += values[random.int(values.length)]!;
    return sum / values.length;
  }).sort();
  const at = (share: number) => means[Math.round(share * (resamples - 1))]!;
  return { low: at(0.025), high: at(0.975) };
}

/** One line of percentages, one a column, and the largest standard error among them. */
function row(name: string, count: number, shares: readonly number[]): void {
  const error = Math.max(...shares.map((share) => Math.sqrt((share * (1 - share)) / count)));
  const cells = shares.map((share) => (100 * share).toFixed(1).padStart(6)).join('');
  console.log(`  ${name.padEnd(36)}${cells}   ±${(196 * error).toFixed(1)} (${count.toLocaleString('en')})`);
}
const head = (title: string, columns: readonly number[]) =>
  console.log(`\n${title.padEnd(38)}${columns.map((n) => `n=${n}`.padStart(6)).join('')}   ± 95 % (simulations)`);

head('mean: t-interval (printed from 4 on)', few);
for (const [name, { mean, draw }] of Object.entries(shapes)) {
  const shares = few.map((n) => {
    const random = randomStream(1859, 'coverage', 't', name, n);
    return coverage(simulations, () => holds(tInterval(draws(n, () => draw(random))), mean));
  });
  row(name, simulations, shares);
}

head('mean: percentile bootstrap (not used)', few);
const fewer = Math.ceil(simulations / 5);
for (const [name, { mean, draw }] of Object.entries(shapes)) {
  const shares = few.map((n) => {
    const random = randomStream(1859, 'coverage', 'bootstrap', name, n);
    return coverage(fewer, () =>
      holds(
        bootstrapInterval(
          draws(n, () => draw(random)),
          random,
        ),
        mean,
      ),
    );
  });
  row(name, fewer, shares);
}

const items = [...few, 20, 50, 100];
head('items right: Wilson', items);
for (const p of [0.05, 0.2, 0.5, 0.9]) {
  const shares = items.map((n) => {
    const random = randomStream(1859, 'coverage', 'wilson', `${p}`, n);
    const right = () => draws(n, () => Number(random.next() < p)).reduce((a, b) => a + b, 0);
    return coverage(simulations, () => holds(wilsonInterval(right(), n), p));
  });
  row(`true share ${p}`, simulations, shares);
}

head('items of two agents: paired Newcombe', items);
/** Chances that both are right, only the first, only the second. */
for (const [both, first, second] of [
  [0.4, 0.1, 0.1],
  [0.3, 0.3, 0.1],
  [0.7, 0.2, 0.05],
  [0.02, 0.05, 0.03],
] as const) {
  const shares = items.map((n) => {
    const random = randomStream(1859, 'coverage', 'newcombe', `${both} ${first} ${second}`, n);
    return coverage(simulations, () => {
      const counts = { both: 0, first: 0, second: 0, neither: 0 };
      for (let i = 0; i < n; i += 1) {
        const u = random.next();
        counts[u < both ? 'both' : u < both + first ? 'first' : u < both + first + second ? 'second' : 'neither'] += 1;
      }
      return holds(newcombeInterval(counts), first - second);
    });
  });
  row(`both ${both}, one only ${first} and ${second}`, simulations, shares);
}
