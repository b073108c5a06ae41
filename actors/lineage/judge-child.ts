import { BudgetExhaustedError, NicheFailedError } from '../../src/core/errors.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import { addUsage, type Evaluation, type Generation } from '../../src/core/records.ts';
import { genomeOf, measure } from './evaluate-child.ts';
import type { Draft, Judgement, StepInput } from './lineage-machine.ts';
import { header, type LineagePorts } from './lineage-ports.ts';
import { type Ancestor, ancestor } from './lineage-state.ts';

type Evidence = RequestOf<'gate'>;

/** A gate that asks for more than this has lost count. */
const maxRetests = 50;

/**
 * Asks the gate for a verdict. As long as it wants something measured again,
 * and the budget holds, candidate and best are measured on the same items, and
 * the gate is asked again with what came out.
 */
export async function judgeChild(ports: LineagePorts, input: StepInput, signal: AbortSignal): Promise<Judgement> {
  const { state, draft } = input;
  let { usage, otherEvaluations } = draft;
  if (draft.request.round === 0) return { judgement: judgeSeed(draft), usage, otherEvaluations };
  const best = state.best === null ? null : ancestor(state, state.best);
  const evidence = evidenceOf(ports, input, best);
  const retests: Evidence['retests'] = [];
  let judgement = await ports.ask('gate', evidence, signal);
  while (judgement.retest !== undefined && retests.length < maxRetests) {
    const places = judgement.retest;
    const trial = `retest-${retests.length + 1}`;
    const again = async (genome: Ancestor['genome'], who: string): Promise<Evaluation> => {
      const what = { genome, split: 'selection' as const, count: places.length, places, trial: `${trial}-${who}` };
      const answer = await measure(ports, input, what, signal);
      usage = addUsage(usage, answer.usage);
      otherEvaluations += answer.evaluation.items.length;
      return answer.evaluation;
    };
    try {
      const candidate = await again(genomeOf(ports, draft), 'candidate');
      retests.push({ places, candidate, best: best === null ? null : await again(best.genome, 'best') });
    } catch (error) {
      if (!(error instanceof BudgetExhaustedError)) throw error;
      break;
    }
    judgement = await ports.ask('gate', { ...evidence, retests: [...retests], trial }, signal);
  }
  return { judgement, usage, otherEvaluations };
}

function evidenceOf(ports: LineagePorts, input: StepInput, best: Ancestor | null): Evidence {
  const { state, draft } = input;
  const parent = ancestor(state, draft.parent!);
  const edit = draft.edit!;
  return {
    ...header(input),
    policy: ports.gatePolicy,
    candidate: {
      selection: draft.evaluations.selection,
      isPartial: draft.evaluations.isPartial,
      failure: failureOf(draft),
      genome: edit.genome,
      bytes: edit.bytes,
      files: edit.files,
      changedFiles: edit.changedFiles,
      adoption: edit.status === 'edited' ? edit.adoption : null,
      calls: edit.usage.calls,
      toolCalls: edit.usage.toolCalls,
    },
    parent: {
      generation: parent.generation,
      genome: parent.genome,
      selection: parent.selection,
      bytes: parent.bytes,
    },
    best: best === null ? null : { generation: best.generation, selection: best.selection! },
    retests: [],
    memory: state.gateMemory,
  };
}

/** The seed is where every lineage starts, so it has no gate; but a niche that cannot measure it can measure nothing. */
function judgeSeed({ evaluations }: Draft): NonNullable<Draft['judgement']> {
  const broken = [evaluations.train, evaluations.selection].find(
    (e) => e?.status === 'failed' && e.reason === 'niche-error',
  );
  if (broken?.status === 'failed') throw new NicheFailedError(`the seed could not be measured: ${broken.message}`);
  return { verdict: 'seed', checks: [{ name: 'seed', outcome: 'pass', reason: 'generation 0' }] };
}

/** What kept a child from being measured, or `null`. */
export function failureOf(draft: Draft): Generation['failure'] {
  if (draft.edit?.status === 'failed') return draft.edit.failure;
  return draft.evaluations.isOverBudget ? { stage: 'budget', message: 'no evaluations left to measure it' } : null;
}
