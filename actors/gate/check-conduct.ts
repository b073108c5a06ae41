import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import { type FileTree, textOf } from '../../src/core/file-tree.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Check, ToolOutcomes } from '../../src/core/records.ts';
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
  const blocked = blockedTools(edits, last);
  if (blocked !== null) return { name, ...blocked };
  return {
    name,
    outcome: 'pass',
    reason: `${last.filter((e) => e.changed === 'code').length} of ${many} changed code`,
  };
}

/**
 * Whether the genome refuses its own tools: in every one of the last edits all
 * that it said to its model's calls were refusals, or all that it said to the
 * calls of a tool that worked before. Where tools were called in each of them
 * and no answer shows one that worked, it is not known.
 */
function blockedTools(edits: readonly EditConduct[], last: readonly EditConduct[]): Omit<Check, 'name'> | null {
  const isBlocked = (tools: ToolOutcomes[string] | undefined) =>
    tools !== undefined && tools.answered > 0 && tools.refused === tools.answered;
  const works = (tools: ToolOutcomes[string] | undefined) => tools !== undefined && tools.answered > tools.refused;
  const names = Object.keys(last.at(-1)?.tools ?? {});
  const lost = names.filter(
    (tool) => last.every((e) => isBlocked(e.tools?.[tool])) && edits.some((e) => works(e.tools?.[tool])),
  );
  if (lost.length > 0) {
    return { outcome: 'refuse', reason: `the last ${last.length} edits refused their model ${lost.join(', ')}` };
  }
  if (last.some((e) => e.toolCalls === 0 || Object.values(e.tools ?? {}).some(works))) return null;
  if (last.every((e) => Object.values(e.tools ?? {}).some(isBlocked))) {
    return { outcome: 'refuse', reason: `the last ${last.length} edits refused their model every tool` };
  }
  return { outcome: 'unknown', reason: 'what the genome answered to tool calls is not known' };
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
