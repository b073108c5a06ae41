import type { SourceTree } from './source-tree.ts';

/** A program of a checkpoint, as far as it is imported. */
export interface Program {
  readonly id: string;
  readonly code: string | null;
  readonly language: string;
  readonly parent: string | null;
  readonly iteration: number;
  readonly timestamp: number;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly island: number | null;
  readonly isMigrant: boolean;
  /** What the model said it changed. */
  readonly changes: string | null;
}

/** @returns `null` for what is no program, which is told. */
export function readProgram(tree: SourceTree, file: string): Program | null {
  const json = tree.readJson(`programs/${file}`);
  if (json === null) return null;
  const { id, code, language, parent_id: parent, iteration_found: iteration, timestamp, metrics, metadata } = json;
  if (typeof id !== 'string' || id === '') {
    tree.missing.add(`programs/${file}`, 'has no id: not imported');
    return null;
  }
  if (typeof code !== 'string') tree.missing.add(`programs/${file}`, 'has no code: not imported');
  const said = objectOf(metadata);
  return {
    id,
    code: typeof code === 'string' ? code : null,
    language: typeof language === 'string' ? language : 'python',
    parent: typeof parent === 'string' ? parent : null,
    iteration: typeof iteration === 'number' && Number.isSafeInteger(iteration) ? iteration : 0,
    timestamp: typeof timestamp === 'number' && Number.isFinite(timestamp) ? timestamp : 0,
    metrics: objectOf(metrics),
    island: Number.isSafeInteger(said.island) && (said.island as number) >= 0 ? (said.island as number) : null,
    isMigrant: said.migrant === true,
    changes: typeof said.changes === 'string' && said.changes !== '' ? said.changes : null,
  };
}

const objectOf = (value: unknown) =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
