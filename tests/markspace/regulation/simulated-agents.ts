import type { MarkKind } from '../../../markspace/check.ts';
import { type RandomStream, randomStream } from '../../../src/core/random.ts';

/** One attempt. `isForbidden`: the guard would refuse it for what it is. */
export interface Move {
  readonly kind: MarkKind;
  readonly scope: string;
  readonly size: number;
  readonly isForbidden: boolean;
}

/** What an agent does in a window; `since` counts windows of the attack and is negative before it. */
type Conduct = (window: number, since: number) => readonly Move[];

export interface SimulatedAgent {
  readonly name: string;
  /** Makes one individual. */
  readonly make: (random: RandomStream) => Conduct;
}

const day = { short: 24, long: 288 };

/** Agents that do nothing wrong. */
export const steadyAgents: readonly SimulatedAgent[] = [
  ...[0.2, 1, 3, 10, 30].map((rate) => steady(`Poisson, ${rate} a window`, () => rate)),
  steady('rhythm ±50 %, 24 windows a day', rhythm(0.5, day.short)),
  steady('rhythm ±50 %, 288 windows a day', rhythm(0.5, day.long)),
  steady('works half of a day of 24', (window, phase) => ((window / day.short + phase) % 1 < 0.5 ? 10 : 0)),
  steady('negative binomial, shape 2', (_, __, random) => 5 * (exponential(random) + exponential(random))),
  steady('log-normal rate, σ 0.7', (_, __, random) => 10 * Math.exp(0.7 * random.normal())),
  {
    name: 'four kinds in three scopes, 5 % refused',
    make: (random) => () =>
      movesOf(random, poisson(random, 8), () => ({
        kind: random.pick(['observation', 'observation', 'need', 'intent', 'warning']),
        scope: random.pick(['x', 'y', 'z']),
        isForbidden: random.next() < 0.05,
      })),
  },
];

/** Nothing wrong with these either, but night and day differ by a factor of nine: see the README of the regulation. */
export const steepAgents: readonly SimulatedAgent[] = [
  steady('rhythm ±80 %, 24 windows a day', rhythm(0.8, day.short)),
  steady('rhythm ±80 %, 288 windows a day', rhythm(0.8, day.long)),
];

/** Agents that are ordinary, ten operations a window unless the name says otherwise, until they are not. */
export const attackers: readonly SimulatedAgent[] = [
  turning('burst: four times as much, once', 10, (since) => (since === 0 ? 4 : 1)),
  turning('burst: ten times as much, once', 10, (since) => (since === 0 ? 10 : 1)),
  turning('burst of a quiet agent: one to twelve, once', 1, (since) => (since === 0 ? 12 : 1)),
  turning('step: twice as much from now on', 10, () => 2),
  turning('step: three times as much from now on', 10, () => 3),
  turning('spam: a hundred times as much', 10, () => 100),
  turning('drift: 2 % more every window', 10, (since) => 1.02 ** (since + 1)),
  turning('drift: 0.5 % more every window', 10, (since) => 1.005 ** (since + 1)),
  turning('drift to three times, then no further', 10, (since) => Math.min(3, 1.005 ** (since + 1))),
  changing('spray: the same amount over twenty scopes', (random) => ({ scope: `s${random.int(20)}` })),
  changing('probing: half of the attempts are forbidden', (random) => ({ isForbidden: random.next() < 0.5 })),
  changing('payloads a hundred times as large', () => ({ factor: 100 })),
  changing('take-over: the same amount, all warnings and needs', (random) => ({
    kind: random.pick(['warning', 'need']),
  })),
  changing('take-over by a perfect mimic', () => ({})),
];

function steady(name: string, rateOf: (window: number, phase: number, random: RandomStream) => number): SimulatedAgent {
  return {
    name,
    make: (random) => {
      const phase = random.next();
      return (window) => movesOf(random, poisson(random, rateOf(window, phase, random)));
    },
  };
}

function rhythm(amplitude: number, period: number) {
  return (window: number, phase: number) => 15 * (1 + amplitude * Math.sin(2 * Math.PI * (window / period + phase)));
}

function turning(name: string, rate: number, factorOf: (since: number) => number): SimulatedAgent {
  return {
    name,
    make: (random) => (_, since) => {
      const count = since < 0 ? poisson(random, rate) : poisson(random, rate * factorOf(since));
      return movesOf(random, count);
    },
  };
}

type Change = Partial<Omit<Move, 'size'>> & { readonly factor?: number };

function changing(name: string, change: (random: RandomStream) => Change): SimulatedAgent {
  return {
    name,
    make: (random) => (_, since) => movesOf(random, poisson(random, 10), () => (since < 0 ? {} : change(random))),
  };
}

/** Texts of some five hundred characters, log-normal. */
function movesOf(random: RandomStream, count: number, change: () => Change = () => ({})): readonly Move[] {
  return Array.from({ length: count }, () => {
    const { factor = 1, ...rest } = change();
    const size = Math.round(500 * factor * Math.exp(0.8 * random.normal()));
    return { kind: 'observation', scope: 'x', isForbidden: false, ...rest, size };
  });
}

const exponential = (random: RandomStream) => -Math.log(1 - random.next());

/** Knuth's method in parts of at most 30, so that nothing underflows. */
function poisson(random: RandomStream, mean: number): number {
  if (mean > 30) return poisson(random, 30) + poisson(random, mean - 30);
  let product = random.next();
  let count = 0;
  for (const end = Math.exp(-mean); product > end; count += 1) product *= random.next();
  return count;
}

export function individual(agent: SimulatedAgent, seed: number, i: number): Conduct {
  return agent.make(randomStream(seed, 'simulated-agent', agent.name, i));
}
