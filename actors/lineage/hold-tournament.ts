import { BudgetExhaustedError } from '../../src/core/errors.ts';
import type { ResultOf } from '../../src/core/messages.ts';
import { addUsage, type Evaluation } from '../../src/core/records.ts';
import { editChild } from './edit-child.ts';
import { measure } from './evaluate-child.ts';
import type { Competition, StepInput } from './lineage-machine.ts';
import type { LineagePorts } from './lineage-ports.ts';
import { tournamentWinner } from './selection.ts';

/**
 * A tournament: a second child of the same parent, by generation 0's
 * meta-agent, and the training scores of both decide which one goes on. What
 * the other cost is charged to the generation.
 */
export async function holdTournament(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Competition> {
  const { draft } = input;
  let { usage } = draft;
  const train = async (child: ResultOf<'meta-agent'>, trial: { trial?: string }): Promise<Evaluation | null> => {
    if (child.status === 'failed') return null;
    const what = { genome: child.genome, split: 'train' as const, count: ports.items.train, ...trial };
    const answer = await measure(ports, input, what, draft.weights, signal);
    usage = addUsage(usage, answer.usage);
    return answer.evaluation;
  };
  const children: [ResultOf<'meta-agent'>, ResultOf<'meta-agent'> | null] = [draft.edit!, null];
  const trains: [Evaluation | null, Evaluation | null] = [null, null];
  let isOverBudget = false;
  try {
    trains[0] = await train(children[0], {});
    const blind = await editChild(ports, input, 0, { trial: 'blind' }, signal);
    usage = addUsage(usage, blind.usage);
    children[1] = blind;
    trains[1] = await train(blind, { trial: 'blind' });
  } catch (error) {
    if (!(error instanceof BudgetExhaustedError)) throw error;
    // What was found before is paid for, and decides.
    isOverBudget = true;
  }
  const score = (evaluation: Evaluation | null) => (evaluation?.status === 'measured' ? evaluation.score : null);
  const [directed, blind] = [score(trains[0]), score(trains[1])];
  const winner = tournamentWinner(directed, blind);
  const [at, other] = winner === 'blind' ? [1, 0] : [0, 1];
  return {
    edit: children[at]!,
    meta: winner === 'blind' ? 0 : draft.meta,
    evaluations: { train: trains[at]!, selection: null, isPartial: false, isOverBudget },
    usage,
    tournament: { winner, directed, blind },
    otherEvaluations: trains[other]?.items.length ?? 0,
  };
}
