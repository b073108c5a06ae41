import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { z } from 'zod';
import { ConfigInvalidError } from '../../core/errors.ts';
import type { Json } from '../../core/json.ts';
import {
  type Answer,
  type Consequence,
  defineNiche,
  type Niche,
  type Situation,
  type Split,
} from '../../core/niche.ts';
import { compare, type Grade, gradeOf, grades, wordsOfGrades } from './grades.ts';
import { drawSplits } from './splits.ts';
import { type Item, readTable } from './table.ts';

const column = z.string().min(1);
const gradeSchema = z.literal([...grades]);

export const gradingParamsSchema = z.strictObject({
  /** The items: `.csv` or `.jsonl`, relative to the experiment file. */
  table: z.string().min(1),
  /** How to get the table: said when it is missing. `COMMAND` stands for how the program is started. */
  get: z.string().min(1).optional(),
  /** Names of columns, by default those of IMO-GradingBench; `null` where the table has none. */
  columns: z
    .strictObject({
      id: column.default('Grading ID'),
      problem: column.default('Problem'),
      /** What the student wrote. */
      response: column.default('Response'),
      /** The grade that a human gave, as a word or in points. */
      label: column.default('Reward'),
      guidelines: column.nullable().default('Grading guidelines'),
      /** A solution of the problem. */
      reference: column.nullable().default('Solution'),
      /** Equal for all items of one problem. */
      group: column.nullable().default('Problem ID'),
    })
    .prefault({}),
  /** Only rows that have one of these values in each of these columns. */
  where: z.record(column, z.array(z.union([z.string(), z.number()])).min(1)).default({}),
  /** Words that stand for points, besides incorrect (0), partial (1), almost (6) and correct (7). */
  words: z.record(z.string().min(1), gradeSchema).default({}),
  /** What an item's score is. Both measures are in its details, whichever it is. */
  score: z.enum(['accuracy', '1-mae']).default('accuracy'),
  /** All items of one problem go to one split, so that no problem of train is met again. */
  groupByProblem: z.boolean().default(false),
  /** Deals the items out in the same way whatever the run's seed is; without it, each seed deals anew. */
  splitSeed: z.int().nonnegative().optional(),
  /** How many characters of each text of a train item that was graded wrong are shown beside its label. */
  shownCharacters: z.int().nonnegative().default(4_000),
});
export type GradingParams = z.output<typeof gradingParamsSchema>;

/** What the runtime lends: where files are, and what will be asked for. */
export interface GradingTools {
  readonly experimentDir: string;
  readonly seeds: readonly number[];
  /** The most situations of each split that a run may ask for. */
  readonly most: Readonly<Record<Split, number>>;
}

/**
 * Grade what students wrote as a human grader did. A situation is one item of a table without its label; an answer is
 * `{"points": p}`, p one of 0, 1, 6, 7 or a word for it. An answer that is no grade is wrong; a task agent that failed
 * has no score.
 */
export const grading = defineNiche<GradingParams, GradingTools>({
  name: 'grading',
  params: gradingParamsSchema,
  create: (params, tools): Niche => {
    const words = { ...wordsOfGrades, ...lowerCased(params.words) };
    const file = resolve(tools.experimentDir, params.table);
    const items = readTable(file, { ...params, words });
    const draw = (runSeed: number) => {
      const seed = params.splitSeed ?? runSeed;
      const drawn = drawSplits(items, { sizes: tools.most, seed, isGrouped: params.groupByProblem });
      if (typeof drawn === 'string') throw new ConfigInvalidError(`${file} is too small: ${drawn}`);
      return drawn;
    };
    // An experiment that asks for too much is refused before anything is spent.
    for (const seed of tools.seeds) draw(seed);
    const table: Table = { items, digest: digestOf(items), places: new Map(items.map((item, place) => [item, place])) };
    const drawnBySeed = new Map<number, ReturnType<typeof draw>>();
    return {
      name: 'grading',
      version: `1-${params.score}-${table.digest}`,
      situations({ split, seed, count }) {
        const drawn = drawnBySeed.get(seed) ?? draw(seed);
        drawnBySeed.set(seed, drawn);
        if (count > drawn[split].length) {
          throw new RangeError(`${split} has ${drawn[split].length} items, and ${count} were asked for`);
        }
        return drawn[split].slice(0, count).map((item) => situationOf(table, split, item));
      },
      measure(situation, answer) {
        const item = itemOf(table, situation);
        // Whoever resumed a run with another table would measure against other labels.
        if (item === null) throw new Error(`${file} is not the table that ${situation.id} was taken from`);
        return measure(params, words, item, situation, answer);
      },
    };
  },
});

function lowerCased(words: GradingParams['words']): Record<string, Grade> {
  return Object.fromEntries(Object.entries(words).map(([word, grade]) => [word.trim().toLowerCase(), grade]));
}

interface Table {
  readonly items: readonly Item[];
  /** Of all items, labels included: nobody who knows less than all of them can compute it. */
  readonly digest: string;
  readonly places: ReadonlyMap<Item, number>;
}

function digestOf(items: readonly Item[]): string {
  return createHash('sha256').update(JSON.stringify(items)).digest('hex').slice(0, 8);
}

function situationOf({ places, digest }: Table, split: Split, item: Item): Situation {
  return { id: `${split}-${places.get(item)! + 1}-${digest}`, split, input: inputOf(item) };
}

/** The item of a situation, whoever handed it out and whenever; `null` when it was taken from another table. */
function itemOf({ items, digest }: Table, { id }: Situation): Item | null {
  const [, place, of] = /^[a-z]+-(\d+)-([0-9a-f]+)$/.exec(id) ?? [];
  return of === digest ? (items[Number(place) - 1] ?? null) : null;
}

/** What a task agent is told: all but the label, and what would name the item. */
function inputOf({ problem, reference, guidelines, response }: Item): Readonly<Record<string, string>> {
  const optional = { ...(reference === null ? {} : { reference }), ...(guidelines === null ? {} : { guidelines }) };
  return { problem, ...optional, response };
}

function measure(
  params: GradingParams,
  words: Readonly<Record<string, Grade>>,
  item: Item,
  { split }: Situation,
  { output, exitCode }: Answer,
): Consequence {
  if (exitCode !== 0) {
    return { status: 'failed', reason: 'crash', message: `the task agent ended with status ${exitCode}` };
  }
  const answered = gradeOf(pointsIn(output), words);
  const measures = compare(answered, item.grade);
  const isShown = split === 'train' && measures.accuracy === 0;
  return {
    status: 'measured',
    score: params.score === 'accuracy' ? measures.accuracy : 1 - measures.absoluteError,
    details: {
      ...{ item: item.id, points: answered, label: item.grade, labelText: item.label, measures: { ...measures } },
      ...(isShown ? { shown: clipped(item, params.shownCharacters) } : {}),
    },
  };
}

function pointsIn(output: Json | undefined): Json | undefined {
  if (output === null || typeof output !== 'object' || Array.isArray(output)) return undefined;
  return Object.hasOwn(output, 'points') ? (output as { readonly points?: Json }).points : undefined;
}

/** What an agent may learn from a mistake: the situation, of long texts the beginning. */
function clipped(item: Item, most: number): Readonly<Record<string, string>> {
  const cut = (text: string) =>
    text.length <= most ? text : `${text.slice(0, most)}\n[cut: ${text.length - most} more characters]`;
  return Object.fromEntries(Object.entries(inputOf(item)).map(([name, text]) => [name, cut(text)]));
}
