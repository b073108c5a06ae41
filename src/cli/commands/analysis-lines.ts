import type { Analysis } from '../../index.ts';
import type { Session } from '../session.ts';
import { clean } from '../text/clean.ts';
import { columns } from '../text/width.ts';

const unknown = 'not available';
const number = (value: number | null, digits: number) => (value === null ? unknown : value.toFixed(digits));
const between = (range: readonly [number, number] | null, digits: number) =>
  range === null ? unknown : range.map((value) => value.toFixed(digits)).join(' to ');

/** The analysis as tables, each under what it counts. */
export function analysisLines(session: Session, analysis: Analysis): string[] {
  const { adoptions, crashRecoveries, neglect, efficiency, thresholds } = analysis;
  const hasCrashes = efficiency.some((e) => e.notMeasured === null);
  const bothWays = crashRecoveries.filter(({ invalidAs }) => invalidAs.includes('unmeasured')).length;
  return [
    ...table(session, `Adoptions: ${adoptions.length}`, [
      ['RUN', 'ADOPTER', 'GENERATION', 'FROM', 'WITNESS', 'RATIO', 'BEFORE', 'AFTER'],
      ...adoptions.map((a) => [
        ...[a.run, a.adopter, String(a.generation), a.peer, a.witness],
        ...[number(a.ratio, 3), number(a.before, 3), number(a.after, 3)],
      ]),
    ]),
    ...table(
      session,
      hasCrashes
        ? `Crashes that recovered: ${crashRecoveries.length} with invalid generations counted as 0, ${bothWays} with those ending a crash`
        : `Crashes that recovered: not measured, ${efficiency[0]?.notMeasured}`,
      [
        ['RUN', 'LINEAGE', 'AT NOTHING', 'RECOVERED', 'BEFORE', 'AFTER', 'COUNTED'],
        ...crashRecoveries.map((c) => [
          ...[c.run, c.lineage, `${c.from} to ${c.to}`, String(c.recovery), number(c.before, 3), number(c.after, 3)],
          c.invalidAs.includes('unmeasured') ? 'both ways' : 'invalid as 0',
        ]),
      ],
    ),
    ...table(session, `Neglect of peers: ${neglect.length}`, [
      ['RUN', 'LINEAGE', 'LAST READ', 'STOPPED', 'GENERATIONS', 'PEER BEST'],
      ...neglect.map((n) => [
        ...[n.run, n.lineage, String(n.lastRead), String(n.from), String(n.length), number(n.peerBest, 3)],
      ]),
    ]),
    ...table(session, 'Efficiency: best score by the generations it took', [
      ['EXPERIMENT', 'ARM', 'RUNS', 'MEDIAN', 'RANGE'],
      ...efficiency.map((e) => [
        ...[clean(e.pairing), e.arm, `${e.seeds} of ${e.runs.length}`],
        ...(e.notMeasured === null
          ? [number(e.scorePerGeneration, 4), between(e.range, 4)]
          : ['not measured', e.notMeasured]),
      ]),
    ]),
    ...table(session, 'Generations to a threshold', [
      ['EXPERIMENT', 'ARM', 'THRESHOLD', 'REACHED', 'MEDIAN', 'RANGE'],
      ...thresholds.map((t) => [
        ...[clean(t.pairing), t.arm, t.threshold.toFixed(2), `${t.reached} of ${t.seeds}`],
        ...[number(t.median, 0), between(t.range, 0)],
      ]),
      ...efficiency
        .filter((e) => !thresholds.some((t) => t.pairing === e.pairing && t.arm === e.arm))
        .map((e) => [clean(e.pairing), e.arm, 'none stated', 'not measured', 'not measured', 'not measured']),
    ]),
  ].slice(0, -1);
}

function table({ paint }: Session, title: string, rows: readonly (readonly string[])[]): string[] {
  const [head, ...body] = rows;
  return [paint.bold(title), ...(body.length === 0 ? [] : columns([head!.map(paint.dim), ...body])), ''];
}
