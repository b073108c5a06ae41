import { setMaxListeners } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { onAbort } from '../../core/abort.ts';
import { monotonicMs } from '../../core/clock.ts';
import { ConfigInvalidError } from '../../core/errors.ts';
import { randomStream } from '../../core/random.ts';
import { openBase } from '../../models/embedded/bases/shipped-bases.ts';
import type { Base } from '../../models/embedded/files/base-checkpoint.ts';
import { closedWorld } from '../../niches/storage/closed-world.ts';
import { oracle } from '../../niches/storage/oracle.ts';
import type { WorldPlan } from '../../niches/storage/plan.ts';
import { live, spread } from '../../niches/storage/play.ts';
import { type Comparisons, compare } from './compare.ts';
import type { Credit } from './credit.ts';
import { openHosts, type Standing } from './hosts.ts';
import type { LoopRecipe } from './recipe.ts';
import { runSeed, type SeedRecord } from './run-seed.ts';
import { makeLoopScratch } from './scratch.ts';
import { heldOutWorlds } from './situations.ts';
import { orLost } from './trajectory.ts';

export interface WeightsLoopOptions {
  readonly recipe: LoopRecipe;
  readonly seeds: readonly number[];
  readonly credits: readonly Credit[];
  /** A shipped base's name, or a directory. */
  readonly base: string;
  /** Keeps adapters and result here. Default: nothing is kept. */
  readonly directory?: string;
  /** Sandboxes and training threads at a time. Default: processors, at most four. */
  readonly width?: number;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface WeightsLoopResult extends Comparisons {
  readonly base: Pick<Base, 'name' | 'sha256'>;
  readonly recipe: LoopRecipe;
  readonly seeds: readonly (SeedRecord & { readonly wallMs: number })[];
  /** What the oracle freed in each held-out world, measured like everybody; `null` where the sandbox failed. */
  readonly oracleBytes: readonly (number | null)[];
  /** All of it in the same worlds closed, where what is freed takes two steps. */
  readonly closed: Comparisons & { readonly oracleBytes: readonly (number | null)[] };
}

/**
 * The loop that closes: a model samples commands, sandboxes execute them, what freed space is kept, an adapter is
 * trained on it, and the model samples again; then held-out worlds, beside a control that learns from as many
 * trajectories chosen blindly, and the base with as many samples.
 *
 * @throws {SandboxUnavailableError} without bubblewrap. @throws {ConfigInvalidError} {@link WeightsInvalidError}
 */
export async function runWeightsLoop(options: WeightsLoopOptions): Promise<WeightsLoopResult> {
  const { recipe, seeds, credits, onProgress } = options;
  const stop = new AbortController();
  const { signal } = stop;
  // Every command that is being drawn listens, and siblings are drawn at once.
  setMaxListeners(0, signal);
  using _following = onAbort([options.signal], (reason) => stop.abort(reason));
  if (seeds.length === 0 || credits.length === 0)
    throw new ConfigInvalidError('a weights loop needs a seed and a credit');
  const width = options.width ?? Math.min(4, availableParallelism());
  const base = openBase(options.base);
  const directory = options.directory === undefined ? makeLoopScratch() : resolve(options.directory);
  mkdirSync(directory, { recursive: true });
  const keep = (result: WeightsLoopResult) =>
    writeFileSync(join(directory, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  try {
    await using standing = await openHosts(width, recipe.commands, signal);
    await using patient = await openHosts(width, Number.MAX_SAFE_INTEGER, signal);
    const heldOut = heldOutWorlds(recipe.heldOut, recipe.difficulty);
    onProgress(`the oracle frees what it can in ${heldOut.length} held-out worlds`);
    const oracleBytes = await oracleShares(standing.hosts, heldOut, recipe.commands);
    const closedBytes = await oracleShares(standing.hosts, heldOut.map(closedWorld), recipe.commands);
    const records: WeightsLoopResult['seeds'][number][] = [];
    const { name, sha256 } = base;
    const resultOf = (): WeightsLoopResult => {
      const closedRecords = records.map((record) => ({ ...record, lives: record.closedLives }));
      return {
        ...{ base: { name, sha256 }, recipe, seeds: records, oracleBytes, ...compare(records, oracleBytes) },
        closed: { oracleBytes: closedBytes, ...compare(closedRecords, closedBytes) },
      };
    };
    for (const credit of credits) {
      for (const seed of seeds) {
        const startMs = monotonicMs();
        const record = await runSeed(seed, credit, {
          ...{ base, recipe, heldOut, threads: Math.ceil(width / 2), signal },
          ...{ hosts: standing.hosts, patientHosts: patient.hosts },
          directory: join(directory, `${credit}-${seed}`),
          onProgress: (what) => onProgress(`${credit}, seed ${seed}, ${what}`),
        });
        records.push({ ...record, wallMs: Math.round(monotonicMs() - startMs) });
        // After each seed: what was worked out stays when a later one is stopped.
        if (options.directory !== undefined) keep(resultOf());
      }
    }
    return resultOf();
  } finally {
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

function oracleShares(hosts: Standing['hosts'], worlds: readonly WorldPlan[], commands: number) {
  return spread(hosts, worlds, (host, plan, i) =>
    orLost(async () => {
      const { account } = await live(host, plan, oracle(commands), randomStream(0, 'weights-loop', 'oracle', i));
      return account.freedBytes;
    }),
  );
}
