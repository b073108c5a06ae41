import {
  type AdoptionFound,
  type AdoptionWitness,
  adoptionsIn,
  type CrashRecoveryFound,
  crashRecoveriesIn,
  type NeglectFound,
  neglectsIn,
  type WitnessedRun,
} from '../analysis/run-events.ts';
import {
  type EfficiencyFound,
  efficiencyOf,
  isOnPublishedScale,
  type RateGroup,
  type ThresholdFound,
  thresholdsOf,
} from '../analysis/run-rates.ts';
import type { RunRecord } from '../analysis/run-record.ts';
import { similarityRatio } from '../analysis/sequence-matcher.ts';
import { describeError, RunNotFoundError } from '../core/errors.ts';
import { readRun } from './read-run.ts';
import { runsAt } from './report/runs-at.ts';
import { readManifest } from './run-directory.ts';
import { hasProvenance, witnessRun } from './witness-run.ts';

/** What `analyze --json` prints: a contract for scripts, held by tests. */
export interface Analysis {
  readonly adoptions: readonly AdoptionFound[];
  readonly crashRecoveries: readonly CrashRecoveryFound[];
  readonly neglect: readonly NeglectFound[];
  readonly efficiency: readonly EfficiencyFound[];
  readonly thresholds: readonly ThresholdFound[];
}

/** What a reader has to know beside the figures. */
export interface AnalysisNotes {
  readonly runs: readonly { readonly run: string; readonly witness: AdoptionWitness; readonly why: string }[];
  /** Runs in which it is not known who read what. */
  readonly withoutReads: readonly string[];
  readonly unreadable: readonly { readonly dir: string; readonly error: string }[];
}

export interface AnalyzeOptions {
  /** Where runs are looked for by name. */
  readonly out: string;
  /** Without it, provenance where a run has it, and similarity elsewhere. */
  readonly adoption?: AdoptionWitness;
  readonly onRun?: (run: string, index: number, runs: number) => void;
}

/**
 * Adoptions, crashes, neglect and rates by the published definitions, of one
 * run, of a group that was started together, or of every run in a folder.
 * @throws {RunNotFoundError} when there is no run.
 */
export async function analyze(target: string, options: AnalyzeOptions): Promise<Analysis & { notes: AnalysisNotes }> {
  const dirs = runsAt(target, options.out).runs;
  const unreadable: { dir: string; error: string }[] = [];
  const witnesses: AnalysisNotes['runs'][number][] = [];
  const withoutReads: string[] = [];
  const adoptions: AdoptionFound[] = [];
  const neglect: NeglectFound[] = [];
  const groups = new Map<string, AnalyzedGroup>();
  for (const [index, dir] of dirs.entries()) {
    let record: RunRecord;
    try {
      record = await readRun(dir);
    } catch (error) {
      unreadable.push({ dir, error: describeError(error) });
      continue;
    }
    options.onRun?.(record.run, index, dirs.length);
    const { witness, why } = witnessFor(record, options.adoption);
    const witnessed = await witnessRun(record);
    if (witnessed.lineages.every((l) => l.generations.every((g) => g.readPeers === null)))
      withoutReads.push(record.run);
    witnesses.push({ run: record.run, witness, why });
    adoptions.push(...adoptionsIn(witnessed, witness, similarityRatio));
    neglect.push(...neglectsIn(witnessed));
    addTo(groups, record, withoutTexts(witnessed));
  }
  if (unreadable.length === dirs.length) throw new RunNotFoundError(unreadable[0]!.error);
  const all = [...groups.values()];
  return {
    adoptions,
    crashRecoveries: all.filter(isOnPublishedScale).flatMap(({ runs }) => runs.flatMap(crashRecoveriesIn)),
    neglect,
    efficiency: all.map(efficiencyOf),
    thresholds: all.flatMap((group) => thresholdsOf(group, [...group.stated])),
    notes: { runs: witnesses, withoutReads, unreadable },
  };
}

function witnessFor(record: RunRecord, asked: AdoptionWitness | undefined): { witness: AdoptionWitness; why: string } {
  const has = hasProvenance(record);
  if (asked !== undefined) {
    const why =
      asked === 'provenance' && !has ? 'asked for, and this run has none: no adoption can be found' : 'asked for';
    return { witness: asked, why };
  }
  if (has) return { witness: 'provenance', why: 'recorded by this run' };
  return {
    witness: 'similarity',
    why: `the run has no provenance: imported from ${record.imported?.source ?? 'elsewhere'}`,
  };
}

/** Rates need no code, and all runs of a group are in memory together. */
function withoutTexts(run: WitnessedRun): WitnessedRun {
  const lineages = run.lineages.map(({ id, generations }) => ({
    id,
    generations: generations.map((g) => ({ ...g, text: null })),
  }));
  return { ...run, lineages };
}

interface AnalyzedGroup extends RateGroup {
  readonly runs: WitnessedRun[];
  /** Thresholds of the experiments. */
  readonly stated: Set<number>;
}

function addTo(
  groups: Map<string, AnalyzedGroup>,
  { dir, imported, experiment, arm }: RunRecord,
  run: WitnessedRun,
): void {
  // The publication pools the arms of its replication as `solo`.
  const isPooled = imported !== undefined && imported.family !== imported.pairing;
  const group = { pairing: imported?.family ?? experiment, arm: isPooled ? 'solo' : arm };
  const key = JSON.stringify(group);
  const known = groups.get(key) ?? { ...group, runs: [], stated: new Set() };
  groups.set(key, known);
  known.runs.push(run);
  for (const threshold of readManifest(dir).config.report.thresholds) known.stated.add(threshold);
}
