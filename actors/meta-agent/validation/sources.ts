import { posix } from 'node:path';
import { type FileTree, type TreeFile, textOf } from '../../../src/core/file-tree.ts';
import type { GenomeManifest } from '../../../src/core/genome.ts';
import type { Finding } from './finding.ts';

/** How a file is read: JavaScript as one of its two grammars (or whichever fits), shell by its interpreter. */
export type Dialect = 'module' | 'commonjs' | 'either' | 'python' | 'sh' | 'bash' | 'json';

export interface Entry {
  readonly path: string;
  /** `null` for a script in a language that is not known here. */
  readonly dialect: Dialect | null;
}

/** Files that are not in `parent`, or not with these bytes, in the order of their paths. */
export function changedFiles(parent: FileTree, child: FileTree): string[] {
  return [...child.keys()].filter((path) => {
    const before = parent.get(path);
    return before === undefined || Buffer.compare(before.bytes, child.get(path)!.bytes) !== 0;
  });
}

/** The scripts of both commands, each once, and a finding for a command whose script is not there. */
export function entriesOf(
  manifest: GenomeManifest,
  child: FileTree,
): { readonly entries: readonly Entry[]; readonly missing: readonly Finding[] } {
  const entries = new Map<string, Entry>();
  const missing: Finding[] = [];
  for (const name of ['task', 'meta'] as const) {
    const { command } = manifest[name];
    const paths = command.map((word) => posix.normalize(word));
    const at = paths.findIndex((path) => child.has(path));
    const path = paths[at];
    if (path !== undefined) {
      const program = command.slice(0, at).map(interpreterIn).findLast(Boolean);
      entries.set(path, { path, dialect: dialectOf(path, child, program ?? null) });
      continue;
    }
    const script = command.find(looksLikeScript);
    if (script !== undefined) missing.push(missingScript(name, script, child));
  }
  return { entries: [...entries.values()], missing };
}

/** A word that can only be meant as a file of the genome. Others, as in `sh -c …`, are not ours to judge. */
function looksLikeScript(word: string): boolean {
  return word.startsWith('./') || /^[\w-][\w./-]*\.([cm]?js|py|sh|bash)$/.test(word);
}

function missingScript(command: string, script: string, child: FileTree): Finding {
  const prefix = `${posix.normalize(script)}/`;
  const isDirectory = [...child.keys()].some((path) => path.startsWith(prefix));
  const message = `${JSON.stringify(script)}, in the ${command} command, is ${isDirectory ? 'a directory, not a file' : 'not in the genome'}`;
  return { stage: 'import', subject: 'genome.json', path: 'genome.json', line: 0, column: 0, message };
}

/**
 * By the interpreter that runs it, then the extension, then the line `#!`.
 * @returns `null` for a file that is not code of a known language.
 */
export function dialectOf(path: string, tree: FileTree, interpreter: string | null): Dialect | null {
  const extension = /\.(\w+)$/.exec(path)?.[1] ?? '';
  const shebang = shebangOf(tree.get(path)!);
  if (interpreter === 'sh' || interpreter === 'bash' || interpreter === 'python') return interpreter;
  if (extension === 'mjs') return 'module';
  if (extension === 'cjs') return 'commonjs';
  if (extension === 'js') return packageType(path, tree);
  if (extension === 'py') return 'python';
  if (extension === 'json') return 'json';
  if (extension === 'bash') return 'bash';
  if (extension === 'sh') return shebang === 'bash' ? 'bash' : 'sh';
  if (extension !== '') return null;
  if (interpreter === 'node' || shebang === 'node') return packageType(path, tree);
  return shebang;
}

function shebangOf({ bytes }: TreeFile): 'python' | 'sh' | 'bash' | 'node' | null {
  const start = Buffer.from(bytes.subarray(0, 200)).toString('utf8');
  const words = /^\ufeff?#!(.*)/.exec(start)?.[1]?.trim().split(/\s+/) ?? [];
  return words.map(interpreterIn).find(Boolean) ?? null;
}

function interpreterIn(word: string): 'python' | 'sh' | 'bash' | 'node' | null {
  const name = posix.basename(word);
  if (/^python[\d.]*$/.test(name)) return 'python';
  if (name === 'node' || name === 'bash') return name;
  return name === 'sh' || name === 'dash' ? 'sh' : null;
}

/** What `"type"` in the nearest `package.json` makes of a `.js` file. */
function packageType(path: string, tree: FileTree): Dialect {
  for (let dir = posix.dirname(path); ; dir = posix.dirname(dir)) {
    const manifest = tree.get(posix.join(dir, 'package.json'));
    if (manifest !== undefined) {
      const type = /"type"\s*:\s*"(module|commonjs)"/.exec(textOf(manifest.bytes) ?? '')?.[1];
      return (type as 'module' | 'commonjs' | undefined) ?? 'either';
    }
    if (dir === '.') return 'either';
  }
}
