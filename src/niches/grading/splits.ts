import { type Split, splits } from '../../core/niche.ts';
import { type RandomStream, randomStream } from '../../core/random.ts';
import type { Item } from './table.ts';

export interface Drawing {
  /** How many items each split needs, at least. */
  readonly sizes: Readonly<Record<Split, number>>;
  readonly seed: number;
  /** Whether all items of one problem go to one split. */
  readonly isGrouped: boolean;
}

/**
 * Deals a table out into three disjoint splits. Train and test get what they need, selection gets the rest. Of each
 * split the first k items, whatever k is, have the grades in nearly the proportions that its items have them in: those
 * of the whole table, unless problems are kept together. A pure function of its arguments.
 *
 * @returns the items of each split in the order they are handed out, or a sentence that says why there are too few.
 */
export function drawSplits(items: readonly Item[], drawing: Drawing): Record<Split, Item[]> | string {
  const { sizes, seed, isGrouped } = drawing;
  const random = randomStream(seed, 'grading', 'splits');
  const wanted = splits.reduce((sum, split) => sum + sizes[split], 0);
  if (wanted > items.length) return `${sizeList(sizes)} are ${wanted} items, and the table has ${items.length}`;
  const dealt = isGrouped ? dealGroups(items, sizes, random) : dealItems(items, sizes, random);
  const short = splits.find((split) => dealt[split].length < sizes[split]);
  if (short === undefined) return dealt;
  return `with every problem in one split only, ${short} gets ${dealt[short].length} items of the ${sizes[short]} it needs; ask for fewer, or set niche.params.groupByProblem: false`;
}

function sizeList(sizes: Drawing['sizes']): string {
  return splits.map((split) => `${split} ${sizes[split]}`).join(', ');
}

function dealItems(items: readonly Item[], sizes: Drawing['sizes'], random: RandomStream): Record<Split, Item[]> {
  const all = stratified(items, random);
  const test = all.splice(0, sizes.test);
  return { test, train: all.splice(0, sizes.train), selection: all };
}

/** Large problems first, each to the split that lacks the largest part of what it needs. */
function dealGroups(items: readonly Item[], sizes: Drawing['sizes'], random: RandomStream): Record<Split, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const name = item.group ?? item.problem;
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  const pools: Record<Split, Item[]> = { train: [], selection: [], test: [] };
  const lack = (split: Split) => (sizes[split] - pools[split].length) / sizes[split];
  for (const group of random.shuffle([...groups.values()]).sort((a, b) => b.length - a.length)) {
    const neediest = splits.reduce((most, split) => (lack(split) > lack(most) ? split : most));
    pools[lack(neediest) > 0 ? neediest : 'selection'].push(...group);
  }
  const dealt = (split: Split) => stratified(pools[split], random);
  return {
    train: dealt('train').slice(0, sizes.train),
    selection: dealt('selection'),
    test: dealt('test').slice(0, sizes.test),
  };
}

/**
 * In random order, but every stretch of it has the grades in nearly the same proportions: item j of the n with one
 * grade stands at (j + u)/n, where u is drawn once for the grade.
 */
function stratified(items: readonly Item[], random: RandomStream): Item[] {
  const byGrade = new Map<number, Item[]>();
  for (const item of items) byGrade.set(item.grade, [...(byGrade.get(item.grade) ?? []), item]);
  const placed = [...byGrade.values()].flatMap((group) => {
    const u = random.next();
    return random.shuffle(group).map((item, j) => ({ item, at: (j + u) / group.length }));
  });
  return random
    .shuffle(placed)
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
