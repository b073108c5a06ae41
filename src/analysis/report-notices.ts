import { missingArms } from '../core/config/arms.ts';
import type { ComparableRuns } from './comparable-runs.ts';
import { budgetBanners } from './equal-budget.ts';
import { counted, scoreFormat } from './format.ts';
import { itemInterval } from './items.ts';
import { type LineageOutcome, lineageIds } from './lineage-outcome.ts';
import type { Inline } from './report-model.ts';
import { modelNames, type RunRecord } from './run-record.ts';
import { rulesByN } from './statistics/paired-inference.ts';

/** What a reader must know before looking at a figure: unequal budgets, unfinished or repeated runs, mixed models. */
export function banners({ runs, superseded }: ComparableRuns, outcomes: readonly LineageOutcome[]): string[] {
  const unfinished = runs.filter((r) => r.status !== 'done');
  const named = unfinished.map((r) => `${r.run} (${r.status}${r.reason === null ? '' : `: ${r.reason}`})`);
  const experiments = [...new Set(runs.map((r) => r.experiment))];
  return [
    ...(unfinished.length > 0
      ? [`Provisional: ${counted(unfinished.length, 'run')} not finished: ${named.join('; ')}.`]
      : []),
    ...(superseded.length > 0
      ? [`Left out, because another run has the same arm and seed: ${superseded.map((r) => r.run).join(', ')}.`]
      : []),
    ...(experiments.length > 1 ? [`Runs of different experiments are mixed: ${experiments.join(', ')}.`] : []),
    ...imports(runs),
    ...mixedModels(outcomes),
    ...runs.flatMap(narrowed),
    ...budgetBanners(outcomes),
  ];
}

/** What another system's results cannot say, once for all runs that lack the same. */
function imports(runs: readonly RunRecord[]): string[] {
  const groups = new Map<string, number>();
  for (const { imported } of runs) {
    if (imported === undefined) continue;
    const { source, notAvailable } = imported;
    const lacks = notAvailable.length === 0 ? '' : ` Not available: ${notAvailable.join(', ')}.`;
    const words = `imported from ${source}; nothing of it was measured here.${lacks}`;
    groups.set(words, (groups.get(words) ?? 0) + 1);
  }
  return [...groups].map(([words, n]) => `${counted(n, 'run')} ${words}`);
}

/** A lineage that was held back is not what its arm says it is from then on. */
function narrowed({ run, narrowings = [] }: RunRecord): string[] {
  return narrowings.map(({ lineage, scope, round, reason }) => {
    const when = round === null ? '' : ` in round ${round}`;
    return `In ${run} the guard closed ${scope ?? 'everything'} to ${lineage}${when} (${reason}): from there on its figures are those of a lineage that is held back.`;
  });
}

function mixedModels(outcomes: readonly LineageOutcome[]): string[] {
  return lineageIds(outcomes).flatMap((lineage) => {
    const models = [...new Set(outcomes.filter((o) => o.lineage === lineage).map(modelNames))];
    return models.length > 1 ? [`Lineage ${lineage} ran on different models: ${models.join(', ')}.`] : [];
  });
}

/** What these numbers cannot say, and what was not measured. */
export function limits(outcomes: readonly LineageOutcome[]): (readonly Inline[])[] {
  const absent = missingArms([...new Set(outcomes.map((o) => o.arm))]);
  const texts = [
    ...(absent.length > 0 ? [`Arms not run: ${absent.join(', ')}. ${baselineWords(absent)}`.trim()] : []),
    ...unmeasured(outcomes),
    repeatedScores(outcomes),
    'A best score is the highest of several measurements, so it is biased upward by noise, in every arm alike when budgets are equal. The held-out test does not select and is not biased so.',
    'Lineages of one paired run influence each other: their gains are not independent of each other.',
    'Adoptions are those that provenance recorded (content of the peer reached the generation, and its lines are found in the child). Similarity of text was not measured.',
    "Scores are the niche's own, with whatever tolerance the niche states; this report adds none. In sign-flip tests sums within 1e-9 of the total count as equal.",
    'imp@k counts generations after generation 0; a curve shorter than k has no imp@k.',
  ];
  return [...texts.map((text) => [text]), ...intervalLimits(outcomes)];
}

/** What `bench/coverage.ts` found of the intervals that this report prints. */
function intervalLimits(outcomes: readonly LineageOutcome[]): (readonly Inline[])[] {
  const hasSeeds = new Set(outcomes.map((o) => o.seed)).size >= rulesByN.forInterval;
  return [
    ...(hasSeeds
      ? [
          [
            'A 95 % t-interval over seeds holds the truth so often when seeds differ normally; when they differ in a strongly skewed or stepwise way, in 87 to 94 % of cases at 4 to 7 seeds. A bootstrap of the mean holds it in 83 % at 5 normal seeds, so there is none (',
            { code: 'npm run bench -- coverage' },
            ').',
          ],
        ]
      : []),
    ...(outcomes.some((o) => itemInterval(o.test)?.method === 'Wilson')
      ? [
          [
            "At 4 to 10 items Wilson's 95 % interval holds the truth in 87 to 99 % of cases, by where the truth is, and Newcombe's in 95 to 100 %.",
          ],
        ]
      : []),
  ];
}

function baselineWords(absent: readonly string[]): string {
  const baselines = absent.filter((arm) => arm === 'iid' || arm === 'sequential');
  return baselines.length === 0
    ? ''
    : `Without ${baselines.join(' and ')} it is open whether plain resampling or plain repeated editing does as well.`;
}

function unmeasured(outcomes: readonly LineageOutcome[]): string[] {
  const where = (what: string, of: (o: LineageOutcome) => boolean) => {
    const n = outcomes.filter(of).length;
    return n === 0 ? [] : [`${what} in ${n} of ${counted(outcomes.length, 'lineage run')}.`];
  };
  return [
    ...where('Generation 0 has no score, so no gain exists,', (o) => o.start === null),
    ...where('The held-out test was not opened', (o) => o.test === null),
    ...where('The held-out test failed and has no score', (o) => o.test?.status === 'failed'),
    ...where('Cost was not metered (no known price)', (o) => o.spent.usd === null),
  ];
}

/** Generation 0 is one harness in every arm of a seed: where its scores differ, that is noise of the measurement. */
function repeatedScores(outcomes: readonly LineageOutcome[]): string {
  const cells = new Map<string, number[]>();
  for (const o of outcomes) {
    if (o.start === null) continue;
    const key = `${o.seed}/${o.lineage}`;
    cells.set(key, [...(cells.get(key) ?? []), o.start]);
  }
  const repeated = [...cells.values()].filter((scores) => scores.length > 1);
  if (repeated.length === 0) return 'Noise of the measurement was not measured: no harness was scored twice.';
  const largest = Math.max(...repeated.map((scores) => Math.max(...scores) - Math.min(...scores)));
  return largest === 0
    ? `Generation 0, the same harness in every arm of a seed, scored the same in each of ${counted(repeated.length, 'repetition')}; noise was not measured otherwise.`
    : `Generation 0, the same harness in every arm of a seed, scored up to ${scoreFormat(outcomes).score(largest)} apart: differences of that size are within the noise of the measurement.`;
}
