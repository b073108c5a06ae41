import type { ChatRequest, ModelAnswer } from '../core/chat.ts';
import type { Model } from '../core/define.ts';
import { CassetteMissingError, ConfigInvalidError } from '../core/errors.ts';
import { canonicalJson, sha256 } from '../core/json.ts';
import { type CassetteFile, openCassetteFile, type Recording } from './cassette-file.ts';

export interface CassetteModelOptions {
  /** Part of every key: a cassette answers only under the name it was recorded under. */
  readonly name: string;
  /** JSON Lines file. */
  readonly file: string;
  /**
   * `record` asks the live model every time and writes its answers over older
   * ones · `replay` never asks it · `auto` asks it for what is not recorded.
   */
  readonly mode: 'record' | 'replay' | 'auto';
  /** The live model. Needed to record; without it `auto` behaves as `replay`. */
  readonly of?: Model | undefined;
}

/**
 * Records and replays another model, keyed by content.
 *
 * One instance is one run: the first time a request is made it gets its first
 * recording, the second time its second, in the order of the calls. A failed
 * call is not recorded and does not count. Replayed answers keep the cost they
 * had, so budgets decide as they did then. Without `of` the model is not
 * trusted and its price is unknown: a file may have been written by anyone.
 *
 * `complete` also throws {CassetteMissingError} for a call that has no
 * recording, and {StorageFailedError} for a file that cannot be read or written.
 *
 * @throws {ConfigInvalidError} for mode `record` without a model to record.
 */
export function createCassetteModel(options: CassetteModelOptions): Model {
  const { name, mode, of } = options;
  if (mode === 'record' && of === undefined) {
    throw new ConfigInvalidError(`cassette ${name}: mode "record" needs "of", the model to record`);
  }
  let tape: Promise<Tape> | null = null;
  return {
    name,
    isTrusted: of?.isTrusted ?? false,
    contextTokens: of?.contextTokens ?? null,
    price: (promptTokens, completionTokens) => of?.price(promptTokens, completionTokens) ?? null,
    async complete(request, signal) {
      signal.throwIfAborted();
      tape ??= openTape(options);
      const { recall, record } = await tape;
      const key = cassetteKey(name, request);
      const taken = mode === 'record' ? null : recall(key);
      if (taken?.recording) return replayed(taken.recording);
      if (of === undefined || mode === 'replay') throw missing(options, request, key);
      try {
        const answer = await of.complete(request, signal);
        await record(key, request, answer);
        return answer;
      } catch (error) {
        taken?.giveBack();
        throw error;
      }
    },
  };
}

/** The content address of a call. */
export function cassetteKey(model: string, request: ChatRequest): string {
  return sha256(canonicalJson({ model, request }));
}

interface Tape {
  /** Takes the next occurrence of a key. `giveBack` undoes that for a call that came to nothing. */
  recall(key: string): { readonly recording: Recording | undefined; giveBack(): void };
  record(key: string, request: ChatRequest, answer: ModelAnswer): Promise<void>;
}

async function openTape(options: CassetteModelOptions): Promise<Tape> {
  const file = await openCassetteFile(options.file);
  const known = byKey(file, options.mode);
  const used = new Map<string, number>();
  const move = (key: string, by: number) => {
    const at = used.get(key) ?? 0;
    used.set(key, at + by);
    return at;
  };
  return {
    recall(key) {
      const occurrence = move(key, 1);
      return { recording: known.get(key)?.[occurrence], giveBack: () => void move(key, -1) };
    },
    record(key, request, { completion, costUsd }) {
      const line = known.get(key) ?? [];
      known.set(key, line);
      const recording: Recording = {
        v: 1,
        key,
        occurrence: line.length,
        call: describeLast(request),
        completion,
        costUsd,
      };
      line.push(recording);
      return file.append(recording);
    },
  };
}

/** A new recording starts every count anew, so it begins with nothing known. */
function byKey(file: CassetteFile, mode: CassetteModelOptions['mode']): Map<string, Recording[]> {
  const known = new Map<string, Recording[]>();
  if (mode === 'record') return known;
  for (const recording of file.recordings) {
    const line = known.get(recording.key) ?? [];
    line[recording.occurrence] = recording;
    known.set(recording.key, line);
  }
  return known;
}

function replayed({ completion, costUsd }: Recording): ModelAnswer {
  return { completion: structuredClone(completion), costUsd, source: 'replay' };
}

function describeLast(request: ChatRequest): string {
  const last = request.messages.at(-1)!;
  return `${last.role}: ${JSON.stringify((last.content ?? '').slice(0, 80))}`;
}

function missing({ name, file }: CassetteModelOptions, request: ChatRequest, key: string): CassetteMissingError {
  return new CassetteMissingError(
    `no recording in ${file} for a call of model ${name} with ${request.messages.length} messages, ` +
      `the last one ${describeLast(request)} (key ${key})`,
    { details: { model: name, messages: request.messages.length, key } },
  );
}
