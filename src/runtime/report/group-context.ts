import type { ReportContext } from '../../analysis/report.ts';
import type { RunManifest } from '../run-directory.ts';

/** What reports say of runs that were started together, besides their records. */
export function groupContext(group: ReportContext, manifest: RunManifest | null): ReportContext {
  const { experiment, question, niche, command, version, provider, models } = group;
  const thresholds = manifest?.config.report.thresholds ?? [];
  return { experiment, question, niche, command, version, provider, models, thresholds };
}
