import {
  bestGeneration,
  type Generation,
  type LineageRecord,
  modelNames,
  type RunRecord,
  repositoryOf,
  selectionScore,
  sparkline,
} from '../../index.ts';
import { logRows } from '../log/log-rows.ts';
import { drawPhylogeny } from '../log/phylogeny.ts';
import type { Session } from '../session.ts';
import { clean } from '../text/clean.ts';
import { counted, decimalsFor, formatCount, formatDuration, formatScore, formatUsd } from '../text/numbers.ts';
import { columns, crop } from '../text/width.ts';
import { hasTimes, hasUsage } from './imported.ts';
import { fromHere, nameOfRun, shellWord } from './places.ts';

const decimalsOf = ({ generations }: LineageRecord) => decimalsFor(generations.map(selectionScore));
const tokensOf = ({ spent }: LineageRecord) => spent.promptTokens + spent.completionTokens;

/** Generations of a lineage that are shown; `log` shows more. */
const newestShown = 50;

export function runLines(session: Session, record: RunRecord): string[] {
  const { paint, io } = session;
  const reason = record.reason === null ? '' : ` (${clean(record.reason)})`;
  const name = nameOfRun(record.run, record.dir);
  return [
    paint.bold(record.run),
    `${record.experiment}, arm ${record.arm}, ${seedOf(record)}: ${record.status}${reason}${afterOf(record)}`,
    '',
    ...columns(record.lineages.map((l) => lineageCells(session, record, l))),
    '',
    `History  git -C ${shellWord(fromHere(repositoryOf(record)))} log --graph --oneline --glob=refs/attempts`,
    `Next     ${io.commandName} show ${name}/${record.lineages[0]?.id ?? ''}`,
    ...(record.status === 'stopped' || record.status === 'failed' ? [`         ${io.commandName} resume ${name}`] : []),
  ];
}

const seedOf = ({ imported, seed }: RunRecord) => (imported?.hasNoSeed ? 'no seed' : `seed ${seed}`);

/** How long it took, or where it comes from. */
function afterOf(record: RunRecord): string {
  const { imported } = record;
  const from = imported === undefined ? '' : `, imported from ${imported.source} (${clean(imported.pairing)})`;
  return `${from}${hasTimes(record) ? ` after ${formatDuration(record.wallMs)}` : ''}`;
}

function lineageCells({ paint, glyphs }: Session, record: RunRecord, lineage: LineageRecord): string[] {
  const { id, generations, test, spent } = lineage;
  const decimals = decimalsOf(lineage);
  const best = bestGeneration(generations);
  const counts = (verdict: Generation['verdict']) => generations.filter((g) => g.verdict === verdict).length;
  const adopted = generations.filter((g) => g.adoption !== null).length;
  return [
    paint.bold(id),
    modelNames(lineage),
    glyphs.hasSparkline ? sparkline(generations.map(selectionScore), { width: 24 }) : '',
    best === null ? 'no score' : `best ${formatScore(selectionScore(best), decimals)} (g${best.generation})`,
    test?.status === 'measured' ? `test ${formatScore(test.score, decimals)}` : '',
    `${counts('promoted')} promoted, ${counts('archived') + counts('refused')} not kept, ${counts('failed')} failed, ${adopted} adopted`,
    hasUsage(record) ? `${formatCount(tokensOf(lineage))} tokens ${formatUsd(spent.costUsd)}` : 'cost not available',
  ];
}

export function lineageLines(session: Session, record: RunRecord, lineage: LineageRecord): string[] {
  const { io, glyphs, paint } = session;
  const rows = logRows({ ...record, lineages: [lineage] });
  const newest = rows.slice(0, newestShown);
  const lines = drawPhylogeny(newest, [lineage.id], { glyphs, paint });
  return [
    `${paint.bold(`${record.run}/${lineage.id}`)}  ${modelNames(lineage)}  ${counted(rows.length, 'generation')}`,
    '',
    ...(io.stdout.isTTY ? lines.map((line) => crop(line, io.stdout.columns)) : lines),
    ...(rows.length > newest.length ? [`… ${counted(rows.length - newest.length, 'older generation')}`] : []),
    '',
    `Next     ${io.commandName} show ${nameOfRun(record.run, record.dir)}/${lineage.id}/${rows[0]?.generation ?? 0}`,
  ];
}
