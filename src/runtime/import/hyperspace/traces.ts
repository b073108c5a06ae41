import type { SourceTree } from '../source-tree.ts';

const maxTraceBytes = 256 * 1_048_576;
/** The publication looks at so many calls of a generation. */
const callsLookedAt = 100;

/**
 * Whether a generation read its peers, by the publication's rule: a tool
 * call names `strategies/`, or a tool's output does, in its first 100 calls.
 * @returns `null` when there is no trace, or only the pointer of one (git-lfs).
 */
export function readPeers(tree: SourceTree, generationDir: string): boolean | null {
  const path = `${generationDir}/llm_calls.jsonl`;
  const bytes = tree.read(path, maxTraceBytes);
  if (bytes === null) return null;
  if (bytes.subarray(0, 7).toString() === 'version') {
    tree.missing.add(path, 'is the pointer of a file that git-lfs keeps elsewhere');
    return null;
  }
  let from = 0;
  let broken = 0;
  let calls = 0;
  for (let i = 0; i < callsLookedAt && from < bytes.length; i += 1) {
    const end = bytes.indexOf(0x0a, from);
    const line = bytes.toString('utf8', from, end === -1 ? bytes.length : end);
    from = end === -1 ? bytes.length : end + 1;
    if (!line.includes('strategies')) {
      calls += 1;
      continue;
    }
    const call = parseCall(line);
    if (call === null) broken += 1;
    else if (namesStrategies(call)) return true;
    else calls += 1;
  }
  if (broken > 0) tree.missing.add(path, `has ${broken} lines that are not JSON`);
  return calls === 0 ? null : false;
}

interface Call {
  readonly messages?: unknown;
  readonly tool_calls?: unknown;
}

function parseCall(line: string): Call | null {
  try {
    const call: unknown = JSON.parse(line);
    return typeof call === 'object' && call !== null ? call : null;
  } catch {
    return null;
  }
}

function namesStrategies({ messages, tool_calls: toolCalls }: Call): boolean {
  const isTool = (m: unknown) => (m as { role?: unknown } | null)?.role === 'tool';
  const has = (value: unknown) => JSON.stringify(value ?? '').includes('strategies/');
  return (
    (Array.isArray(messages) && messages.some((m) => isTool(m) && has((m as { content?: unknown }).content))) ||
    (Array.isArray(toolCalls) && toolCalls.some((c) => has((c as { arguments?: unknown } | null)?.arguments)))
  );
}
