import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { repository } from './example-run.ts';

const folder = resolve(repository, '..', 'shared', 'data');

/** One published generation, as far as the tests read it. Scores are left out where there were none. */
export interface PublishedGeneration {
  readonly kind: 'transfer' | 'replication';
  readonly run: string;
  readonly gen: number;
  readonly parent?: number | null;
  readonly valid: boolean;
  readonly val_score?: number;
  readonly run_full_eval?: boolean;
  readonly tournament?: boolean;
  readonly winner?: 'directed' | 'blind';
  readonly blind_score?: number;
  readonly directed_score?: number;
}

/** Why the published figures cannot be read here, or `null` where they lie beside the checkout. */
export const publishedDataMissing = existsSync(resolve(folder, 'hyperspace_generations.jsonl'))
  ? null
  : `there is no ${folder}`;

/** Generations by run, in order. */
export function publishedRuns(kind: PublishedGeneration['kind']): ReadonlyMap<string, readonly PublishedGeneration[]> {
  return readRuns(resolve(folder, 'hyperspace_generations.jsonl'), kind);
}

/** The first 60 generations of the two replication runs, which every checkout has. */
export function replicationExcerpt(): ReadonlyMap<string, readonly PublishedGeneration[]> {
  return readRuns(resolve(repository, 'tests/fixtures/published/replication-excerpt.jsonl'), 'replication');
}

function readRuns(file: string, kind: PublishedGeneration['kind']): Map<string, PublishedGeneration[]> {
  const runs = new Map<string, PublishedGeneration[]>();
  for (const line of readFileSync(file, 'utf8').trim().split('\n')) {
    const generation = JSON.parse(line) as PublishedGeneration;
    if (generation.kind === kind) runs.set(generation.run, [...(runs.get(generation.run) ?? []), generation]);
  }
  return runs;
}

/** Medians, thresholds and event counts, as published and as recomputed. */
export function publishedFacts(): Readonly<Record<string, Readonly<Record<string, number>>>> {
  return JSON.parse(readFileSync(resolve(folder, 'hyperspace_facts.json'), 'utf8'));
}
