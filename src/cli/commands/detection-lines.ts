import type { Detection, Effect, ItemDetection, SeedDetection } from '../../index.ts';
import { counted } from '../text/numbers.ts';
import { columns } from '../text/width.ts';

/** What an experiment can show, for people. */
export function detectionLines({ alpha, power, seeds, items }: Detection): string[] {
  return columns([
    ['can show', seedWords(seeds)],
    ['comparisons', comparisonWords(seeds)],
    ['smallest p', pWords(seeds)],
    ['a claim takes', claimWords(seeds, alpha)],
    ['detectable', effectWords(seeds.detectable, power, 'SD of the gain between seeds')],
    ['items', itemWords('selection', items.selection, power)],
    ['', itemWords('test', items.test, power)],
  ]);
}

function seedWords({ n, allows }: SeedDetection): string {
  const words: Record<SeedDetection['allows'], string> = {
    nothing: 'nothing of transfer: that takes the arm paired and a control, solo or sham',
    points: 'points only; an interval takes 4',
    interval: 'points, interval, range and an exact p; no claim',
    claim: 'an exact test that can carry a claim',
  };
  return `with ${counted(n, 'seed')}: ${words[allows]}`;
}

function comparisonWords({ comparisons, controls }: SeedDetection): string {
  return comparisons === 0
    ? 'none'
    : `${comparisons}, every lineage against ${controls.join(' and ')}, corrected by Holm`;
}

function pWords({ smallestP, smallestHolmP }: SeedDetection): string {
  return smallestP === null || smallestHolmP === null
    ? 'none'
    : `${digits(smallestP)}, corrected ${digits(smallestHolmP)} (two-sided, exact)`;
}

function claimWords({ seedsForClaim, controls }: SeedDetection, alpha: number): string {
  if (seedsForClaim === null) return 'a comparison';
  const other =
    !controls.includes('solo') || !controls.includes('sham')
      ? ', and both controls: help is claimed only beyond solo and sham'
      : '';
  return `at least ${seedsForClaim} seeds for a corrected p of ${alpha}${other}`;
}

function effectWords(effect: Effect | null, power: number, unit: string): string {
  if (effect === null) return 'no effect, however large, by a test';
  const score = effect.inScore === null ? '' : `, a score of ${digits(effect.inScore)},`;
  return `a mean of ${digits(effect.inSd)} ${unit}${score} with power ${power}`;
}

function itemWords(split: string, { n, detectable }: ItemDetection, power: number): string {
  const words =
    n < 4 ? 'points only' : `two agents apart by ${effectWords(detectable, power, 'SD of their differences')}`;
  return `${counted(n, 'item')} of ${split}: ${words}`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(2)));
}
