import { onAbort } from '../../../core/abort.ts';
import { monotonicMs } from '../../../core/clock.ts';
import type { Device } from '../device.ts';
import type { ModelShape } from '../shape.ts';
import { Decoder, type Logits, type Row } from './decoder.ts';
import { createPromptCache, type PromptCache } from './prompt-cache.ts';
import { beginText, checkRequest, draw, type Sample, type SampleRequest, type Text } from './text.ts';

export interface Sampler {
  /**
   * Continues a text. Requests made at the same time are worked on together;
   * what a request yields depends on nothing but itself.
   *
   * @throws {ModelFailedError} for a prompt that does not fit the context, a
   *   grammar that admits nothing, or weights that yield no number.
   */
  sample(request: SampleRequest, signal: AbortSignal): Promise<Sample>;
}

/** A request from its arrival to its answer. */
interface Job {
  readonly text: Text;
  readonly prompt: readonly number[];
  /** Equal for equal prompts. */
  readonly key: string;
  readonly resolve: (sample: Sample) => void;
  readonly reject: (reason: unknown) => void;
  slot: number;
}

/** The event loop gets a turn at least this often, but for the longest single step. */
const turnMs = 8;

/**
 * @param weights - In the order of `weightLayout`, adapters merged in.
 * @param slots - Texts worked on at a time.
 */
export function createSampler(
  shape: ModelShape,
  weights: Float32Array,
  slots = 64,
  openDevice?: (end: number) => Device,
): Sampler {
  const decoder = new Decoder(shape, slots, openDevice);
  decoder.load(weights);
  /** By prompt, so that siblings come together and their prompt is read once. */
  const waiting = new Map<string, Job[]>();
  const running = new Set<Job>();
  const free = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  const prompts = createPromptCache();
  let isPumping = false;

  function end(job: Job): void {
    running.delete(job);
    free.push(job.slot);
  }

  /** Gives waiting jobs a slot: that of their own prompt where it is to be had. */
  function admit(): Job[] {
    const fresh: Job[] = [];
    for (const [key, jobs] of waiting) {
      while (jobs.length > 0 && free.length > 0) {
        const job = jobs.shift()!;
        const own = free.indexOf(prompts.of(key)?.slot ?? -1);
        job.slot = own === -1 ? free.pop()! : free.splice(own, 1)[0]!;
        if (own === -1) prompts.forget(job.slot);
        running.add(job);
        fresh.push(job);
      }
      if (jobs.length === 0) waiting.delete(key);
      if (free.length === 0) break;
    }
    return fresh;
  }

  /** Takes waiting jobs in, reads what was not read, draws one token for each. */
  function step(): void {
    const begun = [...running];
    const reading = readingOf(begun, admit(), prompts);
    const logits = decoder.read(reading.rows);
    for (const { job, from, to } of reading.given) advance(job, logits.slice(from, to));
    // After the reading: a job may share the prompt of one that came with it.
    for (const job of reading.shared) {
      const source = prompts.of(job.key)!;
      if (source.slot !== job.slot) decoder.copyText(source.slot, job.slot, job.prompt.length);
      advance(job, [source.logits!]);
    }
  }

  function advance(job: Job, logits: readonly Logits[]): void {
    try {
      if (job.text.tokens.length === 0) prompts.keep(job.key, job.slot, logits.at(-1)!);
      const sample = draw(job.text, logits, shape);
      if (sample === null) return;
      end(job);
      job.resolve(sample);
    } catch (error) {
      end(job);
      job.reject(error);
    }
  }

  function withdraw(job: Job): void {
    if (running.has(job)) end(job);
    const others = waiting.get(job.key)?.filter((other) => other !== job) ?? [];
    if (others.length === 0) waiting.delete(job.key);
    else waiting.set(job.key, others);
  }

  async function pump(): Promise<void> {
    // What was asked for in the same turn comes along.
    await turn();
    try {
      for (let since = monotonicMs(); waiting.size + running.size > 0; ) {
        step();
        if (monotonicMs() - since < turnMs) continue;
        await turn();
        since = monotonicMs();
      }
    } catch (error) {
      for (const job of [...running, ...[...waiting.values()].flat()]) job.reject(error);
      for (const job of running) end(job);
      waiting.clear();
    } finally {
      isPumping = false;
    }
  }

  return {
    sample(request, signal) {
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        checkRequest(request, shape);
        const listening = onAbort([signal], (reason) => {
          withdraw(job);
          reject(reason);
        });
        const settledBy = <T>(settle: (value: T) => void) => {
          return (value: T) => {
            listening[Symbol.dispose]();
            settle(value);
          };
        };
        const { prompt } = request;
        const text = beginText(request);
        const key = prompt.join(' ');
        const job: Job = { text, prompt, key, resolve: settledBy(resolve), reject: settledBy(reject), slot: -1 };
        const siblings = waiting.get(key) ?? [];
        siblings.push(job);
        waiting.set(key, siblings);
        if (!isPumping) void pump();
        isPumping = true;
      });
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What one step reads: a whole prompt for a new text, the last token for any other. */
function readingOf(begun: readonly Job[], fresh: readonly Job[], prompts: PromptCache) {
  const rows: Row[] = [];
  /** Which of the logits that are read belong to whom. */
  const given: { readonly job: Job; readonly from: number; readonly to: number }[] = [];
  const shared: Job[] = [];
  let wanted = 0;
  const give = (job: Job, count: number) => given.push({ job, from: wanted, to: (wanted += count) });
  for (const job of begun) {
    const { tokens } = job.text;
    const position = job.prompt.length + tokens.length - 1;
    rows.push({ slot: job.slot, position, token: tokens.at(-1)!, wantsLogits: true });
    give(job, 1);
  }
  for (const job of fresh) {
    const { key, slot, prompt } = job;
    const { scoresPrompt = false } = job.text.request;
    if (!scoresPrompt && prompts.of(key) !== undefined) {
      shared.push(job);
      continue;
    }
    for (const [position, token] of prompt.entries()) {
      rows.push({ slot, position, token, wantsLogits: scoresPrompt || position === prompt.length - 1 });
    }
    prompts.announce(key, slot);
    give(job, scoresPrompt ? prompt.length : 1);
  }
  return { rows, given, shared };
}
