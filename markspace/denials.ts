import { MarkspaceDeniedError } from '../src/core/errors.ts';
import { factKey, type Journal } from '../src/core/journal.ts';
import { sha256 } from '../src/core/json.ts';
import type { GuardEvent } from './telemetry.ts';

export interface Denial {
  readonly operation: GuardEvent['call'];
  /** Absent where an operation belongs to no generation. */
  readonly generation?: number;
  /** The check of the guard's chain that refused. */
  readonly check?: string;
  /** A stable word for what was wrong. */
  readonly rule: string;
  /** What was wrong and what would be needed; never a file's content. */
  readonly message: string;
  /** The mark that won, where the agent may see it. */
  readonly winner?: string;
}

/**
 * Writes refusals down before anyone acts on them.
 *
 * The first ones of an agent for one reason are facts of their own. From then
 * on a fact announces how many more will only be counted, twice as many each
 * time, so that asking again and again fills no journal, and every refusal
 * was announced before it was told. `settle` says how many there were.
 */
export interface Denials {
  /** A repeat of the same refusal, as after a crash, is one fact. */
  record(agent: string, denial: Denial): Promise<void>;
  /** Records, then throws. @throws {MarkspaceDeniedError} always. */
  deny(agent: string, denial: Denial): Promise<never>;
  /** Records the exact number of those that were only counted. */
  settle(): Promise<void>;
}

/** Refusals of one agent for one reason that are told one by one; in each generation, where they belong to one. */
export const toldSingly = 32;

interface Tally {
  readonly key: string;
  readonly about: { readonly lineage: string; readonly rule: string } & Pick<Denial, 'operation'>;
  readonly generation: number | null;
  count: number;
  /** Up to here they are announced. */
  announced: number;
  announcing: Promise<void>;
}

export function createDenials(journal: Journal): Denials {
  const tallies = new Map<string, Tally>();

  const append = ({ key, about, generation }: Tally, name: string, rest: object) =>
    journal.append('guard.denied', factKey(key, name), { ...about, generation, ...rest });

  async function record(lineage: string, denial: Denial): Promise<void> {
    const { operation, generation = null, check, rule: bare, message } = denial;
    const rule = check === undefined ? bare : `${check}/${bare}`;
    const key = factKey(lineage, operation, generation ?? 'none', rule);
    const fresh = { count: 0, announced: toldSingly, announcing: Promise.resolve() };
    const tally = tallies.get(key) ?? { key, about: { lineage, operation, rule }, generation, ...fresh };
    tallies.set(key, tally);
    tally.count += 1;
    const { count } = tally;
    if (count <= toldSingly) return append(tally, sha256(message).slice(0, 16), { message });
    if (count > tally.announced) {
      tally.announced = 2 * (count - 1);
      const counted = { from: count, to: tally.announced };
      tally.announcing = append(tally, `from-${count}`, { message, counted });
    }
    return tally.announcing;
  }

  return {
    record,
    async settle() {
      for (const tally of tallies.values()) {
        if (tally.count > toldSingly)
          await append(tally, `all-${tally.count}`, { message: 'in all', count: tally.count });
      }
    },
    async deny(lineage, denial) {
      await record(lineage, denial);
      const { operation, check = null, rule, winner = null } = denial;
      throw new MarkspaceDeniedError(denial.message, { details: { lineage, operation, check, rule, winner } });
    },
  };
}

/** Names text from a candidate for people: quoted, with control characters escaped, and cut. */
export function quoted(text: unknown, maxLength = 120): string {
  const json = typeof text === 'string' ? JSON.stringify(text) : `a ${typeof text}`;
  return json.length <= maxLength ? json : `${json.slice(0, maxLength)}…`;
}
