import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import { type FileTree, textOf } from '../../src/core/file-tree.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Check } from '../../src/core/records.ts';
import type { EditConduct } from './gate-memory.ts';

type Evidence = RequestOf<'gate'>;

/** Size and growth: a limit, and a factor of the parent's bytes. */
export function checkSize({ candidate, parent }: Evidence, limits: NonNullable<GateConfig['size']>): Check {
  const { maxBytes, maxFiles, maxGrowth, alwaysBytes } = limits;
  const { bytes, files } = candidate;
  const grown = maxGrowth === undefined ? Number.POSITIVE_INFINITY : Math.max(alwaysBytes, maxGrowth * parent.bytes);
  const problems = [
    ...(bytes > (maxBytes ?? Number.POSITIVE_INFINITY) ? [`${bytes} bytes, ${maxBytes} allowed`] : []),
    ...(files > (maxFiles ?? Number.POSITIVE_INFINITY) ? [`${files} files, ${maxFiles} allowed`] : []),
    ...(bytes > grown ? [`${bytes} bytes from ${parent.bytes}, ${Math.floor(grown)} allowed`] : []),
  ];
  return problems.length === 0
    ? { name: 'size', outcome: 'pass', reason: `${bytes} bytes, ${files} files` }
    : { name: 'size', outcome: 'refuse', reason: problems.join('; ') };
}

/**
 * Whether the agent still explores. Edits that write prose only, that ask the
 * model and use no tool, or that ask nobody, so many in a row, after earlier
 * ones did more: it has talked itself into stopping, or blocks its own tools.
 * @param edits - Oldest first, this one last.
 */
export function checkComplacency(edits: readonly EditConduct[], { edits: many }: { readonly edits: number }): Check {
  const name = 'complacency';
  const last = edits.slice(-many);
  if (last.length < many) return { name, outcome: 'pass', reason: `${edits.length} edits so far` };
  const refuse = (what: string): Check => ({ name, outcome: 'refuse', reason: `the last ${many} edits ${what}` });
  if (last.every((e) => e.changed !== 'code')) return refuse('changed no code');
  if (last.every((e) => e.calls === 0) && edits.some((e) => e.calls > 0)) return refuse('asked no model');
  if (last.every((e) => e.calls > 0 && e.toolCalls === 0) && edits.some((e) => e.toolCalls > 0)) {
    return refuse('used no tool, as earlier ones did');
  }
  return {
    name,
    outcome: 'pass',
    reason: `${last.filter((e) => e.changed === 'code').length} of ${many} changed code`,
  };
}

/** What an edit changed that can act. Prose only explains; a prompt is no prose, whatever its extension. */
export function changedKind(changedFiles: readonly string[]): EditConduct['changed'] {
  if (changedFiles.length === 0) return 'nothing';
  const isProse = (path: string) =>
    /^docs\//i.test(path) || /(^|\/)(readme|license|changelog|history|todo|notes?)(\.(md|txt|rst))?$/i.test(path);
  return changedFiles.every(isProse) ? 'prose' : 'code';
}

/** Reverting a constraint: a file that held one of these lines must hold one still; a file that went away, too. */
export function checkConstraints(rules: GateConfig['constraints'], parent: FileTree, child: FileTree): Check {
  const name = 'constraints';
  const lost = rules.flatMap(({ files, pattern, why }) => {
    const [inFiles, holds] = [new RegExp(files, 'u'), new RegExp(pattern, 'mu')];
    const isHeld = (tree: FileTree, path: string) =>
      holds.test((tree.has(path) && textOf(tree.get(path)!.bytes)) || '');
    return [...parent.keys()]
      .filter((path) => inFiles.test(path) && isHeld(parent, path) && !isHeld(child, path))
      .map((path) => `${path}: ${why}`);
  });
  return lost.length === 0
    ? { name, outcome: 'pass', reason: `${rules.length} kept` }
    : { name, outcome: 'refuse', reason: `reverted in ${lost.join('; ')}` };
}
