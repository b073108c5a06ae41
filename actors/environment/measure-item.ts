import { z } from 'zod';
import type { Ask } from '../../src/core/ask.ts';
import { describeError, SandboxUnavailableError } from '../../src/core/errors.ts';
import type { GenomeId } from '../../src/core/ids.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import type { Consequence, Niche, Situation } from '../../src/core/niche.ts';
import {
  addUsage,
  type Evaluation,
  type EvaluationItem,
  measuredSchema,
  noUsage,
  type Trajectory,
  trajectorySchema,
  type Usage,
  unmeasuredSchema,
} from '../../src/core/records.ts';
import { trajectoriesTree } from '../../src/core/trajectories.ts';
import type { GenomeStore } from '../../src/lineage/lineage.ts';

export interface EnvironmentPorts {
  readonly niche: Niche;
  readonly ask: Ask;
  /** Where what can be learnt from is kept; without it nothing is. */
  readonly genomes?: GenomeStore;
}

export interface MeasuredItem {
  readonly item: EvaluationItem;
  readonly usage: Usage;
}

/**
 * One situation, solved and measured. Only the niche's measurement counts:
 * nothing that the candidate says about itself is looked at.
 * @throws {SandboxUnavailableError} when the sandbox failed every time; that is
 *   no consequence of the candidate's, so nothing is recorded about it.
 */
export async function measureItem(
  ports: EnvironmentPorts,
  request: RequestOf<'environment'>,
  situation: Situation,
  signal: AbortSignal,
): Promise<MeasuredItem> {
  const { run, seed, lineage, generation, genome, model } = request;
  const asked = { run, seed, lineage, generation, genome, model, situation, ...trialOf(request) };
  const answer = await ports.ask('solver', asked, signal);
  const measured = stoppedConsequence(answer) ?? (await measure(ports.niche, situation, answer, signal));
  const { consequence, trajectories } = withoutTrajectories(measured);
  const item = { situation: situation.id, consequence, wallMs: answer.wallMs };
  const kept = await keep(ports, request, trajectories);
  return { item: kept === null ? item : { ...item, trajectories: kept }, usage: answer.usage };
}

/** Of training situations alone: what selects and tests a lineage teaches it nothing. */
async function keep(
  { genomes }: EnvironmentPorts,
  { split, trial }: RequestOf<'environment'>,
  trajectories: readonly Trajectory[],
): Promise<GenomeId | null> {
  if (split !== 'train' || trial !== undefined || trajectories.length === 0 || genomes === undefined) return null;
  return genomes.put(trajectoriesTree(trajectories));
}

function withoutTrajectories(measured: Consequence) {
  if (measured.status === 'failed') return { consequence: measured, trajectories: [] };
  const { trajectories = [], ...consequence } = measured;
  return { consequence, trajectories };
}

/** What a request hands on to those it causes, so that they are set apart as well. */
export function trialOf({ trial }: RequestOf<'environment'>): Pick<RequestOf<'environment'>, 'trial'> {
  return trial === undefined ? {} : { trial };
}

const measurementSchema = z.discriminatedUnion('status', [
  measuredSchema.extend({ trajectories: z.array(trajectorySchema).optional() }),
  unmeasuredSchema,
]);

function stoppedConsequence(answer: ResultOf<'solver'>): Consequence | null {
  const failed = (reason: 'timeout' | 'limit' | 'crash' | 'no-answer', message: string): Consequence => ({
    status: 'failed',
    reason,
    message,
  });
  if (answer.stoppedBy === 'timeout') return failed('timeout', 'no answer within the time limit');
  if (answer.stoppedBy !== 'exit') return failed('limit', `stopped by its ${answer.stoppedBy} limit`);
  if (answer.exitCode !== 0) {
    const lastLine =
      answer.stderrTail
        .trim()
        .split('\n')
        .find((line) => /Error/.test(line)) ?? '';
    return failed(
      'crash',
      `exit ${answer.exitCode ?? 'by signal'}${lastLine === '' ? '' : `: ${lastLine.slice(0, 200)}`}`,
    );
  }
  return answer.problem === null ? null : failed('no-answer', answer.problem);
}

async function measure(
  niche: Niche,
  situation: Situation,
  answer: ResultOf<'solver'>,
  signal: AbortSignal,
): Promise<Consequence> {
  const failed = (what: string): Consequence => ({
    status: 'failed',
    reason: 'niche-error',
    message: `niche ${niche.name} ${what}`,
  });
  try {
    const consequence = await niche.measure(situation, { output: answer.output, exitCode: answer.exitCode }, signal);
    if (consequence.status === 'measured' && !Number.isFinite(consequence.score)) {
      return failed(`measured ${consequence.score}, which is not a finite score`);
    }
    const parsed = measurementSchema.safeParse(consequence);
    return parsed.success
      ? (parsed.data as Consequence)
      : failed(`returned no consequence: ${z.prettifyError(parsed.error)}`);
  } catch (error) {
    signal.throwIfAborted();
    // A niche that executes answers needs a sandbox of its own, and its failure is no consequence either.
    if (error instanceof SandboxUnavailableError) throw error;
    return failed(`threw: ${describeError(error)}`);
  }
}

/** A score exists only when every item was measured; otherwise the first failure says why there is none. */
export function evaluationOf(split: Evaluation['split'], items: readonly EvaluationItem[]): Evaluation {
  let sum = 0;
  for (const { situation, consequence } of items) {
    if (consequence.status === 'failed') {
      return {
        status: 'failed',
        split,
        reason: consequence.reason,
        message: `${situation}: ${consequence.message}`,
        items: [...items],
      };
    }
    sum += consequence.score;
  }
  return { status: 'measured', split, score: sum / items.length, n: items.length, items: [...items] };
}

export function usageOf(measured: readonly MeasuredItem[]): Usage {
  return measured.reduce((sum, m) => addUsage(sum, m.usage), noUsage);
}
