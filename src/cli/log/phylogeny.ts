import { clean } from '../text/clean.ts';
import { type Glyphs, paintVerdict } from '../text/glyphs.ts';
import { decimalsFor, formatChange, formatScore } from '../text/numbers.ts';
import type { Paint } from '../text/paint.ts';
import { columns } from '../text/width.ts';
import type { LogRow } from './log-rows.ts';

export interface Style {
  readonly glyphs: Glyphs;
  readonly paint: Paint;
}

/**
 * Draws rows, newest first, as a phylogeny: a column for each lineage, a mark
 * for each generation's fate, and an edge from an adopter down to the column
 * of the lineage whose code it took.
 * @param lineages - The columns, from the left.
 */
export function drawPhylogeny(rows: readonly LogRow[], lineages: readonly string[], style: Style): string[] {
  const texts = textColumns(rows, style);
  const spans = lineages.map((lineage) => spanOf(rows, lineage));
  const places = new Map(rows.map((row, at) => [`${row.lineage}/${row.generation}`, at]));
  return rows.flatMap((row, at) => {
    const marks = lineages.map((lineage, i) => {
      if (lineage === row.lineage) return paintVerdict(style.paint, row.verdict, markOf(row, style.glyphs));
      return isWithin(spans[i]!, at) ? style.glyphs.line : ' ';
    });
    const edge = edgeOf(row, at, places, lineages, spans, style.glyphs);
    return [`${marks.join(' ')}  ${texts[at]}`.trimEnd(), ...(edge === null ? [] : [edge])];
  });
}

interface Span {
  readonly first: number;
  readonly last: number;
}

function spanOf(rows: readonly LogRow[], lineage: string): Span {
  return {
    first: rows.findIndex((row) => row.lineage === lineage),
    last: rows.findLastIndex((row) => row.lineage === lineage),
  };
}

const isWithin = ({ first, last }: Span, at: number) => first >= 0 && first < at && at < last;

function markOf({ adopted, verdict }: LogRow, glyphs: Glyphs): string {
  return adopted === null ? glyphs.verdicts[verdict] : glyphs.adopted;
}

/** The line below an adopter that leads to the column of its source, or `null`. */
function edgeOf(
  { lineage, adopted }: LogRow,
  at: number,
  places: ReadonlyMap<string, number>,
  lineages: readonly string[],
  spans: readonly Span[],
  glyphs: Glyphs,
): string | null {
  if (adopted === null) return null;
  const source = places.get(`${adopted.lineage}/${adopted.generation}`) ?? -1;
  if (source < at) return null;
  const ends = [lineages.indexOf(lineage), lineages.indexOf(adopted.lineage)];
  const [left, right] = [Math.min(...ends), Math.max(...ends)];
  const goesOn = (i: number) => spans[i]!.first >= 0 && spans[i]!.first <= at && spans[i]!.last > at;
  const endAt = (i: number) =>
    (goesOn(i) || lineages[i] === adopted.lineage ? glyphs.joins : glyphs.ends)[i === left ? 0 : 1];
  let line = '';
  for (let i = 0; i < lineages.length; i += 1) {
    const isInside = i > left && i < right;
    if (i === left || i === right) line += endAt(i);
    else if (isInside) line += goesOn(i) ? glyphs.crossing : glyphs.across;
    else line += goesOn(i) ? glyphs.line : ' ';
    line += i >= left && i < right ? glyphs.across : ' ';
  }
  return line.trimEnd();
}

function textColumns(rows: readonly LogRow[], { paint }: Style): string[] {
  const decimals = decimalsFor(rows.map((row) => row.score));
  return columns(
    rows.map((row) => [
      `${row.lineage} g${row.generation}`,
      formatScore(row.score, decimals),
      paintVerdict(paint, row.verdict, row.verdict),
      formatChange(row.change, decimals),
      row.parent === null ? '' : `from g${row.parent}`,
      filesOf(row),
      [rollbackOf(row), adoptionOf(row), row.reason].filter((text) => text !== '').join('; '),
    ]),
    [1, 3],
  );
}

function filesOf({ changedFiles }: LogRow): string {
  const shown = changedFiles.slice(0, 2).map(clean).join(', ');
  return changedFiles.length > 2 ? `${shown} +${changedFiles.length - 2}` : shown;
}

function rollbackOf({ rolledBackFrom }: LogRow): string {
  return rolledBackFrom === null ? '' : `back to the best, not from g${rolledBackFrom}`;
}

function adoptionOf({ adopted }: LogRow): string {
  if (adopted === null) return '';
  const { lineage, generation, lines, share } = adopted;
  return `adopted ${lineage} g${generation}: ${lines} ${lines === 1 ? 'line' : 'lines'}, ${Math.round(share * 100)} % of the change`;
}
