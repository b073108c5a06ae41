import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { ConfigInvalidError } from '../../core/errors.ts';
import { type FileTree, sortTree, textFile } from '../../core/file-tree.ts';
import { parseLineageId, parseRunId } from '../../core/ids.ts';
import type { Evaluation } from '../../core/records.ts';
import type { ForeignGeneration, ForeignRun, ForeignTest } from './foreign-run.ts';
import { createMissingList, type MissingList } from './missing.ts';
import { tokenOf } from './names.ts';
import { failedEvaluation, scoreAlone } from './recorded-evaluation.ts';

const maxArchiveBytes = 256 * 1_048_576;
const lineage = parseLineageId('archive');
const next = 'give the archive that the search saved, such as <name>_run_archive.json';

/**
 * An archive of Meta Agent Search: `[{name, thought, code, generation,
 * fitness, test_fitness?}]`, in the order in which agents were found. The
 * search shows its model the whole archive and records no parent, so every
 * agent is a root here. Its scores are medians of bootstrapped means.
 * @see Hu et al., Automated Design of Agentic Systems (2025), `search.py` of its domains.
 */
export function readAdas(path: string): ForeignRun[] {
  const entries = readArchive(path);
  const name = basename(path).replace(/\.json$/i, '');
  const missing = createMissingList();
  missing.add('', 'the archive records no seed, no parents, and no number of items');
  const tests: ForeignTest[] = [];
  return [
    {
      ...{ run: parseRunId(tokenOf(`adas ${name}`)), arm: 'solo', seed: null, source: 'adas' },
      ...{ pairing: name, family: name, taskFile: 'forward.py', settings: { selection: 'latest' }, tells: [] },
      lineages: [{ id: lineage, model: null }],
      missing,
      rounds: {
        *[Symbol.iterator]() {
          let best: number | null = null;
          let generation = 0;
          for (const [at, entry] of entries.entries()) {
            const agent = readAgent(entry, `[${at}]`, generation, best, missing);
            if (agent === null) continue;
            const { selection } = agent.generation;
            if (selection?.status === 'measured' && (best === null || selection.score > best)) {
              best = selection.score;
              tests.splice(0, 1, ...(agent.test === null ? [] : [{ lineage, generation, evaluation: agent.test }]));
            }
            generation += 1;
            yield [agent.generation];
          }
        },
      },
      // Only that of the best is one: the test is of the generation that was selected.
      tests: () => tests,
      notAvailable: () => ['usage', 'times', 'provenance', 'reads', 'items', 'parents'],
    },
  ];
}

function readArchive(path: string): readonly unknown[] {
  if (statSync(path).size > maxArchiveBytes)
    throw new ConfigInvalidError(`${path} is larger than 256 MiB`, { details: { next } });
  let archive: unknown;
  try {
    archive = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)));
  } catch (cause) {
    throw new ConfigInvalidError(`${path} is not readable JSON`, { cause, details: { next } });
  }
  if (!Array.isArray(archive))
    throw new ConfigInvalidError(`${path} is not an archive: a list of agents is expected`, { details: { next } });
  return archive;
}

function readAgent(entry: unknown, at: string, generation: number, best: number | null, missing: MissingList) {
  if (typeof entry !== 'object' || entry === null) {
    missing.add(at, 'is not an agent');
    return null;
  }
  const agent = entry as Readonly<Record<string, unknown>>;
  const text = (key: string) => (typeof agent[key] === 'string' ? agent[key] : null);
  const code = text('code');
  if (code === null) {
    missing.add(at, 'has no code: not imported');
    return null;
  }
  const [thought, name, fitness, testFitness] = [text('thought'), text('name'), text('fitness'), text('test_fitness')];
  const selection = scored('selection', fitness, `${at}.fitness`, missing);
  const score = selection.status === 'measured' ? selection.score : null;
  const isBetter = score !== null && (best === null || score > best);
  const where = agent.generation;
  const files: FileTree = sortTree([
    ['forward.py', textFile(code)],
    ...(thought === null ? [] : [['thought.md', textFile(thought)] as const]),
  ]);
  const record: ForeignGeneration = {
    ...{ lineage, generation, parent: null, metaFrom: null, files },
    verdict: score === null ? 'failed' : where === 'initial' ? 'seed' : isBetter ? 'promoted' : 'archived',
    ...{ failure: null, train: null, selection, isPartial: false, isPublished: false },
    trailers: [
      ...(name === null ? [] : [['Name', name] as const]),
      ...(typeof where === 'number' || typeof where === 'string'
        ? [['Source-Generation', String(where)] as const]
        : []),
    ],
    subject: name ?? 'an agent without a name',
    recorded: { isValid: score !== null, train: null, selection: score, readPeers: null, hasFiles: true },
  };
  const test = testFitness === null ? null : scored('test', testFitness, `${at}.test_fitness`, missing);
  return { generation: record, test };
}

const interval = /\(\s*(-?[\d.]+)\s*%\s*,\s*(-?[\d.]+)\s*%\s*\)\s*,\s*Median:\s*(-?[\d.]+)\s*%/;

/** `95% Bootstrap Confidence Interval: (12.5%, 20.3%), Median: 16.4%` as shares of 1. */
function scored(split: 'selection' | 'test', text: string | null, at: string, missing: MissingList): Evaluation {
  const found = interval.exec(text ?? '');
  const [low, high, median] = (found ?? []).slice(1).map((percent) => Number(percent) / 100);
  if (median === undefined || !Number.isFinite(median)) {
    missing.add(at, text === null ? 'is not there: the agent was not measured' : 'is not an interval with a median');
    return failedEvaluation(split, 'no fitness is recorded');
  }
  const details = Number.isFinite(low) && Number.isFinite(high) ? { interval95: [low!, high!] } : {};
  return scoreAlone(split, Number(median.toPrecision(12)), details);
}
