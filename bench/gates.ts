/**
 * How often each gate is wrong, at the published noise (scoring an unchanged
 * harness again on 100 items: standard deviation .024, range up to .10), beside
 * the rule "the score went up" on the same evaluations. Shares with 95 % score
 * intervals. The gates for size and for constraints see no noise and are left out.
 *
 * Run: npm run bench -- gates [--simulations=1000] [--seed=1]
 */

import { wilsonInterval } from '../src/analysis/statistics/proportions.ts';
import { randomStream } from '../src/core/random.ts';
import { gateSettings } from '../tests/actors/gate-evidence.ts';
import {
  complacencyRate,
  evaluate,
  items,
  lineageRates,
  newAgent,
  promotionRates,
  type Rate,
  type Rates,
  regressionRates,
} from '../tests/actors/simulated-gates.ts';

const option = (name: string, otherwise: number) =>
  Number(process.argv.find((word) => word.startsWith(`--${name}=`))?.split('=')[1] ?? otherwise);
const simulations = option('simulations', 1_000);
const seed = option('seed', 1);

const percent = (share: number) => `${(100 * share).toFixed(1)}`;
const shown = ({ hits, of }: Rate) => {
  const { low, high } = wilsonInterval(hits, of);
  return `${percent(hits / of)} % [${percent(low)}, ${percent(high)}]`;
};
const row = (what: string, { naive, gate, retested }: Rates) =>
  console.log(
    `  ${what.padEnd(62)}${shown(naive).padStart(22)}${shown(gate).padStart(22)}${retested.toFixed(0).padStart(9)}`,
  );
const title = (what: string) =>
  console.log(`\n${what.padEnd(64)}${'score went up'.padStart(22)}${'gate'.padStart(22)}${'re-tests'.padStart(9)}`);

const noise = Array.from({ length: 200 }, (_, agent) => {
  const random = randomStream(seed, 'noise', agent);
  const one = newAgent(random, 0.6, items);
  const places = Array.from({ length: items }, (_v, i) => i);
  const scores = Array.from({ length: 5 }, () => evaluate(random, one, places).reduce((a, b) => a + b, 0) / items);
  const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
  return {
    variance: scores.reduce((sum, s) => sum + (s - mean) ** 2, 0) / (scores.length - 1),
    range: Math.max(...scores) - Math.min(...scores),
  };
});
const sd = Math.sqrt(noise.reduce((sum, n) => sum + n.variance, 0) / noise.length);
console.log(
  `${simulations} simulations a row, seed ${seed}; an unchanged agent scored again on ${items} items, 200 agents × 5: ` +
    `standard deviation ${sd.toFixed(4)}, widest range ${Math.max(...noise.map((n) => n.range)).toFixed(2)}`,
);

const improvement = (more: object = {}) => gateSettings({ improvement: { test: 'paired', ...more } });
const variants = {
  'error rate .05, one look': improvement(),
  'error rate .05, 1 + 3 looks at 25 fresh items': improvement({ looks: 3 }),
  'error rate .20, 1 + 3 looks at 25 fresh items': improvement({ looks: 3, errorRate: 0.2 }),
};
title('False promotion: the candidate is no better');
for (const [name, settings] of Object.entries(variants)) {
  row(`the same agent again; ${name}`, promotionRates(settings, 'identical', simulations, seed));
  row(`another agent; ${name}`, promotionRates(settings, 0, simulations, seed));
}
title('False promotion of any of 20 candidates that are no better');
const lineages = Math.max(1, Math.round(simulations / 5));
row(
  `error rate .05 for each generation (${lineages} lineages)`,
  lineageRates(improvement({ looks: 3 }), 20, lineages, seed),
);
row(
  `error rate .05 for the lineage (${lineages} lineages)`,
  lineageRates(improvement({ looks: 3, per: 'lineage' }), 20, lineages, seed),
);
title('False refusal: the candidate is better');
for (const gain of [0.05, 0.1, 0.2]) {
  for (const [name, settings] of Object.entries(variants)) {
    const { naive, gate, retested } = promotionRates(settings, gain, simulations, seed);
    const missed = ({ hits, of }: Rate): Rate => ({ hits: of - hits, of });
    row(`by ${gain.toFixed(2)}; ${name}`, { naive: missed(naive), gate: missed(gate), retested });
  }
}
title('Non-regression, error rate .05: refused (naive: score went down)');
for (const trials of [0, 4, 16]) {
  for (const breaks of [0, 5, 10]) {
    const what =
      breaks === 0 ? 'nothing broken (false refusal)' : `${breaks} of about 58 broken for good (right refusal)`;
    row(`${what}, ${trials} re-tests known`, regressionRates({}, breaks, { trials, simulations, seed }));
  }
}
console.log(`\n${'Complacency, 3 edits: refused per edit'.padEnd(64)}${'gate'.padStart(44)}`);
for (const share of [0.9, 0.7, 0.05]) {
  const what = `code in ${100 * share} % of edits (${share > 0.5 ? 'false' : 'right'} refusal)`;
  console.log(`  ${what.padEnd(62)}${shown(complacencyRate(share, 10 * simulations, seed)).padStart(44)}`);
}
