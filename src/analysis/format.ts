import type { LineageOutcome } from './lineage-outcome.ts';

/** How scores of one report are written: with as many decimals as show a hundredth of their spread. */
export interface ScoreFormat {
  score(value: number): string;
  /** With `+` or a true minus sign. */
  signed(value: number): string;
}

/** The decimals that suit all measured scores of a report, test scores included. */
export function scoreFormat(outcomes: readonly LineageOutcome[]): ScoreFormat {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { curve, test } of outcomes) {
    for (const value of [...curve.map((p) => p.score), test?.status === 'measured' ? test.score : null]) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const span = high > low ? high - low : Math.abs(high);
  const decimals = Number.isFinite(span) && span > 0 ? Math.max(0, 2 - Math.floor(Math.log10(span))) : 3;
  const score = (value: number) => (decimals > 12 ? exponential(value) : fixed(value, decimals));
  return {
    score,
    signed: (value) => {
      const text = score(value);
      return value < 0 || Number(text.replaceAll(',', '')) === 0 ? text : `+${text}`;
    },
  };
}

function exponential(value: number): string {
  return value === 0 ? '0' : value.toExponential(3).replaceAll('-', '−');
}

/** Fixed decimals, thousands separated, a true minus sign, and no negative zero. */
export function fixed(value: number, decimals: number): string {
  const digits = Math.abs(value).toFixed(decimals);
  const [whole, fraction] = digits.split('.');
  const grouped = whole!.length > 4 ? whole!.replace(/\B(?=(\d{3})+$)/g, ',') : whole!;
  const text = fraction === undefined ? grouped : `${grouped}.${fraction}`;
  return value < 0 && Number(digits) !== 0 ? `−${text}` : text;
}

/** Three significant digits, without trailing zeros. */
export function pValue(p: number): string {
  return String(Number(p.toPrecision(3)));
}

/** USD, or words when a price was missing. Small amounts keep two significant digits: none but 0 is written as 0. */
export function usd(value: number | null): string {
  if (value === null) return 'not metered';
  const isSmall = value > 0 && value < 0.1;
  return `$${value.toFixed(isSmall ? Math.max(4, 1 - Math.floor(Math.log10(value))) : 2)}`;
}

/** "1 run", "2 runs". */
export function counted(n: number, noun: string): string {
  return `${fixed(n, 0)} ${noun}${n === 1 ? '' : 's'}`;
}

/** "seed 4", "seeds 1–5", "seeds 1, 3, 7": ascending seeds, runs of three or more shortened. */
export function seedList(seeds: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const seed of seeds) {
    const last = runs.at(-1);
    if (last !== undefined && seed === last[1] + 1) last[1] = seed;
    else runs.push([seed, seed]);
  }
  const words = runs.map(([from, to]) => (from === to ? `${from}` : `${from}${to === from + 1 ? ', ' : '–'}${to}`));
  return `${seeds.length === 1 ? 'seed' : 'seeds'} ${words.join(', ')}`;
}
