import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import type { Json } from '../../src/core/json.ts';
import type { RequestOf, ResultOf } from '../../src/core/messages.ts';
import type { Check } from '../../src/core/records.ts';
import { changedKind, checkComplacency, checkConstraints, checkSize } from './check-conduct.ts';
import { checkImprovement, type ImprovementFinding } from './check-improvement.ts';
import { checkRegression, type RegressionFinding } from './check-regression.ts';
import { type GateMemory, noMemory, recall } from './gate-memory.ts';
import { freeze, withRetests } from './trajectory-library.ts';

type Evidence = RequestOf<'gate'>;
type Result = ResultOf<'gate'>;

/** The files before and after, where a constraint asks for them. */
export interface GenomePair {
  readonly parent: FileTree;
  readonly child: FileTree;
}

/** Edits that are remembered: those that complacency looks at, and as many from before to compare them with. */
const rememberedEdits = 3;
/** What is older has hardly any weight left in a walk along citations. */
const rememberedPromotions = 200;

/**
 * The verdict on a generation, a pure function of the evidence. Every check
 * that is configured is made; the first that does not pass decides, and
 * `unknown` never passes. What could still be shown by measuring again is
 * asked for, as long as nothing else stands against the candidate.
 *
 * `failed`: not valid or not measured. `refused`: a check says no, which
 * includes a higher score that may be noise, so that only what was promoted is
 * ever the best. `archived`: not better.
 */
export function judge(evidence: Evidence, settings: GateConfig, genomes: GenomePair | null): Result {
  const memory = remember(evidence, settings);
  const kept = (result: Result, after: GateMemory = memory): Result =>
    isForgetful(settings) ? result : { ...result, memory: after as unknown as Json };
  const validity = checkValidity(evidence);
  if (validity.outcome !== 'pass') return kept({ verdict: 'failed', checks: [validity] });
  const measured = checkMeasured(evidence);
  if (measured.outcome !== 'pass') return kept({ verdict: 'failed', checks: [validity, measured] });
  if (evidence.policy === 'valid') return kept({ verdict: 'promoted', checks: [validity, measured] });
  const conduct = checkConduct(evidence, settings, memory, genomes);
  const regression = settings.regression && checkRegression(evidence, settings.regression, memory);
  const improvement = checkImprovement(evidence, settings.improvement, memory.judged);
  const kinds = regression === undefined ? [] : [regression.micro, regression.macro];
  const checks = [validity, measured, ...conduct, ...kinds, improvement.check];
  // What may only be told after a re-test is no objection yet.
  const objections = [...conduct, ...kinds].filter((c) => c !== regression?.micro || regression.retest.length === 0);
  if (objections.some((c) => c.outcome !== 'pass')) return kept({ verdict: 'refused', checks });
  const retest = wantedRetest(evidence, settings, memory, { regression, improvement });
  // Not before it was measured again: a promotion, or a refusal that more items may lift.
  if (retest !== null) return kept({ verdict: 'refused', checks, retest });
  if (improvement.check.outcome === 'pass')
    return kept({ verdict: 'promoted', checks }, promote(evidence, settings, memory));
  return kept({ verdict: isScoreHigher(evidence) ? 'refused' : 'archived', checks });
}

/** Nothing that is configured needs to know what was before. */
function isForgetful({ improvement, complacency, regression }: GateConfig): boolean {
  return improvement.test === 'strict' && complacency === undefined && regression === undefined;
}

function checkValidity({ candidate }: Evidence): Check {
  const { failure } = candidate;
  return failure === null
    ? { name: 'validity', outcome: 'pass', reason: 'both entry points import' }
    : { name: 'validity', outcome: 'refuse', reason: `${failure.stage}: ${failure.message}` };
}

function checkMeasured({ candidate }: Evidence): Check {
  const name = 'measured';
  if (candidate.selection === null) return { name, outcome: 'unknown', reason: 'not evaluated' };
  if (candidate.selection.status === 'failed') {
    return { name, outcome: 'unknown', reason: `${candidate.selection.reason}: ${candidate.selection.message}` };
  }
  return { name, outcome: 'pass', reason: `n ${candidate.selection.n}` };
}

function checkConduct(
  evidence: Evidence,
  settings: GateConfig,
  memory: GateMemory,
  genomes: GenomePair | null,
): Check[] {
  const { size, constraints, complacency } = settings;
  return [
    ...(evidence.candidate.isPartial ? [belowTheBar(evidence)] : []),
    ...(size === undefined ? [] : [checkSize(evidence, size)]),
    ...(constraints.length === 0 ? [] : [constraintsOf(constraints, genomes)]),
    ...(complacency === undefined ? [] : [checkComplacency(memory.edits, complacency)]),
  ];
}

/** Staged evaluation: whoever did not get past the first stage was not compared with anybody. */
function belowTheBar({ candidate }: Evidence): Check {
  const { score, n } = candidate.selection as { score: number; n: number };
  return { name: 'stage', outcome: 'refuse', reason: `${score.toPrecision(4)} on the first ${n} items was not enough` };
}

function constraintsOf(rules: GateConfig['constraints'], genomes: GenomePair | null): Check {
  if (genomes === null) return { name: 'constraints', outcome: 'unknown', reason: 'the files were not at hand' };
  return checkConstraints(rules, genomes.parent, genomes.child);
}

interface Findings {
  readonly regression: RegressionFinding | undefined;
  readonly improvement: ImprovementFinding;
}

/** Frozen items in doubt first, because they may end it; then fresh ones. */
function wantedRetest(
  { candidate }: Evidence,
  { improvement: { itemsPerLook } }: GateConfig,
  { nextPlace }: GateMemory,
  { regression, improvement }: Findings,
): number[] | null {
  const isContender = improvement.check.outcome === 'pass' || improvement.isOpen;
  if (isContender && regression !== undefined && regression.retest.length > 0) return [...regression.retest];
  if (!improvement.isOpen) return null;
  const first = Math.max(nextPlace, (candidate.selection as { n: number }).n);
  return Array.from({ length: itemsPerLook }, (_, i) => first + i);
}

function isScoreHigher({ candidate, best }: Evidence): boolean {
  if (candidate.selection?.status !== 'measured' || best?.selection.status !== 'measured') return false;
  return candidate.selection.score > best.selection.score;
}

/** What was known before, and what this candidate adds whatever the verdict. */
function remember(evidence: Evidence, settings: GateConfig): GateMemory {
  const memory = isForgetful(settings) ? noMemory : recall(evidence.memory);
  const { candidate, retests, generation } = evidence;
  const { calls, toolCalls, tools, changedFiles } = candidate;
  const window = rememberedEdits * (settings.complacency?.edits ?? 0);
  const known = tools === undefined ? {} : { tools };
  const edit = { generation, calls, toolCalls, changed: changedKind(changedFiles), ...known };
  return {
    ...memory,
    judged: memory.judged + (candidate.selection?.status === 'measured' ? 1 : 0),
    nextPlace: Math.max(memory.nextPlace, ...retests.flatMap((r) => r.places.map((place) => place + 1))),
    // Where nothing was to be edited, nothing is said about who edits.
    edits: window === 0 ? [] : candidate.isUnedited ? memory.edits : [...memory.edits, edit].slice(-window),
    library: settings.regression === undefined ? [] : withRetests(memory.library, evidence, settings.regression),
  };
}

function promote(evidence: Evidence, { regression }: GateConfig, memory: GateMemory): GateMemory {
  if (regression === undefined) return memory;
  const { generation, parent, candidate } = evidence;
  const from = candidate.adoption?.from;
  const adopted = from === undefined ? null : { lineage: from.lineage as string, generation: from.generation };
  return {
    ...memory,
    library: freeze(memory.library, evidence, regression),
    promoted: [...memory.promoted, { generation, parent: parent.generation, adopted }].slice(-rememberedPromotions),
  };
}
