import type { FileTree, TreeFile } from '../../../src/core/file-tree.ts';
import type { Json } from '../../../src/core/json.ts';
import { binaryRule, executableRule } from '../../collect/content-rules.ts';
import { checkPaths } from '../../collect/path-rules.ts';
import { defaultPolicy, type MarkspacePolicy } from '../../policy.ts';
import { allowed, type ContentPolicy, defineContentPolicy, rejected } from './policy.ts';

type FileRules = Pick<MarkspacePolicy, 'binaryFiles' | 'executableBit'>;

/**
 * The rules for a genome's files, applied to files that a mark carries: the
 * content's member `files`, by path, each a text or `{text | base64, executable}`.
 */
export function filePolicy(rules: FileRules): ContentPolicy {
  return defineContentPolicy({
    name: 'files',
    judge({ content }) {
      const carried = filesIn(content);
      if (carried === null) return allowed;
      const child = new Map<string, TreeFile>();
      for (const [path, file] of Object.entries(carried)) {
        const decoded = decode(file);
        if (decoded === null) {
          return rejected(`${JSON.stringify(path)} is no file: give its text, or {text or base64, executable}`);
        }
        child.set(path, decoded);
      }
      const problem = problemOf(child, rules);
      if (problem !== null) return rejected(problem);
      if (rules.executableBit !== 'clear') return allowed;
      const files = Object.fromEntries(Object.entries(carried).map(([path, file]) => [path, cleared(file)]));
      return { ruling: 'rewrite', content: { ...(content as { readonly [key: string]: Json }), files } };
    },
  });
}

function problemOf(child: FileTree, rules: FileRules): string | null {
  const wrongPath = checkPaths(child.keys());
  if (wrongPath !== null) return wrongPath.message;
  const policy = { ...defaultPolicy, ...rules };
  const candidate = { parent: new Map(), child, changed: [...child.keys()].sort(), policy };
  return (binaryRule(candidate) ?? executableRule(candidate))?.message ?? null;
}

type Carried = { readonly [path: string]: Json };

/** A number or a list of names under `files` carries none. */
function filesIn(content: Json): Carried | null {
  return isRecord(content) && isRecord(content.files ?? null) ? (content.files as Carried) : null;
}

function decode(file: Json): TreeFile | null {
  if (typeof file === 'string') return { bytes: Buffer.from(file), isExecutable: false };
  if (!isRecord(file)) return null;
  const { text, base64, executable = false, ...rest } = file;
  if (typeof executable !== 'boolean' || Object.keys(rest).length > 0) return null;
  if (typeof text === 'string' && base64 === undefined) return { bytes: Buffer.from(text), isExecutable: executable };
  if (typeof base64 !== 'string' || text !== undefined || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return null;
  return { bytes: Buffer.from(base64, 'base64'), isExecutable: executable };
}

function cleared(file: Json): Json {
  return isRecord(file) && file.executable === true ? { ...file, executable: false } : file;
}

function isRecord(value: Json): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
