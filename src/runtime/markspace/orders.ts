import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { armLineages } from '../../core/config/arm-lineages.ts';
import { RunNotFoundError, StorageFailedError } from '../../core/errors.ts';
import { type LineageId, parseLineageId } from '../../core/ids.ts';
import { locateRun, readManifest, runPaths } from '../run-directory.ts';
import type { LiftOrder } from './conduct.ts';

const orderSchema = z.strictObject({
  id: z.string(),
  lineage: z.string().transform((id) => parseLineageId(id)),
  scope: z.string().nullable(),
  anew: z.boolean(),
});

const ordersOf = (dir: string) => join(runPaths(dir).markspace, 'orders');

/** Orders of a person, oldest first: files that only who may write the run's directory can make. */
export function readOrders(dir: string): readonly LiftOrder[] {
  const folder = ordersOf(dir);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort();
  return names.map((name) => {
    try {
      return orderSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
    } catch (cause) {
      throw new StorageFailedError(`${join(folder, name)} is no order: remove it`, { cause });
    }
  });
}

export interface LiftRequest {
  readonly lineage: string;
  /** Default: wherever a flag has closed something to it. */
  readonly scope?: string;
  readonly anew?: boolean;
}

/**
 * Orders that a lineage may go on: the run takes it in when its next round
 * opens, also when it is resumed.
 * @param name - A run's directory, or its id below `out`.
 * @throws {RunNotFoundError} for a run or a lineage that is not there. @throws {StorageFailedError}
 */
export function orderLift(name: string, out: string, { lineage, scope, anew = false }: LiftRequest): LiftOrder {
  const dir = locateRun(name, out);
  const { config, arm } = readManifest(dir);
  const known: readonly string[] = armLineages(config, arm).map(({ id }) => id);
  if (!known.includes(lineage)) {
    throw new RunNotFoundError(`${name} has no lineage ${JSON.stringify(lineage)}; it has ${known.join(', ')}`);
  }
  const folder = ordersOf(dir);
  const order = { id: randomUUID(), lineage: lineage as LineageId, scope: scope ?? null, anew };
  try {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${String(readdirSync(folder).length).padStart(6, '0')}-${order.id}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(order), { flush: true });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new StorageFailedError(`cannot leave an order in ${folder}`, { cause });
  }
  return order;
}
