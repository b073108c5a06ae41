import { fileURLToPath } from 'node:url';
import { ConfigInvalidError } from '../../../core/errors.ts';
import { type Base, readBase } from '../files/base-checkpoint.ts';

/** Bases that come with the package: each a directory beside this file, with a card that says how it was made. */
export const shippedBases = ['small', 'medium'] as const;

/**
 * A shipped base by name, or the directory of another one.
 * @throws {ConfigInvalidError} for a word that is neither.
 * @throws {WeightsInvalidError} for a directory that holds no base.
 */
export function openBase(nameOrDirectory: string): Base {
  if (shippedBases.some((name) => name === nameOrDirectory)) {
    return readBase(fileURLToPath(new URL(`./${nameOrDirectory}/`, import.meta.url)), nameOrDirectory);
  }
  if (nameOrDirectory.includes('/')) return readBase(nameOrDirectory, 'own');
  throw new ConfigInvalidError(
    `no base ${JSON.stringify(nameOrDirectory)}: there are ${shippedBases.join(', ')}; another one is given by its directory, such as ./bases/mine`,
  );
}
