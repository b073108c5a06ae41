import { runInNewContext } from 'node:vm';
import type { ExperimentConfig } from '../../../src/core/config/experiment-schema.ts';
import type { FileTree } from '../../../src/core/file-tree.ts';
import { type Finding, linesOf, textIn } from './finding.ts';

export type RefuseRule = ExperimentConfig['validation']['refuse'][number];

/** For all rules and files together; honest patterns need a few milliseconds. */
const maxWallMs = 1_000;
/** A longer line is refused where a rule looks: cut, it could hide something. */
const maxLineChars = 4_096;

type Hit = readonly [path: string, line: number, column: number, message: string];

/** Runs in a context of its own, because only there a regular expression can be stopped. */
const program = `
for (const [number, { files, pattern, why }] of rules.entries()) {
  at.rule = number;
  const [wanted, refused] = [new RegExp(files, 'u'), new RegExp(pattern, 'u')];
  for (const { path, lines } of sources) {
    at.path = path;
    if (!wanted.test(path)) continue;
    for (const [i, line] of lines.entries()) {
      const isTooLong = line.length > ${maxLineChars};
      const column = isTooLong ? 0 : line.search(refused) + 1;
      if (column === 0 && !isTooLong) continue;
      hits.push([path, i + 1, column, isTooLong ? 'a line of more than ${maxLineChars} characters cannot be checked' : why]);
      break;
    }
  }
}`;

/**
 * Applies the experiment's own rules to changed files, outside the sandbox and
 * before anything of the candidate runs. One finding a rule and file at most.
 * A file that takes a pattern too long is refused: it could not be checked.
 * They match lines of text, so they keep honest code within bounds; what wants
 * to hide from them can.
 */
export function applyRules(rules: readonly RefuseRule[], changed: readonly string[], tree: FileTree): Finding[] {
  if (rules.length === 0) return [];
  const sources = changed.map((path) => ({ path, lines: linesOf(textIn(tree.get(path)!.bytes)) }));
  const at = { rule: 0, path: '' };
  const hits: Hit[] = [];
  try {
    runInNewContext(program, { rules, sources, at, hits }, { timeout: maxWallMs });
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    // The other is a pattern that ran out of stack.
    if (code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT' && name !== 'RangeError') throw error;
    hits.push([at.path, 0, 0, `rule ${at.rule + 1} could not be checked: ${rules[at.rule]!.pattern}`]);
  }
  return hits.map(([path, line, column, message]) => {
    return { stage: 'policy', subject: path, path, line, column, message };
  });
}
