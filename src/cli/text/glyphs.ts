import type { Verdict } from '../../index.ts';
import type { Io } from '../io.ts';
import type { Paint } from './paint.ts';

/** The marks of a generation's fate, and the lines of a drawn phylogeny. */
export interface Glyphs {
  readonly verdicts: Readonly<Record<Verdict, string>>;
  readonly adopted: string;
  readonly running: string;
  readonly yes: string;
  readonly no: string;
  readonly line: string;
  readonly across: string;
  readonly crossing: string;
  /** Left and right ends of an edge on a column that goes on below. */
  readonly joins: readonly [left: string, right: string];
  /** The same on a column that ends there. */
  readonly ends: readonly [left: string, right: string];
  readonly hasSparkline: boolean;
}

const rich: Glyphs = {
  verdicts: { seed: '●', promoted: '●', archived: '○', refused: '✕', failed: '⊘' },
  adopted: '◎',
  running: '▶',
  yes: '✓',
  no: '✗',
  line: '│',
  across: '─',
  crossing: '┼',
  joins: ['├', '┤'],
  ends: ['╰', '╯'],
  hasSparkline: true,
};

const plain: Glyphs = {
  verdicts: { seed: '*', promoted: '*', archived: 'o', refused: 'x', failed: '!' },
  adopted: '@',
  running: '>',
  yes: '+',
  no: '-',
  line: '|',
  across: '-',
  crossing: '+',
  joins: ['|', '|'],
  ends: ["'", "'"],
  hasSparkline: false,
};

export function glyphsFor(env: Io['env']): Glyphs {
  return env.TERM === 'dumb' ? plain : rich;
}

const verdictColors: Readonly<Record<Verdict, keyof Paint>> = {
  seed: 'bold',
  promoted: 'green',
  archived: 'dim',
  refused: 'red',
  failed: 'yellow',
};

export function paintVerdict(paint: Paint, verdict: Verdict, text: string): string {
  return paint[verdictColors[verdict]](text);
}
