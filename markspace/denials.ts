import { MarkspaceDeniedError } from '../src/core/errors.ts';
import type { LineageId } from '../src/core/ids.ts';
import { factKey, type Journal } from '../src/core/journal.ts';
import { sha256 } from '../src/core/json.ts';

export interface Denial {
  readonly operation: 'handle' | 'publish' | 'read' | 'mounts' | 'collect';
  /** Absent where an operation belongs to no generation. */
  readonly generation?: number;
  /** A stable word for the check that refused. */
  readonly rule: string;
  /** What was wrong and what would be needed; never a file's content. */
  readonly message: string;
}

/** Writes refusals down before anyone acts on them. */
export interface Denials {
  /** A repeat of the same refusal, as after a crash, is one fact. */
  record(lineage: LineageId, denial: Denial): Promise<void>;
  /** Records, then throws. @throws {MarkspaceDeniedError} always. */
  deny(lineage: LineageId, denial: Denial): Promise<never>;
}

export function createDenials(journal: Journal): Denials {
  async function record(lineage: LineageId, denial: Denial): Promise<void> {
    const { operation, generation = null, rule, message } = denial;
    const key = factKey(lineage, operation, generation ?? 'none', rule, sha256(message).slice(0, 16));
    await journal.append('guard.denied', key, { lineage, operation, generation, rule, message });
  }
  return {
    record,
    async deny(lineage, denial) {
      await record(lineage, denial);
      const details = { lineage, operation: denial.operation, rule: denial.rule };
      throw new MarkspaceDeniedError(denial.message, { details });
    },
  };
}

/** Names text from a candidate for people: quoted, with control characters escaped, and cut. */
export function quoted(text: unknown, maxLength = 120): string {
  const json = typeof text === 'string' ? JSON.stringify(text) : `a ${typeof text}`;
  return json.length <= maxLength ? json : `${json.slice(0, maxLength)}…`;
}
