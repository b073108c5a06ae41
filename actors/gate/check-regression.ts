import { holm } from '../../src/analysis/statistics.ts';
import type { GateConfig } from '../../src/core/config/gate-schema.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Check, Evaluation } from '../../src/core/records.ts';
import type { Frozen, GateMemory } from './gate-memory.ts';
import { isHigherBeyondNoise, type Pair, pairsOf } from './paired-test.ts';
import { capabilityOf, chooseRetests, flakinessOf, isBroken, scoresOn } from './trajectory-library.ts';

type Evidence = RequestOf<'gate'>;
type Settings = NonNullable<GateConfig['regression']>;

export interface RegressionFinding {
  readonly micro: Check;
  readonly macro: Check;
  /** Places to measure again before `micro` can be told; empty when it can be told now. */
  readonly retest: readonly number[];
}

/**
 * Does it still do what was done before (micro), and is it still as good at each capability (macro)?
 * @param memory - Its library with what these re-tests say of flakiness.
 */
export function checkRegression(evidence: Evidence, settings: Settings, memory: GateMemory): RegressionFinding {
  return { ...checkFrozen(evidence, settings, memory), macro: checkCapabilities(evidence, settings) };
}

/**
 * Frozen items that the candidate broke. Where nothing is flaky one is enough.
 * Otherwise candidate and best are measured again on those, as often as the
 * budget for re-tests allows, and it counts when the best does better there
 * beyond noise: that is right whatever is assumed of flakiness, and although
 * the items were chosen by where the candidate did badly.
 */
function checkFrozen(evidence: Evidence, settings: Settings, memory: GateMemory): Omit<RegressionFinding, 'macro'> {
  const { library } = memory;
  const say = (outcome: Check['outcome'], reason: string, retest: readonly number[] = []) => ({
    micro: { name: 'regression-micro', outcome, reason },
    retest,
  });
  const known = library.flatMap((frozen) => {
    const [score] = scoresOn(frozen.situation, [evidence.candidate.selection]);
    return score === undefined ? [] : [{ frozen, isBroken: isBroken(score, frozen, settings) }];
  });
  if (library.length === 0) return say('pass', 'nothing is frozen yet');
  if (known.length === 0) return say('unknown', `none of ${library.length} frozen items was measured`);
  const broken = known.filter((k) => k.isBroken).map((k) => k.frozen);
  const count = `${broken.length} of ${known.length} frozen items broken`;
  if (broken.length === 0) return say('pass', count);
  if (settings.flakiness === 0) return say('refuse', count);
  if (settings.retestItems === 0) return sayByFlakiness(known, settings, count, say);
  const places = new Set(broken.map((f) => f.place));
  const rounds = evidence.retests.filter((r) => r.places.every((place) => places.has(place)));
  // The same items in each round: what the first one says must not choose what the second one looks at.
  const again = rounds[0]?.places ?? chooseRetests(memory, broken, settings);
  if (rounds.length < Math.floor(settings.retestItems / again.length)) {
    return say('unknown', `${count}; to be measured again`, again);
  }
  const measured = rounds.flatMap((r) => (r.best === null ? [] : [{ candidate: r.candidate, best: r.best }]));
  const { worse, total } = lowerCapabilities(measured, library, settings);
  const retested = `${count}; of ${again.length} measured again ${rounds.length} times`;
  if (worse.length > 0) return say('refuse', `${retested}, lower in ${worse.join('; ')}`);
  return total === 0
    ? say('unknown', `${retested}, none was measured by both`)
    : say('pass', `${retested}, no capability is lower beyond noise`);
}

/**
 * Without re-tests: per capability, how many are broken against how many an
 * unchanged agent breaks by its assumed flakiness (Poisson binomial); over
 * capabilities by Holm. No better than the assumption.
 */
function sayByFlakiness(
  known: readonly { readonly frozen: Frozen; readonly isBroken: boolean }[],
  settings: Settings,
  count: string,
  say: (outcome: Check['outcome'], reason: string) => Omit<RegressionFinding, 'macro'>,
) {
  const capabilities = [...new Set(known.map((k) => k.frozen.capability))];
  const ps = capabilities.map((capability) => {
    const own = known.filter((k) => k.frozen.capability === capability);
    const chances = own.map((k) => flakinessOf(k.frozen, settings));
    return poissonBinomialUpperTail(chances, own.filter((k) => k.isBroken).length);
  });
  const worse = holm(ps).flatMap((p, i) =>
    p <= settings.errorRate ? [`${capabilities[i]} (p ${p.toPrecision(2)})`] : [],
  );
  return worse.length === 0
    ? say('pass', `${count}, as often as flakiness does`)
    : say('refuse', `${count}, more than flakiness explains in ${worse.join(', ')}`);
}

/** P(X ≥ k) when each of these happens by itself. */
export function poissonBinomialUpperTail(chances: readonly number[], k: number): number {
  const exactly = [1, ...chances.map(() => 0)];
  chances.forEach((chance, done) => {
    for (let x = done + 1; x >= 0; x -= 1) {
      exactly[x] = exactly[x]! * (1 - chance) + (x === 0 ? 0 : exactly[x - 1]! * chance);
    }
  });
  return Math.min(
    1,
    exactly.slice(k).reduce((sum, p) => sum + p, 0),
  );
}

/** Whether any capability as a whole is lower than the best's, beyond noise, on every item that both were measured on. */
function checkCapabilities({ candidate, best, retests }: Evidence, settings: Settings): Check {
  const name = 'regression-macro';
  if (best === null) return { name, outcome: 'pass', reason: 'nothing was measured before' };
  const both = [
    { candidate: candidate.selection!, best: best.selection },
    ...retests.flatMap((r) => (r.best === null ? [] : [{ candidate: r.candidate, best: r.best }])),
  ];
  const { worse, total } = lowerCapabilities(both, [], settings);
  return worse.length === 0
    ? { name, outcome: 'pass', reason: `none of ${total} capabilities is lower beyond noise` }
    : { name, outcome: 'refuse', reason: `lower in ${worse.join('; ')}` };
}

/** Capabilities in which the best does better beyond noise, which share the error rate; and how many there are in all. */
function lowerCapabilities(
  both: readonly { readonly candidate: Evaluation; readonly best: Evaluation }[],
  library: readonly Frozen[],
  { errorRate }: Settings,
): { readonly worse: readonly string[]; readonly total: number } {
  const frozen = new Map(library.map((f) => [f.situation, f.capability]));
  const byCapability = new Map<string, Pair[]>();
  for (const { candidate, best } of both) {
    const named = new Map(best.items.map((item) => [item.situation, capabilityOf(item)]));
    for (const { situation, ...pair } of pairsOf(candidate, best)) {
      const capability = frozen.get(situation) ?? named.get(situation)!;
      const swapped = { situation, candidate: pair.reference, reference: pair.candidate };
      byCapability.set(capability, [...(byCapability.get(capability) ?? []), swapped]);
    }
  }
  const worse = [...byCapability].flatMap(([capability, pairs]) => {
    const { isHigher, reason } = isHigherBeyondNoise(pairs, errorRate / byCapability.size);
    return isHigher === true ? [`${capability}: ${reason}`] : [];
  });
  return { worse, total: byCapability.size };
}
