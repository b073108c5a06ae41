import type { TrainingConfig } from '../../../src/core/config/training-schema.ts';
import type { Lesson, ServedWeights } from '../../../src/core/records.ts';
import type { GenomeStore } from '../../../src/lineage/lineage.ts';
import type { Draft, StepInput } from '../lineage-machine.ts';
import { header, type LineagePorts } from '../lineage-ports.ts';
import { ancestor, inService } from '../lineage-state.ts';
import { makeDataset } from './dataset.ts';

/** How a lineage learns, and where its trajectories and datasets lie. */
export interface Learning {
  readonly settings: TrainingConfig;
  readonly genomes: GenomeStore;
}

export type Schooling = Pick<Draft, 'lesson' | 'weights'>;

/** Whether a generation begins with a training, and whether its code is edited too. */
export function trainsIn(learning: Learning | null, round: number): Draft['trains'] {
  if (learning === null || round % learning.settings.every !== 0) return null;
  return learning.settings.code === 'edited' ? 'beside-edit' : 'alone';
}

/** Has weights trained on what has survived so far. One that comes to nothing says why, and leaves the weights as they are. */
export async function trainWeights(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Schooling> {
  const { state, draft } = input;
  const { settings, genomes } = ports.learning!;
  const failed = (reason: string): Schooling => ({ lesson: { status: 'failed', reason }, weights: draft.weights });
  const { tree, examples, generations, trajectories, survivors } = await makeDataset(settings, state.archive, genomes);
  if (examples < settings.minExamples) {
    const found = `${survivors} of ${trajectories} trajectories survived in generations ${rangeOf(generations)}`;
    return failed(`${found}, with ${examples} examples; a training asks for ${settings.minExamples}`);
  }
  const dataset = await genomes.put(tree);
  const { hyperparameters } = settings;
  const answer = await ports.ask('trainer', { kind: 'train', ...header(input), dataset, hyperparameters }, signal);
  if (answer.status === 'failed') return failed(answer.reason);
  const { adapter, model, metrics } = answer;
  const { firstLoss, lastLoss } = metrics!;
  const lesson: Lesson = { status: 'trained', dataset, examples, generations: [...generations], firstLoss, lastLoss };
  return { lesson, weights: { adapter, model } };
}

/**
 * Puts the last good weights back into service when those trained here were not promoted, or weights in between.
 * @returns what is in service now; `undefined` where the base is, which always is, or where nothing has to change.
 */
export async function takeBackWeights(
  ports: LineagePorts,
  input: StepInput,
  verdict: string,
  signal: AbortSignal,
): Promise<ServedWeights | undefined> {
  const { state, draft } = input;
  const isRestored = draft.rollback?.weights === 'restored';
  const good = isRestored ? ancestor(state, draft.parent!).weights : inService(state);
  if (draft.lesson?.status !== 'trained' || verdict === 'promoted' || good === null) return undefined;
  const request = {
    ...{ kind: 'roll-back' as const, ...header(input), to: good.adapter, from: draft.weights!.adapter },
    // It has been asked to go back in this generation already.
    ...(draft.rollback?.weights === undefined ? {} : { trial: 'refused' as const }),
  };
  const share = good.adapter.id === draft.weights!.adapter.id ? 0 : ports.learning!.settings.keepOfRefused;
  const answer = await ports.ask('trainer', { ...request, share }, signal);
  // What cannot be taken back stays named by the generations that had it, and is found again when it is asked for.
  return answer.status === 'failed' ? undefined : { adapter: answer.adapter, model: answer.model };
}

function rangeOf(generations: readonly number[]): string {
  return generations.length === 0 ? '(none)' : generations.join(', ');
}
