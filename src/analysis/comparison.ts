import { comparableRuns } from './comparable-runs.ts';
import { type LineageOutcome, lineageIds, lineageOutcomes, testScore } from './lineage-outcome.ts';
import type { ReportContext } from './report-data.ts';
import type { RunRecord } from './run-record.ts';
import { correctedByHolm } from './statistics/holm.ts';
import { type PairedInference, pairedInference } from './statistics/paired-inference.ts';
import { type TransferGain, transferGains } from './transfer.ts';

/** Runs that are set beside others. */
export interface ComparedRuns {
  readonly name: string;
  readonly context: ReportContext;
  readonly records: readonly RunRecord[];
  /** Settings by path, each as one line of JSON; equal settings are equal lines. `null` where nobody knows the setting. */
  readonly settings: Readonly<Record<string, string | null>>;
}

export interface ComparedGroup extends ComparedRuns {
  readonly outcomes: readonly LineageOutcome[];
  readonly gains: readonly TransferGain[];
}

/** One seed that two groups have in the same arm and lineage. */
export interface SeedDifference {
  readonly seed: number;
  /** imp@all of the group minus that of the first, in units of the score. */
  readonly gain: number;
  /** Held-out test score, the same; `null` when either was not measured. */
  readonly test: number | null;
}

/** A group against the first one. */
export interface GroupDifference {
  readonly group: string;
  readonly arm: LineageOutcome['arm'];
  readonly lineage: string;
  readonly points: readonly SeedDifference[];
  /** `null` for three seeds or fewer. */
  readonly inference: PairedInference | null;
}

/** One line of JSON, `not set` in a group without the setting, or `null` where nobody knows. */
type SettingValue = string | null;

export interface Comparison {
  readonly groups: readonly ComparedGroup[];
  /** Settings that are known not to be the same everywhere, with a value for each group. */
  readonly differs: readonly { readonly setting: string; readonly values: readonly SettingValue[] }[];
  /** Settings that are not compared, because nobody knows what they were in the group. */
  readonly notAvailable: readonly { readonly group: string; readonly settings: readonly string[] }[];
  /** Why a group's scores are not set against those of the first. */
  readonly notComparable: readonly { readonly group: string; readonly reasons: readonly string[] }[];
  readonly differences: readonly GroupDifference[];
}

/** Sets groups beside the first one: paired where arm, lineage and seed are shared, and where scores mean the same. */
export function compareGroups(compared: readonly ComparedRuns[]): Comparison {
  const groups = compared.map((group): ComparedGroup => {
    const outcomes = lineageOutcomes(comparableRuns(group.records).runs);
    return { ...group, outcomes, gains: transferGains(outcomes) };
  });
  const [first, ...others] = groups;
  if (first === undefined) return { groups, differs: [], notAvailable: [], notComparable: [], differences: [] };
  const reasons = others.map((group) => ({ group: group.name, reasons: obstacles(first, group) }));
  const differences = others
    .filter((_, i) => reasons[i]!.reasons.length === 0)
    .flatMap((group) => differencesFrom(first, group));
  return {
    groups,
    differs: differingSettings(groups),
    notAvailable: groups.flatMap(({ name, settings }) => {
      const unknown = Object.keys(settings).filter((path) => settings[path] === null);
      return unknown.length === 0 ? [] : [{ group: name, settings: unknown.sort() }];
    }),
    notComparable: reasons.filter((r) => r.reasons.length > 0),
    differences: correctedByHolm(
      differences,
      (d) => d.inference?.p ?? null,
      (d, holmP) => ({ ...d, inference: { ...d.inference!, holmP } }),
    ),
  };
}

const families = [
  { name: 'niche', pattern: /^niche(\.|$)/ },
  { name: 'items', pattern: /^items\./ },
  { name: 'budget', pattern: /^(budget|lineageBudget)\./ },
] as const;

/** What makes scores, or the chance to get them, another thing: other niche, other items, other budget. */
function obstacles(first: ComparedGroup, group: ComparedGroup): string[] {
  const differing = differingSettings([first, group]);
  const reasons = families.flatMap(({ name, pattern }) => {
    const each = differing.filter(({ setting }) => pattern.test(setting));
    if (each.length === 0) return [];
    return [`other ${name}: ${each.map(({ setting, values }) => `${setting} ${values.join(' against ')}`).join(', ')}`];
  });
  if (reasons.length === 0 && first.context.niche !== group.context.niche)
    reasons.push(`other niche: ${first.context.niche} against ${group.context.niche}`);
  const unseeded = [first, group].filter((g) => g.outcomes.some((o) => !o.isSeeded)).map((g) => g.name);
  if (unseeded.length > 0) reasons.push(`no seed to pair by in ${unseeded.join(' and ')}`);
  return reasons.length > 0 ? reasons : otherSituations(first, group);
}

/** Equal settings do not make equal items where a niche draws them otherwise: generation 0 shows which they were. */
function otherSituations(first: ComparedGroup, group: ComparedGroup): string[] {
  for (const own of group.outcomes) {
    const other = first.outcomes.find((o) => o.seed === own.seed && o.lineage === own.lineage);
    const [a, b] = [situationsOf(own), other === undefined ? null : situationsOf(other)];
    if (a !== null && b !== null && a !== b) return [`other items: those of seed ${own.seed} are not the same`];
  }
  return [];
}

function situationsOf({ generations }: LineageOutcome): string | null {
  const items = generations[0]?.selection?.items ?? [];
  return items.length === 0 ? null : JSON.stringify(items.map((item) => item.situation).sort());
}

function differencesFrom(first: ComparedGroup, group: ComparedGroup): GroupDifference[] {
  const arms = [...new Set(group.outcomes.map((o) => o.arm))];
  return arms.flatMap((arm) =>
    lineageIds(group.outcomes.filter((o) => o.arm === arm)).flatMap((lineage) => {
      const of = (g: ComparedGroup) => g.outcomes.filter((o) => o.arm === arm && o.lineage === lineage);
      const others = of(first);
      if (others.length === 0) return [];
      const points = of(group).flatMap(
        (o) =>
          seedDifference(
            others.find((other) => other.seed === o.seed),
            o,
          ) ?? [],
      );
      return [{ group: group.name, arm, lineage, points, inference: pairedInference(points.map((p) => p.gain)) }];
    }),
  );
}

function seedDifference(first: LineageOutcome | undefined, own: LineageOutcome): SeedDifference | null {
  if (first === undefined || first.imp.all === null || own.imp.all === null) return null;
  const [test, firstTest] = [testScore(own), testScore(first)];
  return {
    seed: own.seed,
    gain: without(own.imp.all - first.imp.all, own.imp.all),
    test: test === null || firstTest === null ? null : without(test - firstTest, test),
  };
}

/** A difference of rounding is none. */
function without(difference: number, magnitude: number): number {
  return Math.abs(difference) <= 1e-12 * Math.max(1, Math.abs(magnitude)) ? 0 : difference;
}

function differingSettings(groups: readonly ComparedGroup[]): Comparison['differs'] {
  const settings = [...new Set(groups.flatMap((g) => Object.keys(g.settings)))].sort();
  return settings
    .map((setting) => ({ setting, values: groups.map((g) => settingValue(setting, g)) }))
    .filter(({ values }) => new Set(values.filter((value) => value !== null)).size > 1);
}

function settingValue(setting: string, { settings }: ComparedGroup): SettingValue {
  const value = settings[setting];
  return value === undefined ? 'not set' : value;
}
