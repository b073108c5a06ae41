import { type FileTree, type TreeFile, textFile } from '../../src/core/file-tree.ts';
import type { Json } from '../../src/core/json.ts';
import type { Refusal } from '../collect/rule.ts';
import { quoted } from '../denials.ts';
import type { MountRequest } from '../markspace.ts';
import type { Visibility } from '../policy.ts';

/** The only files that can appear in `evals/`. */
const evalNames = ['train', 'selection', 'history'] as const;

type Evals = { readonly ok: true; readonly files: FileTree } | ({ readonly ok: false } & Refusal);

/**
 * What the agent may know about its own evaluations, as JSON files.
 *
 * A hidden split is refused by name and by structure, at any depth: a key
 * that speaks of it, a `split` that is it, and in the history a score that
 * does not say it is a train score. The test split is hidden always. What is
 * checked is what is written: values become plain JSON before either.
 */
export function evalFiles({ evals }: Pick<MountRequest, 'evals'>, visibility: Visibility): Evals {
  const hidden = [
    'test',
    ...(visibility.selection === true ? [] : ['selection']),
    ...(visibility.train === true ? [] : ['train']),
  ];
  const files = new Map<string, TreeFile>();
  for (const [name, given] of Object.entries(evals)) {
    if (!evalNames.some((known) => known === name)) {
      return refuse('eval-name', `evals/ has no file for ${quoted(name)}; it has ${evalNames.join(', ')}`);
    }
    if (hidden.includes(name)) return refuse('eval-hidden', `the experiment hides ${name} evaluations`);
    const value = plain(given);
    if (value === undefined) return refuse('eval-content', `evals/${name} is not plain JSON`);
    const leak = findHidden(value, hidden, { at: name, isMarkedTrain: name !== 'history' });
    if (leak !== null) return refuse('eval-hidden', `evals/${leak} speaks of an evaluation the experiment hides`);
    files.set(`${name}.json`, textFile(`${JSON.stringify(value, null, 2)}\n`));
  }
  return { ok: true, files };
}

function refuse(rule: string, message: string): Evals {
  return { ok: false, rule, message };
}

function plain(given: Json): Json | undefined {
  try {
    return JSON.parse(JSON.stringify(given)) as Json;
  } catch {
    return undefined;
  }
}

interface Place {
  readonly at: string;
  /** Whether something around it says that it is about the train split. */
  readonly isMarkedTrain: boolean;
}

/** @returns where a hidden split is spoken of, or `null`. An absent value (`null`) tells nothing. */
function findHidden(value: Json, hidden: readonly string[], place: Place): string | null {
  if (value === null || typeof value !== 'object') return null;
  for (const [key, inner] of Object.entries(value) as [string, Json][]) {
    const words = Array.isArray(value) ? [] : wordsOf(key);
    const isMarkedTrain = place.isMarkedTrain || words.includes('train');
    const here = { at: `${place.at}.${key.slice(0, 40)}`, isMarkedTrain };
    if (inner !== null && hidden.some((split) => speaksOf(words, split))) return here.at;
    if (isHiddenSplit(words, inner, hidden)) return here.at;
    if (inner !== null && !isMarkedTrain && hidden.includes('selection') && isScore(words)) return here.at;
    const leak = findHidden(inner, hidden, here);
    if (leak !== null) return leak;
  }
  return null;
}

function wordsOf(key: string): string[] {
  return key
    .normalize('NFKC')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

function isHiddenSplit(words: readonly string[], value: Json, hidden: readonly string[]): boolean {
  return words.includes('split') && typeof value === 'string' && hidden.includes(value.trim().toLowerCase());
}

function isScore(words: readonly string[]): boolean {
  return words.some((word) => /^(?:scores?|fitness|confidence)$/.test(word));
}

const measures = /^(?:scores?|splits?|evaluations?|evals?|items?|labels?|results?|deltas?|set)?$/;

/**
 * `selection`, `selectionScore`, `best_selection` speak of selection. The
 * words "test" and "train" are common in honest feedback (`test_name`,
 * `unitTest`), so they count alone or before a measure: `test`, `testScore`.
 */
function speaksOf(words: readonly string[], split: string): boolean {
  if (split === 'selection') return words.includes(split);
  return words[0] === split && measures.test(words[1] ?? '');
}
