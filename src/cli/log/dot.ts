import type { Verdict } from '../../index.ts';
import { clean } from '../text/clean.ts';
import { decimalsFor, formatScore } from '../text/numbers.ts';
import type { LogRow } from './log-rows.ts';

const looks: Readonly<Record<Verdict, string>> = {
  seed: 'shape=doublecircle, fillcolor="#d9d9d9"',
  promoted: 'shape=box, fillcolor="#a6dba0"',
  archived: 'shape=ellipse, fillcolor="#ffffff"',
  refused: 'shape=octagon, fillcolor="#f4a582"',
  failed: 'shape=diamond, fillcolor="#fee08b"',
};

/**
 * Rows as a graph for Graphviz: a cluster for each lineage, a shape for each
 * verdict, solid edges from parent to child, dashed ones from the generation
 * whose code was adopted. An edge to a generation that is not shown is left out.
 */
export function dotGraph(run: string, rows: readonly LogRow[], lineages: readonly string[]): string[] {
  const decimals = decimalsFor(rows.map((row) => row.score));
  const oldestFirst = [...rows].reverse();
  const shown = new Set(rows.map((row) => nameOf(row)));
  const edges = oldestFirst.flatMap((row) => {
    const parent = row.parent === null ? null : nameOf({ lineage: row.lineage, generation: row.parent });
    const source = row.adopted && nameOf(row.adopted);
    return [
      ...(parent !== null && shown.has(parent) ? [`  ${parent} -> ${nameOf(row)};`] : []),
      ...(source !== null && shown.has(source)
        ? [`  ${source} -> ${nameOf(row)} [style=dashed, color="#2166ac", label=${adoptionLabel(row.adopted!)}];`]
        : []),
    ];
  });
  return [
    `digraph ${quoted(run)} {`,
    '  rankdir=TB;',
    '  node [style=filled, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...lineages.flatMap((lineage) => [
      `  subgraph ${quoted(`cluster_${lineage}`)} {`,
      `    label=${quoted(lineage)};`,
      ...oldestFirst.filter((row) => row.lineage === lineage).map((row) => `    ${nodeOf(row, decimals)}`),
      '  }',
    ]),
    ...edges,
    '}',
  ];
}

function nodeOf(row: LogRow, decimals: number): string {
  const label = quoted(`g${row.generation}`, formatScore(row.score, decimals));
  const tooltip = quoted([row.verdict, row.reason].filter((text) => text !== '').join(': '));
  return `${nameOf(row)} [${looks[row.verdict]}, label=${label}, tooltip=${tooltip}];`;
}

const nameOf = ({ lineage, generation }: Pick<LogRow, 'lineage' | 'generation'>) => quoted(`${lineage}/${generation}`);

function adoptionLabel({ lines, share }: NonNullable<LogRow['adopted']>): string {
  return quoted(`${lines} ${lines === 1 ? 'line' : 'lines'}, ${Math.round(share * 100)} %`);
}

/** A string of the DOT language; in labels `\n` begins a line, and any other backslash would be an escape. */
function quoted(...lines: readonly string[]): string {
  return `"${lines.map((line) => clean(line).replace(/["\\]/g, '\\$&')).join('\\n')}"`;
}
