import {
  type ConductFact,
  type Generation,
  type Mark,
  type MarkDetail,
  type MarkEntry,
  type RunMarks,
  sparkline,
} from '../../index.ts';
import type { Session } from '../session.ts';
import { clean, cleanLines } from '../text/clean.ts';
import { counted, decimalsFor, formatDuration, formatScore } from '../text/numbers.ts';
import { columns } from '../text/width.ts';

export function markLines({ paint }: Session, clock: RunMarks['clock'], entries: readonly MarkEntry[]): string[] {
  if (entries.length === 0) return [];
  const heads = ['mark', 'kind', 'scope', 'author', 'round', 'age', 'strength', 'conf.', 'replaces', 'says'];
  const rows = entries.map((entry) => {
    const { mark, round, ageMs, strength, supersededBy } = entry;
    return [
      shortId(mark.id),
      mark.kind,
      clean(mark.scope),
      clean(mark.author),
      round === null ? '–' : String(round),
      formatAge(clock, ageMs),
      supersededBy === null ? strength.toFixed(2) : paint.dim(`${strength.toFixed(2)} replaced`),
      weightOf(mark),
      mark.supersedes === null ? '' : shortId(mark.supersedes),
      saying(mark),
    ];
  });
  const [head = '', ...lines] = columns([heads, ...rows], [4, 5]);
  return [paint.dim(head), ...lines];
}

/** A mark that has just been written, for a list that grows. */
export function followedLine({ paint }: Session, { mark, round }: MarkEntry): string {
  const made = `${round === null ? '' : `round ${round}  `}${paint.bold(clean(mark.author))}`;
  const replaced = mark.supersedes === null ? '' : `  replaces ${shortId(mark.supersedes)}`;
  return `${made}  ${mark.kind} in ${clean(mark.scope)}  ${shortId(mark.id)}  ${weightOf(mark)}  ${saying(mark)}${replaced}`;
}

export function detailLines({ paint, glyphs, io }: Session, marks: RunMarks, detail: MarkDetail): string[] {
  const { mark, round, ageMs, strength, weighing, chain, strengths, supersededBy } = detail;
  const when = marks.isRunning ? 'now' : 'when the run last went on';
  const isByRounds = marks.clock === 'rounds';
  const measured = [0, 1, 6, 24].map((hours) => {
    const at = strengths.find(({ afterMs }) => afterMs === (isByRounds ? hours : hours * 3_600_000))!.strength;
    return `${hours === 0 ? 'made' : isByRounds ? formatAge('rounds', hours) : `${hours} h`} ${at.toFixed(2)}`;
  });
  const curve = glyphs.hasSparkline
    ? `${sparkline(
        strengths.map((s) => s.strength),
        { low: 0, high: 1 },
      )}  `
    : '';
  return [
    `${paint.bold(clean(mark.id))}  ${mark.kind} in ${clean(mark.scope)}`,
    '',
    ...columns([
      ['author', clean(mark.author)],
      [
        'made',
        isByRounds
          ? `round ${mark.createdAtMs}, ${formatAge('rounds', ageMs)} before that`
          : `${new Date(mark.createdAtMs).toISOString()}${round === null ? '' : `, round ${round}`}, ${formatDuration(ageMs)} before that`,
      ],
      [
        'strength',
        `${strength.toFixed(3)} ${when}${supersededBy === null ? '' : `, but replaced by ${shortId(supersededBy)}`}`,
      ],
      ['', `${curve}${measured.join(', ')}`],
      ...(weightOf(mark) === '' ? [] : [['confidence', weightOf(mark)]]),
      ...(mark.flags.length === 0 ? [] : [['flags', mark.flags.map(clean).join(', ')]]),
      ...(mark.payload === null ? [] : [['payload', clean(mark.payload)]]),
      ...(chain.length < 2
        ? []
        : chain.map((other, i) => [
            i === 0 ? 'chain' : '',
            `${other.mark.id === mark.id ? '* ' : '  '}${shortId(other.mark.id)}  ${saying(other.mark)}`,
          ])),
      ...weighing.map((other, i) => [
        i === 0 ? 'warnings' : '',
        `${shortId(other.mark.id)} by ${clean(other.mark.author)}, weighs ${other.strength.toFixed(2)}: ${saying(other.mark)}`,
      ]),
    ]),
    '',
    ...contentOf(mark).flatMap(([name, text]) => [
      paint.dim(name),
      ...cleanLines(text)
        .split('\n')
        .map((line) => `  ${line}`),
    ]),
    '',
    `Next     ${io.commandName} marks ${clean(marks.run)} --scope ${clean(mark.scope)} --all`,
  ];
}

/** What the guard found of conduct, a line each. */
export function conductLine({ type, round, about }: ConductFact): string {
  const who = clean(about.lineage ?? 'everybody');
  const where = about.scope === null || about.scope === undefined ? 'everything' : clean(about.scope);
  const when = round === null ? '' : `round ${round}  `;
  if (type === 'guard.narrowed') return `${when}${where} was closed to ${who}: ${clean(about.reason ?? '')}`;
  if (type === 'guard.lifted') return `${when}${who} was let go on in ${where}`;
  return `${when}${who} was ${clean(about.verdict ?? '')} about ${clean(about.topic ?? '')}, which only it was shown`;
}

function formatAge(clock: RunMarks['clock'], age: number): string {
  return clock === 'wall' ? formatDuration(age) : counted(age, 'round');
}

interface ReadRow {
  readonly lineage: string;
  readonly generation: number;
  readonly read: Generation['reads'][number];
  readonly isAdopted: boolean;
}

export function readLines({ paint, glyphs }: Session, rows: readonly ReadRow[]): string[] {
  const [head = '', ...lines] = columns(
    [
      ['reader', 'peer', 'commit', 'file', 'reached the model', 'reached the tree', ''],
      ...rows.map(({ lineage, generation, read, isAdopted }) => [
        `${clean(lineage)} g${generation}`,
        `${clean(read.peer)} g${read.generation}`,
        read.commit.slice(0, 12),
        clean(read.path),
        percent(read.shareInModel),
        percent(read.shareInTree),
        isAdopted ? `${glyphs.adopted} adopted` : '',
      ]),
    ],
    [4, 5],
  );
  return [paint.dim(head), ...lines];
}

/** The kind and the first eight characters that tell marks apart; `marks <run> <this>` finds it. */
function shortId(id: string): string {
  return clean(id).replace(/^([a-z]+-[0-9a-f]{8})[0-9a-f-]*$/, '$1');
}

/** A measured score where there is one, in its own unit; else the runtime's confidence. */
function weightOf(mark: Mark): string {
  if (mark.kind === 'observation' && mark.score !== null)
    return `score ${formatScore(mark.score, decimalsFor([mark.score]) + 2)}`;
  return 'confidence' in mark ? mark.confidence.toFixed(2) : '';
}

/** What a mark says, in one line. */
function saying(mark: Mark): string {
  switch (mark.kind) {
    case 'observation':
      return clean(`${mark.topic}: ${JSON.stringify(mark.content)}`);
    case 'warning':
      return clean(
        `${mark.severity}, ${mark.invalidates === null ? mark.topic : `against ${shortId(mark.invalidates)}`}: ${mark.reason}`,
      );
    case 'intent':
      return clean(`will ${mark.action} ${mark.resource}`);
    case 'action':
      return clean(`${mark.failed ? 'failed to ' : ''}${mark.action} ${mark.resource}: ${JSON.stringify(mark.result)}`);
    case 'need':
      return clean(`${mark.blocking ? 'blocking: ' : ''}${mark.question}`);
  }
}

/** All that it says, part by part. */
function contentOf(mark: Mark): readonly (readonly [name: string, text: string])[] {
  const json = (value: unknown) => JSON.stringify(value, null, 2);
  switch (mark.kind) {
    case 'observation':
      return [
        ['topic', mark.topic],
        ['source', mark.source],
        ['content', json(mark.content)],
      ];
    case 'warning':
      return [
        ['topic', mark.topic],
        ['severity', mark.severity],
        ['against', mark.invalidates ?? 'no mark in particular'],
        ['reason', mark.reason],
      ];
    case 'intent':
      return [
        ['resource', mark.resource],
        ['action', mark.action],
      ];
    case 'action':
      return [
        ['resource', mark.resource],
        ['action', mark.action],
        [mark.failed ? 'failed with' : 'result', json(mark.result)],
      ];
    case 'need':
      return [
        ['question', mark.question],
        ['context', json(mark.context)],
        ['priority', String(mark.priority)],
      ];
  }
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
