import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChatMessage, ChatRequest, ModelAnswer } from '../core/chat.ts';
import { StorageFailedError } from '../core/errors.ts';
import type { LineageId } from '../core/ids.ts';
import { canonicalJson } from '../core/json.ts';

interface CallLine {
  readonly purpose: string;
  readonly index: number;
  readonly digest: string;
  /** How many messages are the same as in this purpose's call before; only the others are written. */
  readonly sharedMessages: number;
  readonly messages: readonly ChatMessage[];
  readonly latencyMs: number;
  readonly answer: ModelAnswer | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Every model call of one generation, and the answers that an earlier process already paid for. */
export interface GenerationCalls {
  recall(purpose: string, index: number, digest: string): ModelAnswer | null;
  /** @throws {StorageFailedError} */
  record(
    purpose: string,
    call: {
      readonly index: number;
      readonly digest: string;
      readonly request: ChatRequest;
      readonly latencyMs: number;
      readonly answer: ModelAnswer | null;
      readonly error: { readonly code: string; readonly message: string } | null;
    },
  ): void;
}

/** Opens `calls/<lineage>/g<generation>.jsonl`. A torn last line is passed over. */
export function openGenerationCalls(dir: string, lineage: LineageId, generation: number): GenerationCalls {
  const folder = join(dir, lineage);
  const path = join(folder, `g${String(generation).padStart(5, '0')}.jsonl`);
  const answers = new Map<string, ModelAnswer>();
  if (existsSync(path)) {
    const text = readFileSync(path, 'utf8');
    // A killed process may have left half a line; the next one must not be glued to it.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
    for (const line of text.split('\n')) {
      const call = parseLine(line);
      if (call?.answer) answers.set(`${call.purpose} ${call.index} ${call.digest}`, call.answer);
    }
  }
  let isThere = false;
  const previous = new Map<string, readonly string[]>();
  return {
    recall: (purpose, index, digest) => answers.get(`${purpose} ${index} ${digest}`) ?? null,
    record(purpose, { index, digest, request, latencyMs, answer, error }) {
      const texts = request.messages.map((m) => canonicalJson(m));
      const before = previous.get(purpose) ?? [];
      let shared = 0;
      while (shared < before.length && before[shared] === texts[shared]) shared += 1;
      previous.set(purpose, texts);
      const line: CallLine = {
        purpose,
        index,
        digest,
        sharedMessages: shared,
        messages: request.messages.slice(shared),
        latencyMs,
        answer,
        error,
      };
      try {
        if (!isThere) mkdirSync(folder, { recursive: true });
        isThere = true;
        appendFileSync(path, `${JSON.stringify(line)}\n`);
      } catch (cause) {
        throw new StorageFailedError(`cannot write ${path}`, { cause });
      }
    },
  };
}

function parseLine(line: string): CallLine | null {
  try {
    return JSON.parse(line) as CallLine;
  } catch {
    return null;
  }
}
