import { TrainingFailedError } from '../../../core/errors.ts';
import { createWasmDevice } from '../device.ts';
import { initialAdapters } from '../initialise.ts';
import { fillRotary } from '../layout.ts';
import type { LoraShape, ModelShape } from '../shape.ts';
import type { TokenExample } from './batches.ts';
import { readCheckpoint } from './checkpoint.ts';
import { Gang } from './gang.ts';
import { gradientShards, type Hyperparameters, type TrainingPlan, trainingLayout } from './plan.ts';
import { startThread } from './start-thread.ts';
import { type StepResult, sumCount } from './step.ts';
import type { ThreadInput, ThreadMessage } from './thread-main.ts';

export interface TrainingRequest {
  readonly shape: ModelShape;
  /** In the order of `weightLayout`. */
  readonly base: Float32Array;
  /** `null` trains all weights, otherwise new adapters on frozen ones. */
  readonly lora: LoraShape | null;
  readonly examples: readonly TokenExample[];
  readonly hyperparameters: Hyperparameters;
  readonly seed: number;
  /** Never changes the result. More than the gradient's four shards are of no use. */
  readonly threads: number;
  /** Where to go on from, and how often to write it. The file must belong to this very request. */
  readonly checkpoint: { readonly file: string; readonly everySteps: number } | null;
  readonly onStep?: (step: number, result: StepResult) => void;
}

export interface TrainedWeights {
  /** In the order of `weightLayout`, or with `lora` of `adapterLayout`. */
  readonly trained: Float32Array;
  /** AdamW's moments after the last step, in the same order. */
  readonly moments: { readonly mean: Float32Array; readonly variance: Float32Array };
  readonly curve: readonly StepResult[];
  /** Steps that a checkpoint saved. */
  readonly resumedFrom: number;
}

/** A stop is honoured between two steps; what takes longer is not coming back. */
const stopMs = 60_000;

/**
 * Trains in worker threads: the same request gives the same bits, whatever the
 * number of threads, and whether or not it was killed and went on.
 *
 * @param signal - Stops after the step at hand, having written a checkpoint.
 * @throws {TrainingFailedError} for no examples, one that is too long, or a loss that is no number.
 */
export async function trainWeights(request: TrainingRequest, signal: AbortSignal): Promise<TrainedWeights> {
  signal.throwIfAborted();
  checkExamples(request);
  const { shape, lora, hyperparameters, seed, checkpoint } = request;
  const plan: TrainingPlan = { shape, lora, hyperparameters, seed, threads: Math.min(request.threads, gradientShards) };
  const layout = trainingLayout(plan);
  const device = createWasmDevice(layout.end);
  device.floats.set(request.base, layout.base);
  device.floats.set(request.base, layout.merged);
  if (lora !== null) device.floats.set(initialAdapters(shape, lora, seed), layout.trained.at);
  fillRotary(device.floats, shape, layout.rotary);
  const from = checkpoint === null ? null : readCheckpoint(checkpoint.file, layout.trained.count);
  if (from !== null) {
    for (const name of ['trained', 'mean', 'variance'] as const) {
      device.floats.set(from[name], name === 'trained' ? layout.trained.at : layout[name]);
    }
  }
  const curve = [...(from?.curve ?? [])];
  await runThreads(
    { plan, memory: device.memory, control: Gang.control(), sums: new SharedArrayBuffer(8 * sumCount) },
    { examples: request.examples, curve: from?.curve ?? [], checkpoint },
    (step, result) => {
      curve.push(result);
      request.onStep?.(step, result);
    },
    signal,
  );
  const { at, count } = layout.trained;
  const floats = (start: number) => device.floats.slice(start, start + count);
  const moments = { mean: floats(layout.mean), variance: floats(layout.variance) };
  return { trained: floats(at), moments, curve, resumedFrom: from?.curve.length ?? 0 };
}

async function runThreads(
  shared: Omit<ThreadInput, 'index' | 'lead'>,
  lead: NonNullable<ThreadInput['lead']>,
  onStep: (step: number, result: StepResult) => void,
  signal: AbortSignal,
): Promise<void> {
  const gang = new Gang(shared.control, shared.plan.threads);
  const threads = Array.from({ length: shared.plan.threads }, (_, index) =>
    startThread({ ...shared, index, lead: index === 0 ? lead : null }),
  );
  let stop = () => {};
  let overdue: NodeJS.Timeout | undefined;
  try {
    const last = await new Promise<ThreadMessage>((resolve, reject) => {
      stop = () => {
        gang.requestStop();
        overdue = setTimeout(() => reject(signal.reason), stopMs);
      };
      signal.addEventListener('abort', stop, { once: true });
      for (const thread of threads) {
        thread.on('error', (cause) => reject(new TrainingFailedError('a training thread failed', { cause })));
        thread.on('exit', (code) => {
          if (code !== 0) reject(new TrainingFailedError(`a training thread exited with code ${code}`));
        });
      }
      threads[0]!.on('message', (message: ThreadMessage) => {
        if (message.type === 'step') onStep(message.step, message.result);
        else resolve(message);
      });
    });
    if (last.type === 'stopped') throw signal.reason;
    if (last.type === 'failed') throw new TrainingFailedError(last.reason);
  } finally {
    clearTimeout(overdue);
    signal.removeEventListener('abort', stop);
    gang.end();
    await Promise.all(threads.map((thread) => thread.terminate()));
  }
}

function checkExamples({ examples, shape }: TrainingRequest): void {
  const refuse = (i: number, why: string) => new TrainingFailedError(`example ${i + 1} of ${examples.length} ${why}`);
  if (examples.length === 0) throw new TrainingFailedError('the dataset is empty: there is nothing to learn from');
  for (const [i, { tokens, firstTarget }] of examples.entries()) {
    if (tokens.length - 1 > shape.contextLength) {
      throw refuse(i, `has ${tokens.length - 1} tokens; the model's context is ${shape.contextLength}`);
    }
    if (Math.max(1, firstTarget) >= tokens.length) throw refuse(i, 'has no token to predict');
    const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= shape.vocabularySize);
    if (wrong !== undefined) throw refuse(i, `has token ${wrong}; the vocabulary has ${shape.vocabularySize}`);
  }
}
