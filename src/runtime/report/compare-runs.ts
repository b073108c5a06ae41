import { join, resolve, sep } from 'node:path';
import { type ComparisonReport, compareReport } from '../../analysis/comparison-report.ts';
import type { RunRecord } from '../../analysis/run-record.ts';
import { ConfigInvalidError } from '../../core/errors.ts';
import { type RunManifest, readManifest } from '../run-directory.ts';
import { contextOf } from './report-context.ts';
import type { ReportOptions, ReportOutcome } from './report-runs.ts';
import { readRunsAt, runsAt } from './runs-at.ts';
import { writeFiles } from './write-files.ts';

export interface ComparisonOutcome {
  readonly document: ComparisonReport['document'];
  readonly markdown: string;
  /** Paths of what was written; `null` without `to`. */
  readonly report: string | null;
  readonly html: string | null;
  readonly unreadable: ReportOutcome['unreadable'];
}

/**
 * Sets runs, groups or folders beside the first one; a single folder is taken
 * apart into the groups in it.
 * @throws {ConfigInvalidError} when there is nothing to set beside it. {@link RunNotFoundError}
 */
export async function compare(
  targets: readonly string[],
  { out, to }: Omit<ReportOptions, 'thresholds'>,
): Promise<ComparisonOutcome> {
  const places = targets.map((target) => runsAt(target, out));
  const names = shortNames(places.map((place) => place.dir));
  const named: { readonly name: string; readonly records: readonly RunRecord[] }[] = [];
  const unreadable: ReportOutcome['unreadable'][number][] = [];
  for (const [i, place] of places.entries()) {
    const read = await readRunsAt([place]);
    unreadable.push(...read.unreadable);
    if (places.length === 1 && place.isFolder) named.push(...byGroup(read.records));
    else named.push({ name: names[i]!, records: read.records });
  }
  if (named.length < 2)
    throw new ConfigInvalidError(
      'a comparison takes two or more: name runs, groups or folders, or one folder that holds several groups',
    );
  const settings = settingsOf(named.map(({ records }) => records));
  const report = compareReport(
    named.map(({ name, records }, i) => ({ name, records, context: contextOf(records), settings: settings[i]! })),
  );
  const { markdown, html, figures, tables, document } = report;
  if (to === undefined) return { document, markdown, report: null, html: null, unreadable };
  const dir = resolve(to);
  writeFiles(dir, { ...figures, ...tables, 'comparison.html': html, 'comparison.md': markdown });
  return { document, markdown, report: join(dir, 'comparison.md'), html: join(dir, 'comparison.html'), unreadable };
}

function byGroup(records: readonly RunRecord[]): { name: string; records: RunRecord[] }[] {
  const groups = new Map<string, RunRecord[]>();
  for (const record of records) {
    const { group } = readManifest(record.dir);
    groups.set(group, [...(groups.get(group) ?? []), record]);
  }
  return [...groups].map(([name, own]) => ({ name, records: own }));
}

/** As many of the last parts of each path as tell them all apart. */
function shortNames(dirs: readonly string[]): string[] {
  for (let parts = 1; ; parts += 1) {
    const names = dirs.map((dir) => dir.split(sep).slice(-parts).join('/'));
    if (new Set(names).size === new Set(dirs).size || names.every((name, i) => name === dirs[i])) return names;
  }
}

/** What is in every experiment another, or is what is compared. */
const aside = ['name', 'question', 'arms', 'seeds', 'report'];

/** By group and path: where runs of a group differ, all values; `null` for what the source of an imported run does not tell. */
function settingsOf(groups: readonly (readonly RunRecord[])[]): Record<string, string | null>[] {
  const manifests = groups.map((records) => records.map(({ dir }) => readManifest(dir)));
  const each = manifests.map((own) => valuesOf(own));
  const paths = [...new Set(each.flatMap((values) => [...values.keys()]))];
  return each.map((values, i) =>
    Object.fromEntries(
      paths.flatMap((path): [string, string | null][] => {
        if (!manifests[i]!.every((manifest) => isKnown(path, manifest))) return [[path, null]];
        const own = values.get(path);
        return own === undefined ? [] : [[path, [...own].sort().join(' or ')]];
      }),
    ),
  );
}

function valuesOf(manifests: readonly RunManifest[]): Map<string, Set<string>> {
  const values = new Map<string, Set<string>>();
  for (const [path, value] of manifests.flatMap(({ config }) => leaves(config, ''))) {
    const known = values.get(path);
    if (known === undefined) values.set(path, new Set([value]));
    else known.add(value);
  }
  return values;
}

function isKnown(path: string, { imported }: RunManifest): boolean {
  if (imported === undefined || path === 'niche.module') return true;
  const parts = path.split('.');
  return (imported.tells ?? []).some((told) => {
    const names = told.split('.');
    return names.length === parts.length && names.every((name, i) => name === '*' || name === parts[i]);
  });
}

function leaves(value: unknown, path: string): [string, string][] {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) =>
      path === '' && aside.includes(key) ? [] : leaves(inner, path === '' ? key : `${path}.${key}`),
    );
  }
  return value === undefined ? [] : [[path, JSON.stringify(value)]];
}
