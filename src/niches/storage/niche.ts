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
import { familyNames } from './families.ts';
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
});
/** What the runtime lends: worlds stand in sandboxes of the niche's own. */
export interface StorageTools {
  readonly openSandbox: OpenSandbox;
}

export type StorageParams = z.output<typeof storageParamsSchema>;

/** How many files a situation shows. */
const shownFiles = 40;
const longestCommand = 4_096;

/**
 * Free space on a small machine. A situation shows a world as `ls` would, and as the words of an observation; an
 * answer is `{"commands": [...]}`, shell commands that are executed one after another in a sandbox of the niche's own.
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
  const commands = commandsOf(answer, params.commands);
  if ('status' in commands) return commands;
  const { capacityMiB, commands: budget, commandMs } = params;
  await using host = await openWorldHost({
    ...{ open: tools.openSandbox, capacityMiB, commands: budget, commandMs, signal },
  });
  await host.begin(planOf(params, one));
  const steps: Step[] = [];
  for (const command of commands) {
    if (host.ending !== null) break;
    steps.push(await host.act(command));
  }
  const { freedBytes, mostFreedBytes, grownBytes } = host.account;
  const { capacityBytes } = host.plan;
  return {
    status: 'measured',
    score: freedBytes / capacityBytes,
    details: {
      ...{ freedBytes, mostFreedBytes, grownBytes, capacityBytes, ending: host.ending },
      damage: steps.at(-1)?.damage ?? null,
      steps: steps.map(({ result, exitCode, deltaBytes, gainBytes }) => ({ result, exitCode, deltaBytes, gainBytes })),
    },
  };
}

const answerSchema = z.object({ commands: z.array(z.string()) });

/** The commands, or what is wrong with the answer. Whatever else it holds counts for nothing. */
function commandsOf({ output, exitCode }: Answer, most: number): readonly string[] | Consequence {
  const failed = (reason: 'crash' | 'no-answer' | 'infeasible', message: string): Consequence => {
    return { status: 'failed', reason, message };
  };
  if (exitCode !== 0) return failed('crash', `the task agent ended with status ${exitCode}`);
  const parsed = answerSchema.safeParse(output);
  if (!parsed.success) return failed('no-answer', 'the answer is not {"commands": ["…", …]}');
  const { commands } = parsed.data;
  if (commands.length > most) return failed('infeasible', `${commands.length} commands; the world lives for ${most}`);
  const long = commands.findIndex((command) => command.length > longestCommand || command.includes('\0'));
  if (long === -1) return commands;
  return failed('infeasible', `command ${long} holds a NUL byte or is longer than ${longestCommand} characters`);
}
