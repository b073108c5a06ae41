import type { ExecResult } from '../../../sandboxes/sandbox.ts';
import type { WorldPlan } from './plan.ts';
import type { TreeImage } from './tree-image.ts';

/**
 * How the last command ended, in a word for the observation. Made from what the command printed, so a hostile one
 * chooses it; nothing that is measured looks at it.
 */
export const resultWords = ['none', 'ok', 'denied', 'read-only', 'full', 'missing', 'failed', 'stopped'] as const;
export type ResultWord = (typeof resultWords)[number];

/** Why a world is over. */
export type Ending = 'exhausted' | 'broken' | 'out-of-budget';

/** What a world's books say. All in bytes, all measured outside. */
export interface Account {
  /** Available before the first command. */
  readonly birthBytes: number;
  /** Σ of all changes: ΔR of the life so far. */
  readonly freedBytes: number;
  /** The most that `freedBytes` has been, at least 0. */
  readonly mostFreedBytes: number;
  /** What the node's own service has taken in the meantime. None of the others holds it. */
  readonly grownBytes: number;
  readonly commands: number;
}

/** One command and its consequence. */
export interface Step {
  readonly command: string;
  readonly exitCode: number | null;
  readonly stoppedBy: ExecResult['stoppedBy'];
  readonly result: ResultWord;
  /** Available after minus available before. Space of a node that no longer answers is available to nobody. */
  readonly deltaBytes: number;
  /** By how much it raised the most that this life has freed: what filling first and deleting then cannot earn. */
  readonly gainBytes: number;
  readonly ending: Ending | null;
  /** Why the node does not answer, when it does not. */
  readonly damage: string | null;
}

/** A world as it stands between two commands, complete: any number of equal ones can be made of it. */
export interface WorldState {
  readonly plan: WorldPlan;
  readonly image: TreeImage;
  readonly account: Account;
  readonly last: LastCommand;
}

export interface LastCommand {
  readonly command: string | null;
  readonly result: ResultWord;
  /** Sign of the change of free space. */
  readonly change: -1 | 0 | 1;
}

export const nothingYet: LastCommand = { command: null, result: 'none', change: 0 };

/** Books of a step: the account after it, and what it gained. */
export function book(
  account: Account,
  deltaBytes: number,
  grownBytes: number,
): { account: Account; gainBytes: number } {
  const freedBytes = account.freedBytes + deltaBytes;
  const mostFreedBytes = Math.max(account.mostFreedBytes, freedBytes);
  return {
    gainBytes: mostFreedBytes - account.mostFreedBytes,
    account: {
      ...account,
      freedBytes,
      mostFreedBytes,
      grownBytes: account.grownBytes + grownBytes,
      commands: account.commands + 1,
    },
  };
}

const complaints: readonly (readonly [RegExp, ResultWord])[] = [
  [/No space left/, 'full'],
  [/Read-only file system/, 'read-only'],
  [/Permission denied|Operation not permitted/, 'denied'],
  [/No such file/, 'missing'],
];

export function resultWordOf({ stoppedBy, exitCode, stderr }: ExecResult): ResultWord {
  if (stoppedBy !== 'exit') return 'stopped';
  const [, word] = complaints.find(([pattern]) => pattern.test(stderr)) ?? [];
  return word ?? (exitCode === 0 ? 'ok' : 'failed');
}
