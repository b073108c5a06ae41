import { type LineageId, parseLineageId } from '../../core/ids.ts';
import { type Program, readProgram } from './openevolve-program.ts';
import type { SourceTree } from './source-tree.ts';

/** Where a program stands: its lineage, its number there, and the place of what it was made from. */
export interface Place {
  readonly file: string;
  readonly lineage: LineageId;
  readonly generation: number;
  readonly origin: { readonly lineage: LineageId; readonly generation: number } | null;
}

export type ProgramHead = Omit<Program, 'code' | 'metrics'>;

/**
 * Gives every program a place, from all but their code: an island is a
 * lineage where every program says on which it lives, otherwise all are one.
 * Ordered so that a program comes after its parent, then by iteration, time
 * and id.
 */
export function placePrograms(tree: SourceTree, files: readonly string[]) {
  const heads = new Map<string, ProgramHead & { readonly file: string }>();
  for (const file of files) {
    const program = readProgram(tree, file);
    if (program === null || program.code === null) continue;
    const { code: _code, metrics: _metrics, ...head } = program;
    if (heads.has(head.id)) tree.missing.add(`programs/${file}`, `has the id ${head.id}, as another one: not imported`);
    else heads.set(head.id, { ...head, file });
  }
  const programs = parentsFirst(heads);
  const hasIslands = programs.every(({ island }) => island !== null);
  if (!hasIslands) tree.missing.add('programs', 'not every program names its island: all are one lineage');
  const lineageOf = ({ island }: ProgramHead) => parseLineageId(hasIslands ? `island-${island}` : 'programs');
  const counts = new Map<LineageId, number>();
  const placed = new Map<string, Place>();
  for (const program of programs) {
    const lineage = lineageOf(program);
    const generation = counts.get(lineage) ?? 0;
    counts.set(lineage, generation + 1);
    const origin = program.parent === null ? null : (placed.get(program.parent) ?? null);
    if (program.parent !== null && origin === null)
      tree.missing.add(`programs/${program.file}`, `its parent ${program.parent} is not in the checkpoint`);
    placed.set(program.id, {
      ...{ file: program.file, lineage, generation },
      origin: origin && { lineage: origin.lineage, generation: origin.generation },
    });
  }
  const lineages = [...counts.keys()].sort((a, b) => numberIn(a) - numberIn(b));
  return { programs, places: [...placed.values()], lineages };
}

const numberIn = (lineage: string) => Number(/\d+$/.exec(lineage)?.[0] ?? 0);

type Head = ProgramHead & { readonly file: string };

/** A stable order in which every parent precedes its children; a circle of parents is cut where it is met. */
function parentsFirst(heads: ReadonlyMap<string, Head>): Head[] {
  const found = (a: Head, b: Head) =>
    a.iteration - b.iteration || a.timestamp - b.timestamp || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  const ordered: Head[] = [];
  const seen = new Set<string>();
  for (const head of [...heads.values()].sort(found)) {
    const above: Head[] = [];
    for (let at: Head | undefined = head; at !== undefined && !seen.has(at.id); at = heads.get(at.parent ?? '')) {
      seen.add(at.id);
      above.push(at);
    }
    ordered.push(...above.reverse());
  }
  return ordered;
}
