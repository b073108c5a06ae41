import { dirname, join } from 'node:path';
import type { ReportContext } from '../../analysis/report.ts';
import type { RunRecord } from '../../analysis/run-record.ts';
import { type RunManifest, readManifest } from '../run-directory.ts';
import { readGroup } from '../run-group.ts';
import { groupContext } from './group-context.ts';

/**
 * What reports say of runs besides their records: of their groups where those still lie beside them,
 * else of the runs themselves. What differs between them is all said.
 */
export function contextOf(records: readonly RunRecord[]): ReportContext {
  const contexts = new Map<string, ReportContext>();
  for (const { dir } of records) {
    const manifest = readManifest(dir);
    const group = readGroup(dirname(dir), manifest.group);
    const isMember = group?.runs.includes(manifest.run) === true;
    const key = isMember ? join(dirname(dir), manifest.group) : dir;
    if (!contexts.has(key)) contexts.set(key, isMember ? groupContext(group, manifest) : runContext(manifest));
  }
  const all = [...contexts.values()];
  const each = (of: (context: ReportContext) => string, between: string) => [...new Set(all.map(of))].join(between);
  return {
    experiment: each((c) => c.experiment, ', '),
    question: each((c) => c.question, ' '),
    niche: each((c) => c.niche, ', '),
    command: each((c) => c.command, '\n'),
    version: each((c) => c.version, ', '),
    provider: each((c) => c.provider, ', '),
    models: Object.assign({}, ...all.map((c) => c.models)) as ReportContext['models'],
    thresholds: [...new Set(all.flatMap((c) => c.thresholds ?? []))],
  };
}

/** Of a run that was moved away from its group, or was imported. */
function runContext({ config, version, sandbox, imported, arm, seed }: RunManifest): ReportContext {
  return {
    experiment: config.name,
    question: config.question,
    niche: imported === undefined ? config.niche.module : `${imported.source} (imported)`,
    command:
      imported === undefined
        ? `galapagos run ${config.name} --arm ${arm} --seed ${seed}  # as far as the run itself tells`
        : `galapagos import ${imported.source} ${imported.path}`,
    version,
    provider: imported === undefined ? sandbox : 'not available',
    models: Object.fromEntries(
      Object.values(config.lineages)
        .flatMap(({ model, taskModel = model }) => [model, taskModel])
        .map((name) => [name, imported === undefined ? (config.models[name]?.kind ?? 'built in') : 'not available']),
    ),
    thresholds: config.report.thresholds,
  };
}
