import { describeError, sparkline } from '../../index.ts';
import { clean } from '../text/clean.ts';
import { type Glyphs, paintVerdict } from '../text/glyphs.ts';
import { decimalsFor, formatChange, formatCount, formatDuration, formatScore, formatUsd } from '../text/numbers.ts';
import type { Paint } from '../text/paint.ts';
import { columns, crop } from '../text/width.ts';
import { remainingMs, waitingFor } from './estimate.ts';
import { type LineageProgress, type ProgressState, type RunProgress, waitingNotice } from './progress-state.ts';

export interface ProgressView {
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  readonly paint: Paint;
  readonly glyphs: Glyphs;
}

const silenceMs = 60_000;
const sparkWidth = 12;

/**
 * The progress display as lines, none wider than the window and together
 * lower than it. Runs under way come first when there is little room;
 * finished ones fold into a count.
 */
export function renderProgress(state: ProgressState, view: ProgressView): string[] {
  const room = Math.max(1, view.rows - 1);
  const footer = footerLines(state, view);
  const active = activeLines(state, view);
  const finished = finishedLines(state, view);
  const fixed = 1 + footer.length;
  const shownActive = fold(active, room - fixed, (n) => `… and ${n} more lineages under way`, 'head');
  const shownFinished = fold(finished, room - fixed - shownActive.length, (n) => `… ${n} more runs ended`, 'tail');
  return [headerLine(state, view), ...shownFinished, ...shownActive, ...footer]
    .slice(0, room)
    .map((line) => crop(line, view.columns));
}

/** As many lines as there is room for; what is left out is counted in one of them. */
function fold(lines: readonly string[], room: number, more: (n: number) => string, keep: 'head' | 'tail'): string[] {
  if (lines.length <= room) return [...lines];
  if (room <= 0) return [];
  const left = lines.length - room + 1;
  const count = `  ${more(left)}`;
  return keep === 'head' ? [...lines.slice(0, room - 1), count] : [count, ...lines.slice(left)];
}

function headerLine(state: ProgressState, { nowMs, paint }: ProgressView): string {
  const lineages = state.runs.flatMap((run) => run.lineages);
  const ended = state.runs.filter((run) => run.status !== 'active').length;
  const usd = lineages.reduce<number | null>((sum, l) => (sum === null || l.usd === null ? null : sum + l.usd), 0);
  const eta = remainingMs(state, nowMs);
  return [
    paint.bold(state.experiment ?? state.runs[0]?.run ?? 'starting'),
    `${ended}/${state.totalRuns} runs done`,
    formatDuration(nowMs - state.startedMs),
    ...(eta === null || eta < 1_000 ? [] : [`eta ${formatDuration(eta)}`]),
    `${formatCount(lineages.reduce((sum, l) => sum + l.tokens, 0))} tokens`,
    formatUsd(usd),
  ].join('  ');
}

function footerLines(state: ProgressState, { nowMs, paint }: ProgressView): string[] {
  const silentMs = nowMs - state.lastEventMs;
  return [
    ...(silentMs < silenceMs
      ? []
      : [paint.yellow(`nothing for ${formatDuration(silentMs)}: waiting for ${waitingFor(state)}`)]),
    ...(state.waiting === null ? [] : [paint.yellow(clean(waitingNotice(state.waiting)))]),
    state.notice === null ? paint.dim('Ctrl-C stops at the end of the round') : paint.yellow(clean(state.notice)),
  ];
}

function activeLines(state: ProgressState, view: ProgressView): string[] {
  const rows = state.runs
    .filter((run) => run.status === 'active')
    .flatMap((run) => run.lineages.map((lineage) => lineageCells(run, lineage, view)));
  return columns(rows, [2, 4, 5]);
}

function lineageCells(run: RunProgress, l: LineageProgress, { paint, glyphs, nowMs }: ProgressView): string[] {
  const decimals = decimalsFor(l.scores);
  return [
    `${paint.blue(glyphs.running)} ${run.run}`,
    l.id,
    `g${l.generation ?? '–'}/${run.rounds}`,
    glyphs.hasSparkline ? sparkline(l.bests, { width: sparkWidth }) : '',
    formatScore(l.bests.at(-1) ?? null, decimals),
    formatCount(l.tokens),
    verdictText(l, decimals, paint, glyphs),
    `${l.doing} ${formatDuration(nowMs - l.doingSinceMs)}`,
  ];
}

function verdictText({ last }: LineageProgress, decimals: number, paint: Paint, glyphs: Glyphs): string {
  if (last === null) return '';
  const mark = last.isAdoption ? glyphs.adopted : glyphs.verdicts[last.verdict];
  const text = paintVerdict(paint, last.verdict, `${mark} ${last.verdict}`);
  return last.change === null ? text : `${text} ${formatChange(last.change, decimals)}`;
}

function finishedLines(state: ProgressState, view: ProgressView): string[] {
  return state.runs
    .filter((run) => run.status !== 'active')
    .sort((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0))
    .map((run) => finishedLine(run, view));
}

function finishedLine(run: RunProgress, { paint, glyphs }: ProgressView): string {
  const marks = { done: paint.green(glyphs.yes), failed: paint.red(glyphs.no), stopped: paint.yellow('-'), active: '' };
  const head = `${marks[run.status]} ${run.run}  ${formatDuration((run.endedMs ?? run.startedMs) - run.startedMs)}`;
  return `${head}  ${run.status === 'failed' ? paint.red(clean(describeError(run.error))) : bestsOf(run)}`;
}

/** "numeric 2.125 (g2), structural 2.098 (g1)". */
export function bestsOf(run: RunProgress): string {
  return run.lineages
    .map((l) => {
      const best = l.bests.at(-1) ?? null;
      return best === null
        ? `${l.id} no score`
        : `${l.id} ${formatScore(best, decimalsFor(l.scores))} (g${l.bestGeneration})`;
    })
    .join(', ');
}
