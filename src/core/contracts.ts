import { ContractViolatedError } from './errors.ts';
import { isToken } from './ids.ts';
import { parseResult, type RequestOf, type ResultOf, type RoleName } from './messages.ts';

/** One rule of a role, beyond the shape of its messages. */
export interface Rule<R extends RoleName> {
  /** Stable, such as `proposer/2`. */
  readonly id: string;
  readonly says: string;
  readonly holds: (request: RequestOf<R>, result: ResultOf<R>) => boolean;
}

type Rules = { readonly [R in RoleName]: readonly Rule<R>[] };

/** What every actor of a role must keep, built in or plugged in. */
export const contracts: Rules = {
  lineage: [
    {
      id: 'lineage/1',
      says: 'the generation reported is the one that was asked for',
      holds: (q, r) => r.generation === null || (r.generation.lineage === q.lineage && r.generation.round === q.round),
    },
  ],
  'meta-agent': [
    {
      id: 'meta-agent/1',
      says: 'an edit that changed no file is not `edited`',
      holds: (_, r) => r.status === 'failed' || r.changedFiles.length > 0,
    },
  ],
  proposer: [
    {
      id: 'proposer/1',
      says: 'exactly as many situations as were asked for',
      holds: (q, r) => r.situations.length === q.count,
    },
    {
      id: 'proposer/2',
      says: 'situation ids are tokens and unique',
      holds: (_, r) =>
        r.situations.every((s) => isToken(s.id)) && new Set(r.situations.map((s) => s.id)).size === r.situations.length,
    },
    {
      id: 'proposer/3',
      says: 'every situation belongs to the split that was asked for',
      holds: (q, r) => r.situations.every((s) => s.split === q.split),
    },
  ],
  solver: [
    {
      id: 'solver/1',
      says: 'a command that was stopped by a limit has no exit status 0',
      holds: (_, r) => r.stoppedBy === 'exit' || r.exitCode !== 0,
    },
  ],
  environment: [
    {
      id: 'environment/1',
      says: 'the evaluation is of the split that was asked for',
      holds: (q, r) => r.evaluation.split === q.split,
    },
    {
      id: 'environment/2',
      says: 'a score exists only when every item was measured, and is the mean over all of them',
      holds: (q, { evaluation }) => {
        if (evaluation.status === 'failed') return true;
        const scores = evaluation.items.flatMap(({ consequence: c }) => (c.status === 'measured' ? [c.score] : []));
        const mean = scores.reduce((a, b) => a + b, 0) / scores.length;
        return (
          scores.length === q.count &&
          evaluation.n === q.count &&
          Math.abs(mean - evaluation.score) <= 1e-9 * Math.max(1, Math.abs(mean))
        );
      },
    },
  ],
  gate: [
    {
      id: 'gate/1',
      says: 'a promotion has no check that refuses or is unknown',
      holds: (_, r) => r.verdict !== 'promoted' || r.checks.every((c) => c.outcome === 'pass'),
    },
    {
      id: 'gate/2',
      says: 'a candidate that failed or was not measured is `failed`',
      holds: ({ candidate }, r) =>
        r.verdict === 'failed' || (candidate.failure === null && candidate.selection?.status === 'measured'),
    },
    {
      id: 'gate/3',
      says: 'what is to be measured again is not promoted yet, and can be measured',
      holds: ({ candidate }, r) =>
        r.retest === undefined || (r.verdict !== 'promoted' && candidate.failure === null && candidate.genome !== null),
    },
  ],
  trainer: [
    {
      id: 'trainer/1',
      says: 'what was trained has metrics, and what was not has none',
      holds: (q, r) => r.status === 'failed' || (r.metrics !== null) === (q.kind === 'train'),
    },
    {
      id: 'trainer/2',
      says: 'a hard rollback ends at the weights it was to go back to, a soft one at others',
      holds: (q, r) => q.kind === 'train' || r.status === 'failed' || (r.adapter.id === q.to.id) === (q.share === 0),
    },
  ],
  archivist: [
    {
      id: 'archivist/1',
      says: 'recording a generation answers with its commit',
      holds: (q, r) => q.kind !== 'record' || r.commit !== null,
    },
  ],
};

/**
 * Checks an actor's answer against its role.
 * @param actor - The actor's name, for the message.
 * @throws {ContractViolatedError} naming the actor and the rule it broke.
 */
export function checkResult<R extends RoleName>(
  role: R,
  actor: string,
  request: RequestOf<R>,
  result: unknown,
): ResultOf<R> {
  let parsed: ResultOf<R>;
  try {
    parsed = parseResult(role, result);
  } catch (cause) {
    throw new ContractViolatedError(
      `actor ${actor} broke rule ${role}/0: its result has the shape of the role's message`,
      { cause },
    );
  }
  for (const rule of contracts[role] as readonly Rule<R>[]) {
    if (!rule.holds(request, parsed)) {
      throw new ContractViolatedError(`actor ${actor} broke rule ${rule.id}: ${rule.says}`, {
        details: { rule: rule.id },
      });
    }
  }
  return parsed;
}
