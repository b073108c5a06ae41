import type { ChatCompletion, ChatRequest } from '../core/chat.ts';
import type { Model } from '../core/define.ts';
import { type EmbeddingList, type EmbeddingRequest, noEmbeddings } from '../core/embedding.ts';
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
 * call is not recorded and does not count; that there are no embeddings is an
 * answer. Replayed answers keep the cost they had, so budgets decide as they
 * did then. Without `of` the model is not trusted and its price is unknown: a
 * file may have been written by anyone.
 *
 * `complete` and `embed` also throw {CassetteMissingError} for a call that has
 * no recording, and {StorageFailedError} for a file that cannot be read or written.
 *
 * @throws {ConfigInvalidError} for mode `record` without a model to record.
 */
export function createCassetteModel(options: CassetteModelOptions): Model {
  const { name, mode, of } = options;
  if (mode === 'record' && of === undefined) {
    throw new ConfigInvalidError(`cassette ${name}: mode "record" needs "of", the model to record`);
  }
  let tape: Promise<Tape> | null = null;
  const answer = async <A extends Said>(
    request: ChatRequest | EmbeddingRequest,
    live: (model: Model) => Promise<A>,
    signal: AbortSignal,
  ): Promise<A & { readonly source: 'live' | 'replay' }> => {
    signal.throwIfAborted();
    tape ??= openTape(options);
    const { recall, record } = await tape;
    const key = cassetteKey(name, request);
    const taken = mode === 'record' ? null : recall(key);
    // The key was this request's, so the recording is of its kind.
    if (taken?.recording) return { ...(structuredClone(taken.recording) as Said as A), source: 'replay' };
    if (of === undefined || mode === 'replay') throw missing(options, describe(request), key);
    try {
      const said = await live(of);
      await record(key, request, said);
      return { source: 'live', ...said };
    } catch (error) {
      taken?.giveBack();
      throw error;
    }
  };
  return {
    name,
    isTrusted: of?.isTrusted ?? false,
    contextTokens: of?.contextTokens ?? null,
    price: (promptTokens, completionTokens) => of?.price(promptTokens, completionTokens) ?? null,
    complete: (request, signal) => answer<SaidText>(request, (model) => model.complete(request, signal), signal),
    embedPrice: (tokens) => of?.embedPrice?.(tokens) ?? null,
    async embed(request, signal) {
      const live = async (model: Model) =>
        model.embed === undefined ? { embeddings: null, costUsd: 0 } : model.embed(request, signal);
      const { embeddings, ...rest } = await answer<SaidVectors>(request, live, signal);
      if (embeddings === null) throw noEmbeddings(name);
      return { embeddings, ...rest };
    },
  };
}

/** The content address of a call. */
export function cassetteKey(model: string, request: ChatRequest | EmbeddingRequest): string {
  return sha256(canonicalJson({ model, request }));
}

interface SaidText {
  readonly completion: ChatCompletion;
  readonly costUsd: number | null;
}

interface SaidVectors {
  /** `null`: the model has no embeddings. */
  readonly embeddings: EmbeddingList | null;
  readonly costUsd: number | null;
}

type Said = SaidText | SaidVectors;

interface Tape {
  /** Takes the next occurrence of a key. `giveBack` undoes that for a call that came to nothing. */
  recall(key: string): { readonly recording: Said | undefined; giveBack(): void };
  record(key: string, request: ChatRequest | EmbeddingRequest, said: Said): Promise<void>;
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
      const recording = known.get(key)?.[occurrence];
      return { recording: recording && saidIn(recording), giveBack: () => void move(key, -1) };
    },
    record(key, request, said) {
      const line = known.get(key) ?? [];
      known.set(key, line);
      const recording: Recording = { v: 1, key, occurrence: line.length, call: describe(request), ...saidIn(said) };
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

/** What is kept of an answer: nothing that is true of this one call only. */
function saidIn(answer: Said): Said {
  const { costUsd } = answer;
  return 'completion' in answer
    ? { completion: answer.completion, costUsd }
    : { embeddings: answer.embeddings, costUsd };
}

/** The last message, or the first input, by its first 80 characters. */
function describe(request: ChatRequest | EmbeddingRequest): string {
  if ('input' in request) {
    const [first] = request.input;
    return `embed: ${typeof first === 'string' ? JSON.stringify(first.slice(0, 80)) : 'tokens'}`;
  }
  const last = request.messages.at(-1)!;
  return `${last.role}: ${JSON.stringify((last.content ?? '').slice(0, 80))}`;
}

function missing({ name, file }: CassetteModelOptions, call: string, key: string): CassetteMissingError {
  return new CassetteMissingError(`no recording in ${file} for a call of model ${name}: ${call} (key ${key})`, {
    details: { model: name, key },
  });
}
