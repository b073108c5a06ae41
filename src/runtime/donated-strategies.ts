import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { describeError, RunNotFoundError, StorageFailedError } from '../core/errors.ts';
import type { RunId } from '../core/ids.ts';
import { canonicalJson } from '../core/json.ts';
import { type StrategyRef, strategyRefSchema } from '../core/records.ts';
import { createFileGenomeStore } from '../lineage/genome-store.ts';
import type { GenomeStore } from '../lineage/lineage.ts';
import { scanJournal } from './journal.ts';
import { type RunManifest, runPaths } from './run-directory.ts';

/** What the lineages of another run had published, round by round. */
export interface Donation {
  /** As it stood when that run opened the round; as at its last one for rounds that it did not come to. */
  at(round: number): readonly StrategyRef[];
  /** Whether exactly this strategy is part of it. */
  has(ref: StrategyRef): boolean;
}

const donationSchema = z.strictObject({
  /** The run that lends. */
  from: z.string(),
  /** Only rounds at whose opening something had changed, oldest first. */
  rounds: z.array(z.strictObject({ round: z.int().nonnegative(), strategies: z.array(strategyRefSchema) })),
});
type Donated = z.output<typeof donationSchema>;

/**
 * Copies what the run's donor published, genomes and all, into the run: from
 * then on the run is whole without it. A resumed run reads its own copy.
 * @throws {RunNotFoundError} where the donor is not there or not at its end: what it published is not known then.
 * @throws {StorageFailedError} where the copy cannot be written or read.
 */
export async function openDonation(dir: string, manifest: RunManifest, genomes: GenomeStore): Promise<Donation> {
  const path = runPaths(dir).donated;
  const donated = existsSync(path) ? readDonated(path) : await takeDonation(dir, manifest, genomes, path);
  const known = new Set(donated.rounds.flatMap(({ strategies }) => strategies.map((ref) => canonicalJson(ref))));
  return {
    at: (round) => donated.rounds.findLast((r) => r.round <= round)?.strategies ?? [],
    has: (ref) => known.has(canonicalJson(ref)),
  };
}

function readDonated(path: string): Donated {
  try {
    return donationSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new StorageFailedError(`${path} cannot be read: ${describeError(cause)}`, { cause });
  }
}

async function takeDonation(
  dir: string,
  { run, donor }: RunManifest,
  genomes: GenomeStore,
  path: string,
): Promise<Donated> {
  if (donor === undefined) throw new RunNotFoundError(`${run} does not say which run lends it strategies`);
  const donorPaths = runPaths(join(dirname(dir), donor));
  const donated = await readDonor(run, donor, donorPaths);
  const theirs = createFileGenomeStore(donorPaths.genomes);
  for (const genome of new Set(donated.rounds.flatMap(({ strategies }) => strategies.map((ref) => ref.genome)))) {
    await genomes.put(await theirs.get(genome));
  }
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Last, and whole: a copy that can be found is complete.
    writeFileSync(`${path}.new`, `${JSON.stringify(donated)}\n`, { flush: true });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new StorageFailedError(`cannot write ${path}`, { cause });
  }
  return donated;
}

async function readDonor(run: RunId, donor: RunId, paths: ReturnType<typeof runPaths>): Promise<Donated> {
  const rounds: { round: number; strategies: StrategyRef[] }[] = [];
  let status: string | null = null;
  if (!existsSync(paths.manifest)) {
    throw new RunNotFoundError(`${run} shows strategies of ${donor}, which is not beside it: put it back, or run anew`);
  }
  await scanJournal(paths.journal, ({ type, body }) => {
    if (type === 'run.ended') status = (body as { status: string }).status;
    if (type !== 'round.opened') return;
    const { round, snapshot } = body as { round: number; snapshot: StrategyRef[] };
    const before = rounds.at(-1)?.strategies ?? [];
    if (canonicalJson(before) !== canonicalJson(snapshot)) rounds.push({ round, strategies: snapshot });
  });
  if (status === 'done') return donationSchema.parse({ from: donor, rounds });
  throw new RunNotFoundError(
    `${run} shows strategies of ${donor}, which is not at its end (${status ?? 'not finished'}): resume ${donor} first, then ${run}`,
  );
}
