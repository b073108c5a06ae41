import { z } from 'zod';
import type { OpenSandbox } from '../../../sandboxes/sandbox.ts';
import type { Json } from '../../core/json.ts';
import {
  type Answer,
  type Consequence,
  defineNiche,
  type Niche,
  type Situation,
  type Split,
} from '../../core/niche.ts';
import { randomStream } from '../../core/random.ts';
import { readAnswer } from './answer.ts';
import { familyNames } from './families.ts';
import { harvest } from './harvest.ts';
import type { Step } from './life.ts';
import { plannedFiles } from './listing.ts';
import { promptOf } from './observation.ts';
import { planWorld, type WorldPlan } from './plan.ts';
import { newborn } from './play.ts';
import { openWorldHost } from './world-host.ts';

export const storageParamsSchema = z.strictObject({
  families: z
    .array(z.enum(familyNames))
    .min(1)
    .default([...familyNames]),
  /** From 0 to 1. */
  difficulty: z.number().min(0).max(1).default(0.5),
  /** Of a world's volume. */
  capacityMiB: z.int().min(1).max(256).default(4),
  /** How many commands a world lives, at most. */
  commands: z.int().min(1).max(100).default(6),
  commandMs: z.int().min(100).max(600_000).default(10_000),
  /** Sentences that an answer may have tried besides, each in a training world of its own; they cost no command and score nothing. */
  tries: z.int().min(0).max(64).default(16),
});
/** What the runtime lends: worlds stand in sandboxes of the niche's own. */
export interface StorageTools {
  readonly openSandbox: OpenSandbox;
}

export type StorageParams = z.output<typeof storageParamsSchema>;

/** How many files a situation shows. */
const shownFiles = 40;

/**
 * Free space on a small machine. A situation shows a world as `ls` would, and as the words of an observation; an
 * answer is `{"commands": [...]}`, shell commands, or `{"actions": [...]}`, sentences of the action language about the
 * files of the observation; they are executed one after another in a sandbox of the niche's own.
 * The score is the share of the volume that they freed, measured outside: ΔR / capacity, below 0 for growth and damage.
 */
export const storage = defineNiche<StorageParams, StorageTools>({
  name: 'storage',
  params: storageParamsSchema,
  create: (params, tools): Niche => ({
    name: 'storage',
    needsVolumes: true,
    version: `1-${[...params.families].sort().join('+')}-d${params.difficulty}-m${params.capacityMiB}-c${params.commands}`,
    situations: ({ split, seed, count }) => Array.from({ length: count }, (_, i) => situation(params, split, seed, i)),
    measure: (one, answer, signal) => measure(params, tools, one, answer, signal),
  }),
});

/** The world's seed is in the id, which never enters a sandbox: whoever knew it would know what no command can see. */
function situation(params: StorageParams, split: Split, seed: number, index: number): Situation {
  const random = randomStream(seed, 'storage', split, index);
  const family = random.pick(params.families);
  const worldSeed = random.int(2 ** 31);
  const plan = planWorld({ ...params, family, seed: worldSeed });
  return { id: `${split}-${index}-${family}-${worldSeed.toString(36)}`, split, input: inputOf(plan, params.commands) };
}

function inputOf(plan: WorldPlan, commands: number): Json {
  const { capacityBytes } = plan;
  const { observation } = newborn(plan);
  return {
    ...{ commands, capacityBytes, availableBytes: observation.freeShare * capacityBytes },
    observation: promptOf(observation),
    files: plannedFiles(plan)
      .slice(0, shownFiles)
      .map((file) => ({ ...file })),
  };
}

/** The world of a situation, whoever made it and whenever. @throws {RangeError} for an id that is not this niche's. */
function planOf(params: StorageParams, { id }: Situation): WorldPlan {
  const [, family, seed] = /^[a-z]+-\d+-([a-z]+)-([0-9a-z]+)$/.exec(id) ?? [];
  const known = familyNames.find((name) => name === family);
  if (known === undefined) throw new RangeError(`${JSON.stringify(id)} is no situation of the storage niche`);
  return planWorld({ ...params, family: known, seed: Number.parseInt(seed!, 36) });
}

async function measure(
  params: StorageParams,
  tools: StorageTools,
  one: Situation,
  answer: Answer,
  signal: AbortSignal,
): Promise<Consequence> {
  const plan = planOf(params, one);
  const told = readAnswer(answer, newborn(plan).observation, params);
  if ('status' in told) return told;
  const { capacityMiB, commands: budget, commandMs } = params;
  await using host = await openWorldHost({
    ...{ open: tools.openSandbox, capacityMiB, commands: budget, commandMs, signal },
  });
  await host.begin(plan);
  const steps: Step[] = [];
  for (const command of told.commands) {
    if (host.ending !== null) break;
    steps.push(await host.act(command));
  }
  const { freedBytes, mostFreedBytes, grownBytes } = host.account;
  const { capacityBytes } = host.plan;
  const ending = host.ending;
  const trajectories = one.split === 'train' ? await harvest(host, plan, told, freedBytes) : [];
  return {
    ...(trajectories.length === 0 ? {} : { trajectories }),
    status: 'measured',
    score: freedBytes / capacityBytes,
    details: {
      ...{ freedBytes, mostFreedBytes, grownBytes, capacityBytes, ending },
      damage: steps.at(-1)?.damage ?? null,
      steps: steps.map(({ result, exitCode, deltaBytes, gainBytes }) => ({ result, exitCode, deltaBytes, gainBytes })),
    },
  };
}
