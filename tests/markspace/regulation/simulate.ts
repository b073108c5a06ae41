import type { Check, Operation, Verdict } from '../../../markspace/check.ts';
import { createBarriers } from '../../../markspace/regulation/barrier.ts';
import type { EnvelopeConstants } from '../../../markspace/regulation/baseline.ts';
import { createEnvelope } from '../../../markspace/regulation/envelope.ts';
import { aDraft, anOperation, minuteMs, through } from './operations.ts';
import { individual, type Move, type SimulatedAgent } from './simulated-agents.ts';

export interface Simulation {
  readonly seed: number;
  /** Individuals of the kind. */
  readonly agents: number;
  readonly windows: number;
  readonly constants?: Partial<EnvelopeConstants>;
}

export interface Alarms {
  /** Windows in which an agent did anything, and those among them in which it was flagged. */
  readonly windows: number;
  readonly alarms: number;
}

/** Refuses what a simulated agent knows to be forbidden, in the name of the check that would. */
const rights: Check = {
  name: 'scope',
  judge: ({ draft }) =>
    draft.topic === 'forbidden'
      ? { allowed: false, check: 'scope', rule: 'not-authorised', message: '' }
      : { allowed: true, draft, flags: [] },
};

function guard({ constants = {} }: Simulation) {
  let flags = 0;
  const barriers = createBarriers({ covers: () => true });
  const envelope = createEnvelope({
    constants,
    raise(flag) {
      flags += 1;
      barriers.flag(flag);
    },
  });
  const checks = [barriers.check, envelope.check, rights];
  return {
    flags: () => flags,
    attempt: (operation: Operation): Verdict => through(checks, operation),
    /** As an authority would that sees nothing wrong. */
    pardon(agent: string) {
      barriers.lift(barriers.list(), 'anybody');
      envelope.forgive(agent, null, false);
    },
  };
}

function operationsOf(moves: readonly Move[], window: number): readonly Operation[] {
  return moves.map(({ kind, scope, size, isForbidden }, i) => {
    const draft = aDraft(kind, scope, 'a'.repeat(size));
    const atMs = window * minuteMs + Math.floor((i * minuteMs) / moves.length);
    return anOperation('p', atMs, isForbidden ? { ...draft, topic: 'forbidden' } : draft);
  });
}

/** How often steady agents are flagged; after every alarm an authority lets the agent go on. */
export function falseAlarms(kind: SimulatedAgent, simulation: Simulation): Alarms {
  const { seed, agents, windows } = simulation;
  const found = { windows: 0, alarms: 0 };
  for (let i = 0; i < agents; i += 1) {
    const conduct = individual(kind, seed, i);
    const { attempt, flags, pardon } = guard(simulation);
    for (let window = 0; window < windows; window += 1) {
      const moves = conduct(window, -1);
      const before = flags();
      for (const operation of operationsOf(moves, window)) attempt(operation);
      if (moves.length > 0) found.windows += 1;
      if (flags() === before) continue;
      found.alarms += 1;
      pardon('p');
    }
  }
  return found;
}

export interface Detection {
  readonly agents: number;
  /** Of the detected ones: windows from the start of the attack to the flag; 0 is within the first. Sorted. */
  readonly delays: readonly number[];
  /** Of the detected ones, too: operations let through from the start of the attack to the flag. Sorted. */
  readonly letThrough: readonly number[];
  /** Flagged before they attacked; not among the detected. */
  readonly early: number;
}

/** How soon agents are flagged that turn bad at a window. */
export function detection(kind: SimulatedAgent, simulation: Simulation, attackAt: number): Detection {
  const { seed, agents, windows } = simulation;
  const delays: number[] = [];
  const letThrough: number[] = [];
  let early = 0;
  for (let i = 0; i < agents; i += 1) {
    const conduct = individual(kind, seed, i);
    const { attempt, flags } = guard(simulation);
    let through = 0;
    for (let window = 0; window < windows && flags() === 0; window += 1) {
      for (const operation of operationsOf(conduct(window, window - attackAt), window)) {
        if (attempt(operation).allowed && window >= attackAt) through += 1;
      }
      if (flags() === 0) continue;
      if (window < attackAt) early += 1;
      else {
        delays.push(window - attackAt);
        letThrough.push(through);
      }
    }
  }
  const ascending = (a: number, b: number) => a - b;
  return { agents, delays: delays.sort(ascending), letThrough: letThrough.sort(ascending), early };
}

/** The value that this share of the sorted ones does not exceed; `null` of none. */
export function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
}
