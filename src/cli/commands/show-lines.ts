import {
  bestGeneration,
  type Evaluation,
  type Generation,
  type LineageRecord,
  type RunRecord,
  repositoryOf,
  selectionScore,
  sparkline,
} from '../../index.ts';
import { logRows, reasonOf } from '../log/log-rows.ts';
import { drawPhylogeny } from '../log/phylogeny.ts';
import type { Session } from '../session.ts';
import { clean } from '../text/clean.ts';
import { paintVerdict } from '../text/glyphs.ts';
import { counted, decimalsFor, formatCount, formatDuration, formatScore, formatUsd } from '../text/numbers.ts';
import { columns, crop } from '../text/width.ts';
import { fromHere, nameOfRun, shellWord } from './places.ts';

const decimalsOf = ({ generations }: LineageRecord) => decimalsFor(generations.map(selectionScore));
const tokensOf = ({ spent }: LineageRecord) => spent.promptTokens + spent.completionTokens;

export function runLines(session: Session, record: RunRecord): string[] {
  const { paint, io } = session;
  const reason = record.reason === null ? '' : ` (${clean(record.reason)})`;
  const name = nameOfRun(record.run, record.dir);
  return [
    paint.bold(record.run),
    `${record.experiment}, arm ${record.arm}, seed ${record.seed}: ${record.status}${reason} after ${formatDuration(record.wallMs)}`,
    '',
    ...columns(record.lineages.map((l) => lineageCells(session, l))),
    '',
    `History  git -C ${shellWord(fromHere(repositoryOf(record)))} log --graph --oneline --glob=refs/attempts`,
    `Next     ${io.commandName} show ${name}/${record.lineages[0]?.id ?? ''}`,
    ...(record.status === 'stopped' || record.status === 'failed' ? [`         ${io.commandName} resume ${name}`] : []),
  ];
}

function lineageCells({ paint, glyphs }: Session, lineage: LineageRecord): string[] {
  const { id, model, generations, test, spent } = lineage;
  const decimals = decimalsOf(lineage);
  const best = bestGeneration(generations);
  const counts = (verdict: Generation['verdict']) => generations.filter((g) => g.verdict === verdict).length;
  const adopted = generations.filter((g) => g.adoption !== null).length;
  return [
    paint.bold(id),
    model,
    glyphs.hasSparkline ? sparkline(generations.map(selectionScore), { width: 24 }) : '',
    best === null ? 'no score' : `best ${formatScore(selectionScore(best), decimals)} (g${best.generation})`,
    test?.status === 'measured' ? `test ${formatScore(test.score, decimals)}` : '',
    `${counts('promoted')} promoted, ${counts('archived') + counts('refused')} not kept, ${counts('failed')} failed, ${adopted} adopted`,
    `${formatCount(tokensOf(lineage))} tokens ${formatUsd(spent.costUsd)}`,
  ];
}

export function lineageLines(session: Session, record: RunRecord, lineage: LineageRecord): string[] {
  const { io, glyphs, paint } = session;
  const rows = logRows(record).filter((row) => row.lineage === lineage.id);
  const lines = drawPhylogeny(rows, [lineage.id], { glyphs, paint });
  return [
    `${paint.bold(`${record.run}/${lineage.id}`)}  ${lineage.model}  ${counted(rows.length, 'generation')}`,
    '',
    ...(io.stdout.isTTY ? lines.map((line) => crop(line, io.stdout.columns)) : lines),
    '',
    `Next     ${io.commandName} show ${nameOfRun(record.run, record.dir)}/${lineage.id}/${rows[0]?.generation ?? 0}`,
  ];
}

export function generationLines(session: Session, record: RunRecord, lineage: LineageRecord, g: Generation): string[] {
  const { paint, glyphs, io } = session;
  const decimals = decimalsOf(lineage);
  const mark = g.adoption === null ? glyphs.verdicts[g.verdict] : glyphs.adopted;
  const reason = reasonOf(g);
  const name = `${nameOfRun(record.run, record.dir)}/${lineage.id}/${g.generation}`;
  return [
    `${paint.bold(`${record.run}/${lineage.id} g${g.generation}`)}  ${paintVerdict(paint, g.verdict, `${mark} ${g.verdict}`)}${reason === '' ? '' : `  ${reason}`}`,
    '',
    ...columns([...facts(g, lineage, decimals), ...checkRows(session, g)]),
    '',
    `History  git -C ${shellWord(fromHere(repositoryOf(record)))} show ${g.commit.slice(0, 12)}`,
    ...(g.parent === null ? [] : [`Next     ${io.commandName} diff ${name}`]),
  ];
}

function facts(g: Generation, { model }: LineageRecord, decimals: number): string[][] {
  const { usage, adoption } = g;
  const meta = g.metaFrom === null || g.metaFrom === g.parent ? '' : `, edited by the meta-agent of g${g.metaFrom}`;
  return [
    ['commit', g.commit],
    ['parent', g.parent === null ? 'none: the initial harness' : `g${g.parent}${meta}`],
    ['model', model],
    ['train', evaluationText(g.train, decimals)],
    ['selection', evaluationText(g.selection, decimals)],
    ['changed', g.changedFiles.map(clean).join(', ') || 'nothing'],
    ['genome', `${counted(g.files, 'file')}, ${g.bytes} bytes`],
    [
      'spent',
      `${formatCount(usage.promptTokens + usage.completionTokens)} tokens in ${counted(usage.calls, 'call')}, ${counted(usage.toolCalls, 'tool call')}, ${formatUsd(usage.costUsd)}`,
    ],
    ...(g.published ? [['published', 'peers can read it from the next round on']] : []),
    ...g.reads.map((r, i) => [
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
  return `${formatScore(evaluation.score, decimals)} (mean of ${counted(evaluation.n, 'item')})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
