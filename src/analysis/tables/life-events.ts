import { showsOwnLineages } from '../../core/config/arms.ts';
import { scoreFormat } from '../format.ts';
import { crashRule, isFromZeroToOne, neglectLength } from '../life-events.ts';
import type { LineageOutcome } from '../lineage-outcome.ts';
import type { ReportData } from '../report-data.ts';
import { paragraph, type Section } from '../report-model.ts';
import { crashRecoveriesIn, neglectsIn, type WitnessedRun } from '../run-events.ts';
import { type Column, cellsOf, column, csvTable } from './table.ts';

/** Something that happened to a lineage. Generations, first and last. */
interface LifeEvent {
  readonly outcome: LineageOutcome;
  readonly event: 'crash and recovery' | 'neglect' | 'rollback';
  readonly from: number;
  readonly to: number;
  readonly what: string;
}

/** What of a report is looked at. */
type Told = Pick<ReportData, 'outcomes' | 'comparable'>;

/** More rows than this are only in the CSV file. */
const mostRows = 50;

/** Crashes that recovered, lineages that stopped reading their peers, and rollbacks: what the environment saw of each. */
export function lifeEventSection({ outcomes, comparable }: Told): Section {
  const events = lifeEvents({ outcomes, comparable });
  const shown = events.slice(0, mostRows);
  const rest = events.length > shown.length ? `The first ${mostRows} of ${events.length} rows. ` : '';
  return {
    heading: 'Crashes, neglect and rollbacks',
    blocks: [
      ...(events.length === 0
        ? [paragraph('None was recorded.')]
        : [{ kind: 'table' as const, name: 'what happened to lineages', cells: cellsOf(columns, shown) }]),
      paragraph(
        `${rest}n = ${events.length}. ${crashWords(outcomes)} ${neglectWords({ outcomes, comparable })} Also in `,
        { file },
        '.',
      ),
    ],
  };
}

const file = 'life-events.csv';

/** The same as a CSV file, by name. */
export function lifeEventFiles(told: Told): Record<string, string> {
  return { [file]: csvTable(columns, lifeEvents(told)) };
}

function lifeEvents({ outcomes, comparable }: Told): LifeEvent[] {
  const { score } = scoreFormat(outcomes);
  const hasCrashes = isFromZeroToOne(scoresOf(outcomes));
  return outcomes.flatMap((outcome): LifeEvent[] => {
    const run = witnessed(outcome, knowsReads(outcome, comparable));
    const crashes = hasCrashes ? crashRecoveriesIn(run) : [];
    return [
      ...crashes.map(({ from, to, recovery, after, invalidAs }): LifeEvent => {
        const why = invalidAs.includes('unmeasured') ? '' : ', where a generation without a score counts as 0';
        return { outcome, event: 'crash and recovery', from, to, what: `${score(after!)} again at g${recovery}${why}` };
      }),
      ...neglectsIn(run).map(({ lastRead, from, length }): LifeEvent => {
        const what = `read last in g${lastRead}`;
        return { outcome, event: 'neglect', from, to: from + length - 1, what };
      }),
      ...outcome.generations.flatMap(({ generation, parent, rollback }): LifeEvent[] => {
        if (rollback === undefined) return [];
        const what = `g${generation} is a child of the best, g${parent}, instead of g${rollback.from}`;
        return [{ outcome, event: 'rollback', from: generation - rollback.streak, to: generation - 1, what }];
      }),
    ];
  });
}

/** Who read what is known where peers' own files are shown, and the run was made here. */
function knowsReads({ arm, run }: LineageOutcome, { runs }: Told['comparable']): boolean {
  return showsOwnLineages(arm) && runs.find((r) => r.run === run)?.imported === undefined;
}

/** As the published definitions look at a lineage. */
function witnessed({ run, seed, lineage, curve, generations }: LineageOutcome, hasReads: boolean): WitnessedRun {
  const all = generations.map((g, i) => ({
    ...{ generation: g.generation, parent: g.parent, score: curve[i]!.score, text: null, isPublished: g.published },
    readPeers: hasReads && g.generation > 0 ? g.reads.some((r) => r.shareInModel > 0 || r.shareInTree > 0) : null,
    adopted: null,
  }));
  return { run, seed, lineages: [{ id: lineage, generations: all }] };
}

const scoresOf = (outcomes: readonly LineageOutcome[]) => outcomes.flatMap((o) => o.curve.map(({ score }) => score));

function crashWords(outcomes: readonly LineageOutcome[]): string {
  const { nothing, something, minLength } = crashRule;
  const rule = `Crash and recovery, as published: at least ${minLength} generations in a row at or below ${nothing} after one above ${something}, directly followed by one above it`;
  return isFromZeroToOne(scoresOf(outcomes))
    ? `${rule}.`
    : `${rule}; it is for scores from 0 to 1, so it was not applied here.`;
}

function neglectWords({ outcomes, comparable }: Told): string {
  const isKnown = outcomes.some((o) => knowsReads(o, comparable));
  const rule = `Neglect: at least ${neglectLength} generations in a row that read no peer, after one that did`;
  return isKnown ? `${rule}.` : `${rule}; it is not known here who read what.`;
}

const columns: readonly Column<LifeEvent>[] = [
  column('event', (e) => e.event),
  column('run', (e) => e.outcome.run),
  column('lineage', (e) => e.outcome.lineage),
  column('from_generation', (e) => e.from),
  column('to_generation', (e) => e.to),
  column('what', (e) => e.what),
];
