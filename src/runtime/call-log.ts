import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { CallRecord } from '../../sandboxes/gateway/gateway.ts';
import type { ChatMessage } from '../core/chat.ts';
import type { EmbeddingRequest } from '../core/embedding.ts';
import { StorageFailedError } from '../core/errors.ts';
import type { LineageId } from '../core/ids.ts';
import { canonicalJson } from '../core/json.ts';

type CallLine = Omit<CallRecord, 'request'> & { readonly purpose: string } & (
    | {
        /** How many messages are the same as in this purpose's chat before; only the others are written. */
        readonly sharedMessages: number;
        readonly messages: readonly ChatMessage[];
      }
    | { readonly input: EmbeddingRequest['input'] }
  );

type Answer = NonNullable<CallRecord['answer']>;

/** Every model call of one generation, and the answers that an earlier process already paid for. */
export interface GenerationCalls {
  recall(purpose: string, index: number, digest: string): Answer | null;
  /** @throws {StorageFailedError} */
  record(purpose: string, call: CallRecord): void;
}

/** Opens `calls/<lineage>/g<generation>.jsonl`. A torn last line is passed over. */
export function openGenerationCalls(dir: string, lineage: LineageId, generation: number): GenerationCalls {
  const path = pathOf(dir, lineage, generation);
  const folder = dirname(path);
  const answers = new Map<string, Answer>();
  if (existsSync(path)) {
    const text = readFileSync(path, 'utf8');
    // A killed process may have left half a line; the next one must not be glued to it.
    if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n');
    for (const call of parseLines(text)) {
      if (call.answer) answers.set(`${call.purpose} ${call.index} ${call.digest}`, call.answer);
    }
  }
  let isThere = false;
  const previous = new Map<string, readonly string[]>();
  const newMessages = (purpose: string, messages: readonly ChatMessage[]) => {
    const texts = messages.map((m) => canonicalJson(m));
    const before = previous.get(purpose) ?? [];
    let shared = 0;
    while (shared < before.length && before[shared] === texts[shared]) shared += 1;
    previous.set(purpose, texts);
    return { sharedMessages: shared, messages: messages.slice(shared) };
  };
  return {
    recall: (purpose, index, digest) => answers.get(`${purpose} ${index} ${digest}`) ?? null,
    record(purpose, { request, ...call }) {
      const said = 'messages' in request ? newMessages(purpose, request.messages) : { input: request.input };
      const line: CallLine = { purpose, ...call, ...said };
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

/** What one model call of a generation was for, took and cost; what was said is in the file itself. */
export interface CallSummary {
  /** Such as `meta`, the edit. */
  readonly purpose: string;
  /** 0, 1, 2 … within its purpose. */
  readonly index: number;
  readonly latencyMs: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** `null` when the model has no known price. */
  readonly costUsd: number | null;
  /** `null` for an answered call. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** The model calls of one generation in the order they ended; none where none was made. A torn last line is passed over. */
export function readCalls(dir: string, lineage: LineageId, generation: number): CallSummary[] {
  const path = pathOf(dir, lineage, generation);
  if (!existsSync(path)) return [];
  return parseLines(readFileSync(path, 'utf8')).map(({ purpose, index, latencyMs, charged, error }) => ({
    ...{ purpose, index, latencyMs, promptTokens: charged.promptTokens, completionTokens: charged.completionTokens },
    ...{ costUsd: charged.usd, error: error && { code: error.code, message: error.message } },
  }));
}

function pathOf(dir: string, lineage: LineageId, generation: number): string {
  return join(dir, lineage, `g${String(generation).padStart(5, '0')}.jsonl`);
}

function parseLines(text: string): CallLine[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as CallLine];
    } catch {
      return [];
    }
  });
}
