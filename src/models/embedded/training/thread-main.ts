// What runs in each training thread; thread 0 leads. @see train-weights.ts
import { parentPort, workerData } from 'node:worker_threads';
import { describeError } from '../../../core/errors.ts';
import { attachWasmDevice, type SharedMemory } from '../device.ts';
import { createBatchOrder, type TokenExample, writeBatch } from './batches.ts';
import { type Checkpoint, writeCheckpoint } from './checkpoint.ts';
import { Gang } from './gang.ts';
import { type TrainingPlan, trainingLayout } from './plan.ts';
import { runStep, type StepResult, type TrainingThread } from './step.ts';

export interface ThreadInput {
  readonly plan: TrainingPlan;
  readonly index: number;
  readonly memory: SharedMemory;
  readonly control: SharedArrayBuffer;
  readonly sums: SharedArrayBuffer;
  /** For the leader alone. */
  readonly lead: {
    readonly examples: readonly TokenExample[];
    readonly curve: readonly StepResult[];
    readonly checkpoint: { readonly file: string; readonly everySteps: number } | null;
  } | null;
}

/** What the leader says. `failed` carries a sentence, because errors lose their class on the way. */
export type ThreadMessage =
  | { readonly type: 'step'; readonly step: number; readonly result: StepResult }
  | { readonly type: 'done' | 'stopped' }
  | { readonly type: 'failed'; readonly reason: string };

const input = workerData as ThreadInput;
const say = (message: ThreadMessage) => parentPort!.postMessage(message);
const { plan, index, lead } = input;
const gang = new Gang(input.control, plan.threads);
const layout = trainingLayout(plan);
const device = attachWasmDevice(input.memory);
const thread: TrainingThread = { plan, layout, device, gang, index, sums: new Float64Array(input.sums) };

/** Follows the leader from step to step until it ends the work. */
function follow(): void {
  while (gang.barrier()) runStep(thread, device.ints[layout.batch.step]!);
}

function leadOn({ examples, curve, checkpoint }: NonNullable<ThreadInput['lead']>): ThreadMessage {
  const { steps, batchSize } = plan.hyperparameters;
  const order = createBatchOrder(plan.seed, examples.length, batchSize);
  const done = [...curve];
  const save = () => {
    if (checkpoint !== null) writeCheckpoint(checkpoint.file, snapshot(done));
  };
  while (done.length < steps) {
    if (gang.isStopRequested) {
      save();
      return { type: 'stopped' };
    }
    const step = done.length + 1;
    const batch = order(step).map((i) => examples[i]!);
    const { length, counted } = writeBatch(device.ints, layout.batch, batch);
    for (const [name, value] of Object.entries({ length, counted, step })) {
      device.ints[layout.batch[name as 'length' | 'counted' | 'step']] = value;
    }
    gang.resetClaims();
    const result = gang.barrier() ? runStep(thread, step) : null;
    if (result === null) return { type: 'failed', reason: 'a training thread ended' };
    if (!Number.isFinite(result.loss + result.gradientNorm)) return { type: 'failed', reason: notFinite(step, result) };
    done.push(result);
    say({ type: 'step', step, result });
    if (checkpoint !== null && step % checkpoint.everySteps === 0 && step < steps) save();
  }
  return { type: 'done' };
}

function snapshot(curve: readonly StepResult[]): Checkpoint {
  const take = (at: number) => device.floats.slice(at, at + layout.trained.count);
  return { curve, trained: take(layout.trained.at), mean: take(layout.mean), variance: take(layout.variance) };
}

function notFinite(step: number, { loss, gradientNorm }: StepResult): string {
  const what = Number.isFinite(loss) ? `the gradient's norm became ${gradientNorm}` : `the loss became ${loss}`;
  return `${what} at step ${step} of ${plan.hyperparameters.steps}: use a lower learning rate`;
}

if (lead === null) follow();
else {
  let last: ThreadMessage;
  try {
    last = leadOn(lead);
  } catch (error) {
    last = { type: 'failed', reason: describeError(error) };
  }
  gang.end();
  say(last);
}
