import { InvalidArgumentError } from 'commander';
import { arms } from '../../index.ts';

/** `--seed 1 --seed 2` and `--seed 1,2` alike. */
export function seedList(text: string, before: readonly number[] = []): readonly number[] {
  const seeds = text.split(',').map((part) => {
    const seed = Number(part);
    if (!/^\s*\d+\s*$/.test(part) || seed > 2 ** 31 - 1)
      throw new InvalidArgumentError('Seeds are whole numbers from 0 to 2147483647, such as 1 or 1,2,3.');
    return seed;
  });
  return [...before, ...seeds];
}

export function armList(text: string, before: readonly string[] = []): readonly string[] {
  const known = Object.keys(arms);
  const named = text.split(',').map((part) => part.trim());
  const wrong = named.find((arm) => !known.includes(arm));
  if (wrong !== undefined) throw new InvalidArgumentError(`There is no arm ${wrong}; there are ${known.join(', ')}.`);
  return [...before, ...named];
}

export function setting(text: string, before: readonly string[] = []): readonly string[] {
  if (!/^[^=\s]+=/.test(text)) throw new InvalidArgumentError('Write path=value, such as budget.generations=6.');
  return [...before, text];
}

export function positiveCount(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Expected a whole number, 1 or more.');
  return Number(text);
}

export function deviation(text: string): number {
  const value = Number(text);
  if (!/^[\d.]+(e-?\d+)?$/i.test(text) || !Number.isFinite(value))
    throw new InvalidArgumentError('Expected a standard deviation in units of the score, 0 or more, such as 0.02.');
  return value;
}

export function probability(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('Expected a number between 0 and 1, such as 0.8.');
  return value;
}
