import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkpointFact } from '../../../actors/archivist/create-archivist.ts';
import { noteOf } from '../../../actors/archivist/note.ts';
import { parseExperiment } from '../../core/config/parse-experiment.ts';
import { RunCancelledError, RunLockedError, StorageFailedError } from '../../core/errors.ts';
import { factKey } from '../../core/journal.ts';
import type { Generation } from '../../core/records.ts';
import { createFileGenomeStore } from '../../lineage/genome-store.ts';
import { openGitLineage } from '../../lineage/git-lineage.ts';
import { openJournal } from '../journal.ts';
import { createRunDirectory, type RunManifest, readManifest, runPaths } from '../run-directory.ts';
import { lockRun } from '../run-lock.ts';
import type { ForeignRun } from './foreign-run.ts';
import { createGenerationWriter } from './generation-writer.ts';
import { tokenOf } from './names.ts';

export interface WriteOptions {
  readonly out: string;
  readonly version: string;
  /** What was imported, as the user named it. */
  readonly path: string;
  readonly signal?: AbortSignal;
  readonly onRound?: (round: number) => void;
}

/** Rounds after which facts are flushed and the repository is made visible; it bounds what is in memory. */
const roundsTogether = 64;

/**
 * Writes a foreign run in our format: `<out>/<run>`, whole or not at all. It
 * grows in `<out>/.<run>.importing` and is renamed at the end, in place of an
 * earlier import of the same name; what a killed import leaves there, the next one clears away.
 * @returns the run's directory.
 * @throws {StorageFailedError} when a run that was not imported has that name.
 */
export async function writeForeignRun(foreign: ForeignRun, options: WriteOptions): Promise<string> {
  const final = join(options.out, foreign.run);
  const growing = join(options.out, `.${foreign.run}.importing`);
  requireReplaceable(final);
  try {
    mkdirSync(growing, { recursive: true });
  } catch (cause) {
    throw new StorageFailedError(`cannot write in ${options.out}`, { cause });
  }
  try {
    using _lock = lockRun(growing);
    for (const name of readdirSync(growing)) {
      if (name !== 'lock') rmSync(join(growing, name), { recursive: true, force: true });
    }
    await createRunDirectory(growing, manifestOf(foreign, options), new Map());
    await fill(growing, foreign, options);
  } catch (error) {
    // Another process's is left to it.
    if (!(error instanceof RunLockedError)) rmSync(growing, { recursive: true, force: true });
    throw error;
  }
  try {
    rmSync(final, { recursive: true, force: true });
    renameSync(growing, final);
  } catch (cause) {
    throw new StorageFailedError(`cannot move the imported run to ${final}`, { cause });
  }
  return final;
}

function requireReplaceable(dir: string): void {
  if (!existsSync(dir)) return;
  const isImported = existsSync(runPaths(dir).manifest) && readManifest(dir).imported !== undefined;
  if (!isImported) {
    throw new StorageFailedError(`${dir} is there and was not imported; it is left alone`, {
      details: { next: 'give another directory with --out' },
    });
  }
}

function manifestOf(foreign: ForeignRun, options: WriteOptions): Omit<RunManifest, 'format' | 'seeds'> {
  const { arm, seed, source, pairing, family, taskFile } = foreign;
  const modelNames = foreign.lineages.map(({ id, model }) => tokenOf(model ?? id));
  const config = parseExperiment({
    name: tokenOf(pairing),
    question: `Imported from ${source}: ${pairing}`,
    niche: { module: source },
    lineages: Object.fromEntries(foreign.lineages.map(({ id }, i) => [id, { model: modelNames[i]! }])),
    models: Object.fromEntries(modelNames.map((name) => [name, { kind: 'module', module: 'imported' }])),
    ...{ arms: [arm], seeds: [seed ?? 0], budget: { generations: 1 }, ...foreign.settings },
  });
  return {
    ...{ version: options.version, run: foreign.run, arm, seed: seed ?? 0, config },
    ...{ experimentDir: '.', sandbox: 'imported', group: config.name },
    imported: {
      ...{ source, path: options.path, pairing, family, taskFile },
      tells: foreign.tells,
      ...(seed === null ? { hasNoSeed: true } : {}),
    },
  };
}

async function fill(dir: string, foreign: ForeignRun, { signal, onRound }: WriteOptions): Promise<void> {
  const paths = runPaths(dir);
  const genomes = createFileGenomeStore(paths.genomes);
  await using journal = await openJournal(paths.journal);
  await using lineage = await openGitLineage({
    dir: paths.lineage,
    genomes,
    ...(signal === undefined ? {} : { signal }),
  });
  const writer = createGenerationWriter(foreign, genomes, lineage);
  let facts: Promise<void>[] = [];
  const tell = (type: string, key: string, body: unknown) => void facts.push(journal.append(type, key, body));
  let round = 0;
  const settle = async () => {
    await lineage.checkpoint();
    tell(checkpointFact, String(round - 1), { round: round - 1 });
    await Promise.all(facts);
    facts = [];
  };
  for (const generations of foreign.rounds) {
    if (signal?.aborted) throw new RunCancelledError('the import was stopped; what was imported before is whole');
    tell('round.opened', String(round), { round });
    const written: Generation[] = [];
    for (const generation of generations) {
      const record = await writer.write(generation, round);
      const key = factKey(record.lineage, record.generation);
      tell('import.recorded', key, { lineage: record.lineage, generation: record.generation, ...generation.recorded });
      tell('lineage.finished', key, { generation: record, stop: null });
      written.push(record);
    }
    const notes = written.map((g) => ({ commit: g.commit, note: noteOf(g) }));
    await lineage.annotate(notes, writer.secondsOf(round));
    tell('round.closed', String(round), { round });
    onRound?.(round);
    round += 1;
    if (round % roundsTogether === 0) await settle();
  }
  for (const { lineage: id, generation, evaluation } of foreign.tests()) {
    tell('environment.finished', factKey(id, generation, 'test'), { evaluation, usage: writer.usage });
  }
  await settle();
  const { entries, total } = foreign.missing;
  await journal.append('run.imported', 'run', { missing: entries, total, notAvailable: foreign.notAvailable() });
  await journal.append('run.ended', 'imported', { status: 'done', reason: null });
}
