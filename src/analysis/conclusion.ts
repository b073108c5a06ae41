import type { ArmName } from '../core/config/arms.ts';
import { comparableRuns } from './comparable-runs.ts';
import { counted, pValue, type ScoreFormat, scoreFormat } from './format.ts';
import { type LineageOutcome, lineageIds, lineageOutcomes } from './lineage-outcome.ts';
import type { RunRecord } from './run-record.ts';
import { median } from './statistics/summary.ts';
import {
  type Control,
  controls,
  controlsFor,
  isShownBeyond,
  isShownBeyondBoth,
  type TransferGain,
  transferGains,
} from './transfer.ts';

const baselines = ['iid', 'sequential'] as const satisfies readonly ArmName[];

/** Exactly five short plain lines: what happened, gains per arm, pairing, baselines, and what n allows to say. */
export function summariseFiveLines(records: readonly RunRecord[]): string[] {
  const { runs } = comparableRuns(records);
  const outcomes = lineageOutcomes(runs);
  const gains = transferGains(outcomes);
  const format = scoreFormat(outcomes);
  return [
    happenedLine(runs, outcomes),
    armsLine(outcomes, format),
    pairingLine(outcomes, gains),
    baselinesLine(outcomes, format),
    seedsLine(outcomes, gains),
  ];
}

function happenedLine(runs: readonly RunRecord[], outcomes: readonly LineageOutcome[]): string {
  if (runs.length === 0) return 'No runs yet.';
  const by = (status: RunRecord['status']) => runs.filter((r) => r.status === status).length;
  const unfinished = (['running', 'stopped', 'failed'] as const).filter((s) => by(s) > 0).map((s) => `, ${by(s)} ${s}`);
  const counts = (key: keyof LineageOutcome['counts']) =>
    outcomes.reduce((total, o) => total + (o.counts[key] ?? 0), 0);
  return (
    `${by('done')} of ${counted(runs.length, 'run')} done${unfinished.join('')}; ` +
    `${counted(counts('generations'), 'generation')}: ${counts('promoted')} promoted, ${counts('refused')} not, ` +
    `${counts('failed')} without a score, ${hasProvenance(runs) ? counted(counts('adoptions'), 'adoption') : 'adoptions not available'}.`
  );
}

/** Whether any of the runs would know of an adoption. */
export function hasProvenance(runs: readonly RunRecord[]): boolean {
  return runs.some(({ imported }) => imported?.notAvailable.includes('provenance') !== true);
}

function armsLine(outcomes: readonly LineageOutcome[], format: ScoreFormat): string {
  const arms = (['paired', ...controls] as const).filter((arm) => outcomes.some((o) => o.arm === arm));
  if (arms.length === 0) return 'Gain over generation 0: no run of paired, solo or sham.';
  return `Gain over generation 0${gainsOf(outcomes, arms, format)}.`;
}

function baselinesLine(outcomes: readonly LineageOutcome[], format: ScoreFormat): string {
  const ran = baselines.filter((arm) => outcomes.some((o) => o.arm === arm));
  const absent = baselines.filter((arm) => !ran.includes(arm));
  if (ran.length === 0)
    return `Baselines (${baselines.join(', ')}) not run: whether plain resampling does as well is open.`;
  return `Baselines${gainsOf(outcomes, ran, format)}${absent.map((arm) => `; ${arm} not run`).join('')}.`;
}

/** Per arm and lineage the points of up to two seeds, or the median of more. */
function gainsOf(outcomes: readonly LineageOutcome[], arms: readonly ArmName[], format: ScoreFormat): string {
  let isAnyMedian = false;
  const write = (gains: readonly number[]) => {
    if (gains.length === 0) return 'not measured';
    if (gains.length <= 2) return gains.map(format.signed).join(' and ');
    isAnyMedian = true;
    return format.signed(median(gains));
  };
  const parts = arms.map((arm) => {
    const own = outcomes.filter((o) => o.arm === arm);
    const each = lineageIds(own).map((id) => {
      return `${id} ${write(own.filter((o) => o.lineage === id).flatMap((o) => o.imp.all ?? []))}`;
    });
    return `${arm} ${each.join(', ')}`;
  });
  return `${isAnyMedian ? ' (median over seeds)' : ''}: ${parts.join('; ')}`;
}

function pairingLine(outcomes: readonly LineageOutcome[], gains: readonly TransferGain[]): string {
  if (!gains.some((g) => g.points.length > 0)) {
    return 'Pairing: not measured, no seed has both a paired run and a control (solo, sham).';
  }
  const compared = controls.filter((control) => gains.some((g) => g.control === control && g.points.length > 0));
  const more = compared.map((control) => {
    const each = gains.filter((g) => g.control === control).map(seedsAbove);
    return `than ${control} in ${each.join(', ')}`;
  });
  const others = controlsFor(outcomes)
    .filter((c) => !compared.includes(c))
    .map((control) => `; not compared with ${control}`);
  return `Paired gained more ${more.join('; ')}${others.join('')}; ${beyondBoth(outcomes, gains)}`;
}

function seedsAbove({ lineage, points }: TransferGain): string {
  if (points.length === 0) return `${lineage} (not compared)`;
  return `${lineage} ${points.filter((p) => p.gain > 0).length} of ${counted(points.length, 'seed')}`;
}

function beyondBoth(outcomes: readonly LineageOutcome[], gains: readonly TransferGain[]): string {
  const helped = lineageIds(outcomes).filter((lineage) => isShownBeyondBoth(gains, lineage));
  if (helped.length === 0) return 'help beyond both solo and sham is not shown.';
  const each = helped.map((lineage) => `pairing helped ${lineage} ${reachOf(outcomes, gains, lineage)}`);
  return `${each.join('; ')}.`;
}

/** What a gain beyond solo and sham is not yet: the other model's doing, which `self` tells, or this run's, which `shuffled` tells. */
function reachOf(outcomes: readonly LineageOutcome[], gains: readonly TransferGain[], lineage: string): string {
  const isRun = (control: Control) => outcomes.some((o) => o.lineage === lineage && o.arm === control);
  const isBeyond = (control: Control) => isShownBeyond(gains, lineage, control);
  const beyond = controls.filter(isBeyond);
  const self = isRun('self')
    ? 'not shown to be the other model: a second instance of the same (self) is not shown to do worse'
    : 'whether it was the other model is open: self not run';
  const shuffled =
    "not shown to be what the peer did in the same run: another seed's strategies (shuffled) are not shown to do worse";
  return [
    `beyond ${beyond.slice(0, -1).join(', ')} and ${beyond.at(-1)}`,
    ...(isBeyond('self') ? [] : [self]),
    ...(isRun('shuffled') && !isBeyond('shuffled') ? [shuffled] : []),
  ].join(', ');
}

function seedsLine(outcomes: readonly LineageOutcome[], gains: readonly TransferGain[]): string {
  const compared = gains.map((g) => g.points.length).filter((n) => n > 0);
  const seeds = new Set(outcomes.map((o) => o.seed)).size;
  const low = compared.length > 0 ? Math.min(...compared) : seeds;
  const high = compared.length > 0 ? Math.max(...compared) : seeds;
  const n = `n = ${low === high ? low : `${low} to ${high}`} ${high === 1 ? 'seed' : 'seeds'}`;
  if (high <= 3) return `With ${n} nothing stronger can be said.`;
  if (high <= 5) {
    return `With ${n} the smallest two-sided p possible is ${pValue(2 ** (1 - high))}: nothing stronger can be said.`;
  }
  const tested = gains.filter((g) => g.inference?.holmP != null);
  if (tested.length === 0) return `With ${n} no comparison was tested.`;
  const smallest = tested.reduce((a, b) => (b.inference!.holmP! < a.inference!.holmP! ? b : a));
  const which = `${smallest.lineage} against ${smallest.control}`;
  return `With ${n} the smallest exact p, Holm-corrected, is ${pValue(smallest.inference!.holmP!)} (${which}).`;
}
