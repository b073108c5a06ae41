import type { MissingList } from '../missing.ts';

/** A generation's `metadata.json`. Keys that are absent or of another type are `null`; the latter is told. */
export interface Metadata {
  readonly valid: boolean;
  readonly train: number | null;
  readonly selection: number | null;
  readonly error: string | null;
  readonly isInitial: boolean;
  readonly parent: number | null;
  readonly forkedFrom: number | null;
  readonly ranFullEvaluation: boolean | null;
  readonly isTournament: boolean;
  readonly winner: 'directed' | 'blind' | null;
  readonly blind: number | null;
  readonly directed: number | null;
}

/** @returns `null` when it says neither whether the generation is valid nor how it scored: then there is nothing to import. */
export function readMetadata(
  json: Readonly<Record<string, unknown>>,
  path: string,
  missing: MissingList,
): Metadata | null {
  const take = <T>(key: string, is: (value: unknown) => boolean): T | null => {
    const value = json[key];
    if (value === undefined || value === null) return null;
    if (is(value)) return value as T;
    missing.add(path, `${key} is ${JSON.stringify(value)?.slice(0, 80)}, which is not what it should be`);
    return null;
  };
  const score = (key: string) => take<number>(key, (v) => typeof v === 'number' && Number.isFinite(v));
  const generation = (key: string) => take<number>(key, (v) => Number.isSafeInteger(v) && (v as number) >= 0);
  const flag = (key: string) => take<boolean>(key, (v) => typeof v === 'boolean');
  const said = flag('valid');
  const selection = score('val_score');
  // What has a score was evaluated.
  if (said === null) {
    const rest = selection === null ? 'the generation is not imported' : 'it has a score and is taken as valid';
    missing.add(path, `does not say whether the generation is valid: ${rest}`);
    if (selection === null) return null;
  }
  return {
    valid: said ?? true,
    train: score('train_score'),
    selection,
    error: take('error', (v) => typeof v === 'string'),
    isInitial: flag('is_initial') === true,
    parent: generation('parent'),
    forkedFrom: generation('forked_from'),
    ranFullEvaluation: flag('run_full_eval'),
    isTournament: flag('tournament') === true,
    winner: take('winner', (v) => v === 'directed' || v === 'blind'),
    blind: score('blind_score'),
    directed: score('directed_score'),
  };
}
