/** Trains with a checkpoint after every step, and is killed when it hears of the seventh. Argument: the checkpoint's file. */
import { trainWeights } from '../../../../src/models/embedded/training/train-weights.ts';
import { trainingRequest } from '../training-samples.ts';

const [file = ''] = process.argv.slice(2);
const onStep = (step: number) => step >= 7 && process.kill(process.pid, 'SIGKILL');
await trainWeights(
  trainingRequest({ threads: 2, checkpoint: { file, everySteps: 1 }, onStep }),
  new AbortController().signal,
);
