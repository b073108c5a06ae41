import {
  type Evaluation,
  type Generation,
  type GenerationDetail,
  type LineageRecord,
  measuresOf,
  modelNames,
  type RunRecord,
  repositoryOf,
  selectionScore,
} from '../../index.ts';
import { reasonOf } from '../log/log-rows.ts';
import type { Session } from '../session.ts';
import { clean, cleanLines } from '../text/clean.ts';
import { diffStat, paintDiff } from '../text/diff.ts';
import { paintVerdict } from '../text/glyphs.ts';
import { counted, decimalsFor, formatCount, formatDuration, formatScore, formatUsd } from '../text/numbers.ts';
import { columns } from '../text/width.ts';
import { hasUsage } from './imported.ts';
import { fromHere, nameOfRun, shellWord } from './places.ts';

/** Everything that is known of one generation; the whole diff only `withPatch`. */
export function generationLines(
  session: Session,
  record: RunRecord,
  lineage: LineageRecord,
  g: Generation,
  detail: GenerationDetail,
  withPatch: boolean,
): string[] {
  const { paint, glyphs, io } = session;
  const decimals = decimalsFor(lineage.generations.map(selectionScore));
  const mark = g.adoption === null ? glyphs.verdicts[g.verdict] : glyphs.adopted;
  const reason = reasonOf(g);
  const name = `${nameOfRun(record.run, record.dir)}/${lineage.id}/${g.generation}`;
  const { diff } = detail;
  return [
    `${paint.bold(`${record.run}/${lineage.id} g${g.generation}`)}  ${paintVerdict(paint, g.verdict, `${mark} ${g.verdict}`)}${reason === '' ? '' : `  ${reason}`}`,
    '',
    ...columns([
      ...identityRows(g, lineage, decimals),
      ...changeRows(session, g, detail),
      ...influenceRows(g),
      ...(hasUsage(record) ? callRows(session, g, detail) : [['spent', 'not available']]),
      ...checkRows(session, g),
    ]),
    '',
    ...(withPatch && diff !== null && diff !== '' ? [paintDiff(paint, cleanLines(diff)).trimEnd(), ''] : []),
    `History  git -C ${shellWord(fromHere(repositoryOf(record)))} show ${g.commit.slice(0, 12)}`,
    ...(g.parent === null ? [] : [`Next     ${io.commandName} diff ${name}`]),
    `${g.parent === null ? 'Next ' : '     '}    ${io.commandName} blame ${name}`,
  ];
}

function identityRows(g: Generation, lineage: LineageRecord, decimals: number): string[][] {
  const meta = g.metaFrom === null || g.metaFrom === g.parent ? '' : `, edited by the meta-agent of g${g.metaFrom}`;
  const { tournament } = g;
  return [
    ['commit', g.commit],
    [
      'parent',
      g.parent === null ? (g.verdict === 'seed' ? 'none: the initial harness' : 'none') : `g${g.parent}${meta}`,
    ],
    ...(tournament === undefined
      ? []
      : [
          [
            'tournament',
            `won by the ${tournament.winner === 'blind' ? "child of generation 0's meta-agent" : "lineage's own child"}: own ${formatScore(tournament.directed, decimals)}, by generation 0 ${formatScore(tournament.blind, decimals)} in training`,
          ],
        ]),
    ...rollbackRows(g, decimals),
    ['model', g.taskModel === undefined ? lineage.model : modelNames({ ...lineage, taskModel: g.taskModel })],
    ['train', evaluationText(g.train, decimals)],
    ['selection', `${evaluationText(g.selection, decimals)}${g.isPartial ? ', the first stage only' : ''}`],
  ];
}

function rollbackRows({ rollback }: Generation, decimals: number): string[][] {
  if (rollback === undefined) return [];
  const { from, streak, floor, weights } = rollback;
  const low = floor === null ? 'without a score' : `without a score or below ${formatScore(floor, decimals)}`;
  const also = { restored: '; weights, too', kept: '; the weights could not go back and stayed' };
  return [
    [
      'rolled back',
      `to the best so far, not from g${from}: ${counted(streak, 'generation')} in a row ${low}${weights === undefined ? '' : also[weights]}`,
    ],
  ];
}

function changeRows({ paint }: Session, g: Generation, { diff }: GenerationDetail): string[][] {
  const stat = new Map(diffStat(diff ?? '').map((file) => [file.path, file]));
  const files = g.changedFiles.map((path) => {
    const known = stat.get(path);
    return `${clean(path)}${known === undefined ? '' : `  ${paint.green(`+${known.added}`)} ${paint.red(`-${known.removed}`)}`}`;
  });
  return [
    ...(files.length === 0 ? ['nothing'] : files).map((text, i) => [i === 0 ? 'changed' : '', text]),
    ['genome', `${counted(g.files, 'file')}, ${g.bytes} bytes`],
    ...(g.published ? [['published', 'peers can read it from the next round on']] : []),
  ];
}

function influenceRows({ reads, adoption }: Generation): string[][] {
  return [
    ...reads.map((r, i) => [
      i === 0 ? 'read' : '',
      `${r.peer} g${r.generation} ${clean(r.path)}: model saw ${percent(r.shareInModel)}, ${percent(r.shareInTree)} of it came back`,
    ]),
    ...(adoption === null
      ? []
      : [
          [
            'adopted',
            `${adoption.from.lineage} g${adoption.from.generation}: ${counted(adoption.lines, 'line')}, ${percent(adoption.share)} of the change`,
          ],
        ]),
  ];
}

/** The calls that are listed one by one. */
const callsShown = 10;

function callRows({ paint }: Session, { usage }: Generation, { calls }: GenerationDetail): string[][] {
  const tokens = formatCount(usage.promptTokens + usage.completionTokens);
  const rest = calls.length - callsShown;
  const texts = calls.slice(0, callsShown).map((call) => {
    const end = call.error === null ? '' : paint.red(`  ${clean(`${call.error.code}: ${call.error.message}`)}`);
    return `${clean(call.purpose)} ${call.index}: ${call.promptTokens} tokens in, ${call.completionTokens} out, ${formatDuration(call.latencyMs)}, ${formatUsd(call.costUsd)}${end}`;
  });
  return [
    [
      'spent',
      `${tokens} tokens in ${counted(usage.calls, 'call')}, ${counted(usage.toolCalls, 'tool call')}, ${formatUsd(usage.costUsd)}`,
    ],
    ...[...texts, ...(rest > 0 ? [`${rest} more: --json has them all`] : [])].map((text, i) => [
      i === 0 ? 'calls' : '',
      text,
    ]),
  ];
}

function checkRows({ paint }: Session, { checks }: Generation): string[][] {
  const colors = { pass: paint.green, refuse: paint.red, unknown: paint.yellow };
  return checks.map((check, i) => [
    i === 0 ? 'checks' : '',
    `${colors[check.outcome](check.outcome)} ${clean(check.name)}: ${clean(check.reason)}`,
  ]);
}

function evaluationText(evaluation: Evaluation | null, decimals: number): string {
  if (evaluation === null) return 'not evaluated';
  if (evaluation.status === 'failed') return `failed, no score: ${evaluation.reason}: ${clean(evaluation.message)}`;
  const measures = Object.entries(measuresOf(evaluation)).map(([name, mean]) => `, ${clean(name)} ${mean.toFixed(3)}`);
  return `${formatScore(evaluation.score, decimals)} (mean of ${counted(evaluation.n, 'item')}${measures.join('')})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
