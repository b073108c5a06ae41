import type { Frozen, GateMemory } from '../../actors/gate/gate-memory.ts';
import { judge } from '../../actors/gate/judge.ts';
import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import { type RandomStream, randomStream } from '../../src/core/random.ts';
import type { Evaluation } from '../../src/core/records.ts';
import { type Evidence, evidenceOf, gateSettings, scored } from './gate-evidence.ts';

/**
 * Agents that get items right by chance, and gates that judge them. The noise
 * is the published one: scoring an unchanged harness again on 100 items has a
 * standard deviation of .024, which is what 23 coins and 77 sure items give.
 */
const coinShare = 0.23;

/** By place of the selection split, the chance of getting it right. Sure items are 0 or 1. */
export type Agent = readonly number[];

/** @param accuracy - Expected score. */
export function newAgent(random: RandomStream, accuracy: number, places: number): Agent {
  const sure = (accuracy - coinShare / 2) / (1 - coinShare);
  return Array.from({ length: places }, () => (random.next() < coinShare ? 0.5 : Number(random.next() < sure)));
}

/** Another agent, expected to score `gain` more: it gains on some sure items and loses others, a twentieth of all. */
export function changedAgent(random: RandomStream, agent: Agent, gain: number): Agent {
  const wrong = agent.filter((chance) => chance === 0).length / agent.length;
  const right = agent.filter((chance) => chance === 1).length / agent.length;
  const [won, lost] = [(0.05 + gain) / wrong, 0.05 / right];
  return agent.map((chance) => (chance === 0.5 ? chance : Number(random.next() < (chance === 1 ? 1 - lost : won))));
}

export const evaluate = (random: RandomStream, agent: Agent, places: readonly number[]): number[] =>
  places.map((place) => Number(random.next() < agent[place]!));

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
/** As many items as in the publication. */
export const items = 100;

export interface Judged {
  readonly verdict: string;
  readonly isScoreHigher: boolean;
  readonly micro: string | undefined;
  readonly memory: GateMemory | null;
  readonly candidate: Evaluation;
  /** Items evaluated for re-tests, of candidate and best together. */
  readonly retested: number;
}

/** One candidate before the gate, with every re-test it asks for. */
export function judgeAgent(
  random: RandomStream,
  settings: GateConfig,
  {
    best,
    bestEvaluation,
    candidate,
    memory,
  }: {
    readonly best: Agent;
    readonly bestEvaluation: Evaluation;
    readonly candidate: Agent;
    readonly memory: GateMemory | null;
  },
): Judged {
  const evaluation = scored(evaluate(random, candidate, range(items)));
  const retests: Evidence['retests'] = [];
  for (;;) {
    const evidence = evidenceOf({ candidate: evaluation, best: bestEvaluation, retests, memory: memory as never });
    const result = judge(evidence, settings, null);
    if (result.retest === undefined) {
      const [mine, theirs] = [evaluation, bestEvaluation].map((e) => (e.status === 'measured' ? e.score : 0));
      return {
        ...{ verdict: result.verdict, isScoreHigher: mine! > theirs!, candidate: evaluation },
        micro: result.checks.find((c) => c.name === 'regression-micro')?.outcome,
        memory: (result.memory as unknown as GateMemory | undefined) ?? null,
        retested: retests.reduce((sum, r) => sum + 2 * r.places.length, 0),
      };
    }
    const places = result.retest;
    const of = (agent: Agent) => placed(evaluate(random, agent, places), places);
    retests.push({ places, candidate: of(candidate), best: of(best) });
  }
}

function placed(scores: readonly number[], places: readonly number[]): Evaluation {
  const evaluation = scored(scores);
  return { ...evaluation, items: evaluation.items.map((item, i) => ({ ...item, situation: `s${places[i]}` })) };
}

export interface Rate {
  readonly hits: number;
  readonly of: number;
}
export interface Rates {
  /** The rule "the score went up", on the same evaluations. */
  readonly naive: Rate;
  readonly gate: Rate;
  /** Items evaluated again, per candidate. */
  readonly retested: number;
}

/** How often a candidate that is `gain` better in truth is promoted, when it is judged once against an agent at .6. */
export function promotionRates(
  settings: GateConfig,
  gain: number | 'identical',
  simulations: number,
  seed: number,
): Rates {
  let [naive, gate, retested] = [0, 0, 0];
  for (let i = 0; i < simulations; i += 1) {
    const random = randomStream(seed, 'promotion', String(gain), i);
    const best = newAgent(random, 0.6, 200);
    const candidate = gain === 'identical' ? best : changedAgent(random, best, gain);
    const bestEvaluation = scored(evaluate(random, best, range(items)));
    const judged = judgeAgent(random, settings, { best, bestEvaluation, candidate, memory: null });
    naive += Number(judged.isScoreHigher);
    gate += Number(judged.verdict === 'promoted');
    retested += judged.retested;
  }
  return { ...both(naive, gate, simulations), retested: retested / simulations };
}

/** How often a lineage whose candidates are all no better than its first promotes any of them. */
export function lineageRates(settings: GateConfig, generations: number, simulations: number, seed: number): Rates {
  let [naive, gate, retested] = [0, 0, 0];
  for (let i = 0; i < simulations; i += 1) {
    const random = randomStream(seed, 'lineage', i);
    const best = newAgent(random, 0.6, 2_000);
    const bestEvaluation = scored(evaluate(random, best, range(items)));
    let memory: GateMemory | null = null;
    let [isPromoted, wentUp] = [false, false];
    for (let g = 0; g < generations; g += 1) {
      const candidate = changedAgent(random, best, 0);
      const judged = judgeAgent(random, settings, { best, bestEvaluation, candidate, memory });
      memory = judged.memory;
      retested += judged.retested / generations;
      isPromoted ||= judged.verdict === 'promoted';
      wentUp ||= judged.isScoreHigher;
    }
    naive += Number(wentUp);
    gate += Number(isPromoted);
  }
  return { ...both(naive, gate, simulations), retested: retested / simulations };
}

/**
 * How often a candidate that breaks `breaks` frozen items for good, and gains
 * elsewhere, is refused for it. The naive rule refuses it when the score went down.
 * @param trials - How often each frozen item was tested again before.
 */
export function regressionRates(
  regression: Partial<NonNullable<GateConfig['regression']>>,
  breaks: number,
  { trials, simulations, seed }: { readonly trials: number; readonly simulations: number; readonly seed: number },
): Rates {
  const settings = gateSettings({ regression });
  let [naive, gate, retested] = [0, 0, 0];
  for (let i = 0; i < simulations; i += 1) {
    const random = randomStream(seed, 'regression', breaks, trials, i);
    const best = newAgent(random, 0.6, items);
    const scores = evaluate(random, best, range(items));
    const library = scores.flatMap((score, place): Frozen[] => {
      if (score === 0) return [];
      const broken = range(trials).filter(() => random.next() >= best[place]!).length;
      return [
        {
          situation: `s${place}`,
          place,
          capability: 'all',
          generation: 1,
          score,
          trials,
          breaks: broken,
          supersedes: null,
        },
      ];
    });
    const sure = random.shuffle(library.filter((f) => best[f.place] === 1)).slice(0, breaks);
    const lost = new Set(sure.map((f) => f.place));
    const gained = new Set(random.shuffle(range(items).filter((p) => best[p] === 0)).slice(0, breaks + 15));
    const candidate = best.map((chance, p) => (lost.has(p) ? 0 : gained.has(p) ? 1 : chance));
    const memory = {
      judged: 1,
      nextPlace: 0,
      edits: [],
      library,
      promoted: [{ generation: 1, parent: 0, adopted: null }],
    };
    const judged = judgeAgent(random, settings, { best, bestEvaluation: scored(scores), candidate, memory });
    naive += Number(!judged.isScoreHigher);
    gate += Number(judged.micro !== 'pass');
    retested += judged.retested;
  }
  return { ...both(naive, gate, simulations), retested: retested / simulations };
}

/** How often, per edit, an agent is called complacent that changes code in a `share` of its edits. There is no naive rule. */
export function complacencyRate(share: number, simulations: number, seed: number): Rate {
  const settings = gateSettings({ complacency: {} });
  const random = randomStream(seed, 'complacency', share);
  let memory: GateMemory | null = null;
  let hits = 0;
  for (let generation = 0; generation < simulations; generation += 1) {
    const changedFiles = [random.next() < share ? 'task.mjs' : 'README.md'];
    const changes = { changedFiles, tools: { bash: { asked: 3, answered: 3, refused: 0 } } };
    const evidence = evidenceOf({ candidate: scored([1]), memory: memory as never, generation, changes });
    const result = judge(evidence, settings, null);
    memory = result.memory as unknown as GateMemory;
    hits += Number(result.verdict === 'refused');
  }
  return { hits, of: simulations };
}

const both = (naive: number, gate: number, of: number) => ({ naive: { hits: naive, of }, gate: { hits: gate, of } });
