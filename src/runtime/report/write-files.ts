import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, StorageFailedError } from '../../core/errors.ts';

/** What a report may hold; what an earlier one held and this one does not is removed. */
const names = [
  ...[
    'score-curves',
    'transfer-gain',
    'time-to-threshold',
    'cost-tokens',
    'cost-usd',
    'code-size',
    'adoptions',
    'differences',
  ].map((name) => `${name}.svg`),
  ...['time-to-threshold', 'threshold', 'items'].map((name) => `${name}.csv`),
];

/** @throws {StorageFailedError} naming the directory. */
export function writeFiles(dir: string, files: Readonly<Record<string, string>>): void {
  try {
    mkdirSync(dir, { recursive: true });
    for (const name of names) if (!(name in files)) rmSync(join(dir, name), { force: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  } catch (cause) {
    throw new StorageFailedError(
      `cannot write the report in ${dir}: ${describeError(cause)}; --to names another place`,
      {
        cause,
      },
    );
  }
}
