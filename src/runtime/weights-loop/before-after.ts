import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigInvalidError, RunFormatError, RunNotFoundError } from '../../core/errors.ts';
import { resultWords } from '../../niches/storage/life.ts';
import { type Credit, credits } from './credit.ts';
import type { LifeOutcome } from './evaluate.ts';
import type { WeightsLoopResult } from './weights-loop.ts';

/** Which of the lives of a result. What is left out is the first; of worlds, the one in which the two differ most. */
export interface LivesChoice {
  readonly credit?: Credit | undefined;
  readonly seed?: number | undefined;
  /** From 1. */
  readonly world?: number | undefined;
  /** In the held-out worlds closed. */
  readonly isClosed?: boolean | undefined;
}

type ShownLife = Pick<LifeOutcome, 'freedBytes' | 'isBroken' | 'steps'>;
type ShownLives = Readonly<Record<'base' | 'survivors', readonly (ShownLife | null)[]>>;

/** What learning changed: two lives in one held-out world. */
export interface BeforeAfter {
  readonly credit: Credit;
  readonly seed: number;
  /** From 1. */
  readonly world: number;
  readonly worlds: number;
  readonly isClosed: boolean;
  /** `null`, as lives are, where the sandbox failed. */
  readonly oracleBytes: number | null;
  readonly base: ShownLife | null;
  readonly survivors: ShownLife | null;
}

/** What of a result is shown. */
export interface LoopLives extends Pick<WeightsLoopResult, 'oracleBytes'> {
  readonly seeds: readonly {
    readonly seed: number;
    readonly credit: Credit;
    readonly lives: ShownLives;
    readonly closedLives: ShownLives;
  }[];
  readonly closed: Pick<WeightsLoopResult['closed'], 'oracleBytes'>;
}

const next = 'leave --seed, --credit and --world out, or name what there is';

/** @throws {ConfigInvalidError} naming what there is, where the result has no such lives. */
export function beforeAfter(result: LoopLives, { isClosed = false, ...choice }: LivesChoice): BeforeAfter {
  const record = result.seeds.find(
    ({ seed, credit }) => seed === (choice.seed ?? seed) && credit === (choice.credit ?? credit),
  );
  if (record === undefined) {
    const there = result.seeds.map(({ seed, credit }) => `${credit}, seed ${seed}`).join('; ');
    throw new ConfigInvalidError(`the result has no lives of that rule and seed; it has ${there}`, {
      details: { next },
    });
  }
  const lives = isClosed ? record.closedLives : record.lives;
  const { oracleBytes } = isClosed ? result.closed : result;
  const world = choice.world ?? mostDifferent(lives, oracleBytes) + 1;
  const [worlds, at] = [oracleBytes.length, world - 1];
  if (!(at >= 0 && at < worlds))
    throw new ConfigInvalidError(`there is no world ${world}: they go from 1 to ${worlds}`, { details: { next } });
  const { seed, credit } = record;
  return {
    ...{ credit, seed, world, worlds, isClosed, oracleBytes: oracleBytes[at]! },
    ...{ base: lives.base[at] ?? null, survivors: lives.survivors[at] ?? null },
  };
}

/** By the share of what the oracle freed; the first of equals, and the first where nothing can be compared. */
function mostDifferent({ base, survivors }: ShownLives, oracleBytes: readonly (number | null)[]): number {
  const differences = oracleBytes.map((bytes, i) => {
    const [before, after] = [base[i], survivors[i]];
    return before && after && bytes ? Math.abs(after.freedBytes - before.freedBytes) / bytes : -1;
  });
  return differences.indexOf(Math.max(...differences));
}

const lifeSchema = z.object({
  ...{ freedBytes: z.number(), isBroken: z.boolean() },
  steps: z.array(
    z.object({
      ...{
        saw: z.string(),
        said: z.string(),
        command: z.string(),
        result: z.enum(resultWords),
        deltaBytes: z.number(),
      },
      damage: z.string().nullable(),
    }),
  ),
});
const livesSchema = z.object({ base: z.array(lifeSchema.nullable()), survivors: z.array(lifeSchema.nullable()) });
const bytesSchema = z.array(z.number().nullable());
/** As far as lives are shown; the rest of the file is passed over. */
const shownSchema = z.object({
  seeds: z.array(z.object({ seed: z.int(), credit: z.enum(credits), lives: livesSchema, closedLives: livesSchema })),
  oracleBytes: bytesSchema,
  closed: z.object({ oracleBytes: bytesSchema }),
});

/**
 * The lives that a loop has kept.
 * @throws {RunNotFoundError} where there is none. @throws {RunFormatError} where it holds no lives.
 */
export function readLoopLives(directory: string): LoopLives {
  const path = join(resolve(directory), 'result.json');
  if (!existsSync(path))
    throw new RunNotFoundError(`there is no ${path}`, {
      details: { next: 'name a directory that COMMAND weights-loop --to has written' },
    });
  try {
    return shownSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new RunFormatError(`${path} holds no lives that could be shown`, {
      cause: error,
      details: { next: 'run COMMAND weights-loop --to with this version' },
    });
  }
}
