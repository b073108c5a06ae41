import { accessOf } from '../../markspace/guard.ts';
import { createLedger } from '../../markspace/ledger.ts';
import type { Mark } from '../../markspace/mark.ts';
import { heaviestOfEach, type Library, standInOf, viewOf } from '../../markspace/reading/query.ts';
import { effectiveStrength, ownStrength, readThreshold } from '../../markspace/reading/strength.ts';
import { defaultSettings } from '../../markspace/scopes/definition.ts';
import { createMarkReader } from '../../markspace/stores/mark-reader.ts';
import { wallClock } from '../core/clock.ts';
import { RunNotFoundError } from '../core/errors.ts';
import { scanJournal } from './journal.ts';
import { markspaceSettings } from './markspace/settings.ts';
import { locateRun, readManifest, runPaths } from './run-directory.ts';
import { holderOf } from './run-lock.ts';

/** A mark as the run sees it at one time. */
export interface MarkEntry {
  readonly mark: Mark;
  /** The round in which it was made; `null` before the first. */
  readonly round: number | null;
  readonly ageMs: number;
  /** After time, trust and warnings. */
  readonly strength: number;
  readonly warnings: readonly string[];
  /** The mark that stands in its place now. */
  readonly supersededBy: string | null;
}

export interface MarkFilter {
  readonly kinds?: readonly Mark['kind'][];
  /** This scope and all below it. */
  readonly scope?: string;
  readonly author?: string;
  readonly topic?: string;
  /** Default 0.01, or 0 with `all`. */
  readonly minStrength?: number;
  /** Also marks that were superseded, have expired or have faded. */
  readonly all?: boolean;
  /** Only marks whose order is this or above. */
  readonly sinceOrder?: number;
}

export interface MarkDetail extends MarkEntry {
  readonly weighing: readonly MarkEntry[];
  /** Every mark of its supersession chain, oldest first, itself included. */
  readonly chain: readonly MarkEntry[];
  /** What is left of it so long after it was made, under the warnings made by then that still stand. */
  readonly strengths: readonly { readonly afterMs: number; readonly strength: number }[];
}

/** A lineage was narrowed or let go on, or a probe was decided. */
export interface ConductFact {
  readonly type: string;
  readonly round: number | null;
  readonly about: {
    readonly lineage: string | null;
    readonly scope?: string | null;
    readonly reason?: string;
    readonly topic?: string;
    readonly verdict?: string;
  };
}

const conductTypes: ReadonlySet<string> = new Set(['guard.narrowed', 'guard.lifted', 'probe.judged']);

/** The marks of a run, live, finished or killed, read from its directory without touching it. */
export interface RunMarks extends AsyncDisposable {
  readonly run: string;
  readonly dir: string;
  readonly isRunning: boolean;
  /** What all times count: milliseconds, or rounds, where an hour below is a round. */
  readonly clock: 'wall' | 'rounds';
  /** When strengths are computed: now while the run goes on, and its last fact's time once it does not. */
  readonly atMs: number;
  /** What the guard found of conduct when the run was opened here, oldest first. */
  readonly conduct: readonly ConductFact[];
  /** How many marks there are, faded and superseded ones included. */
  readonly size: number;
  /** Above the order of every mark that was read. */
  readonly nextOrder: number;
  /** In the order in which they were written. */
  entries(filter?: MarkFilter): readonly MarkEntry[];
  /**
   * @param id - Or the beginning of one.
   * @throws {RunNotFoundError} when no mark, or more than one, is called so.
   */
  detail(id: string): MarkDetail;
  /** Takes in what was written since, and nothing twice. @throws {StorageFailedError} naming the line that is damaged. */
  refresh(): Promise<void>;
}

const hourMs = 3_600_000;

/**
 * @param name - A run's directory, or its id below `out`.
 * @throws {RunNotFoundError} @throws {RunFormatError} @throws {JournalCorruptError} @throws {StorageFailedError}
 */
export async function openRunMarks(name: string, out: string): Promise<RunMarks> {
  const dir = locateRun(name, out);
  const manifest = readManifest(dir);
  const { run, config } = manifest;
  const clock = config.markspace.decay.clock;
  /** Of the marks' clock. */
  const hour = clock === 'rounds' ? 1 : hourMs;
  const rounds: { readonly round: number; readonly atMs: number }[] = [];
  let lastFactMs = 0;
  const conduct: ConductFact[] = [];
  await scanJournal(runPaths(dir).journal, ({ type, at, body }) => {
    const round = type === 'round.opened' ? (body as { round: number }).round : null;
    const now = clock === 'wall' ? at : round;
    lastFactMs = now ?? lastFactMs;
    if (round !== null) rounds.push({ round, atMs: now! });
    if (conductTypes.has(type))
      conduct.push({ type, round: rounds.at(-1)?.round ?? null, about: body as ConductFact['about'] });
  });
  const reader = createMarkReader(runPaths(dir).marks);
  await reader.refresh();
  // What a policy hides is hidden from lineages: whoever reads the directory sees all.
  const access = accessOf(markspaceSettings(manifest).space);
  let library: Library = { access, store: reader.marks, ledger: createLedger(reader.marks, access) };
  const current = (): Library => {
    const { marks } = reader;
    if (library.store !== marks) library = { access, store: marks, ledger: createLedger(marks, access) };
    library.ledger.catchUp();
    return library;
  };
  const settingsOf = ({ scope }: Mark) => access.settingsOf(scope) ?? defaultSettings;

  const open: RunMarks = {
    ...{ run, dir, clock, conduct },
    get isRunning() {
      return holderOf(dir) !== null;
    },
    get atMs() {
      const isNow = open.isRunning && clock === 'wall';
      return isNow ? wallClock.now() : Math.max(lastFactMs, current().ledger.latestMs);
    },
    get size() {
      return reader.marks.size;
    },
    get nextOrder() {
      return reader.marks.nextOrder;
    },
    entries(filter = {}) {
      const nowMs = open.atMs;
      const { scope, sinceOrder = 0, all = false, minStrength = all ? 0 : readThreshold } = filter;
      const { marks } = reader;
      return (scope === undefined ? marks.since(sinceOrder) : marks.under(scope))
        .filter((mark) => mark.order >= sinceOrder && isWanted(mark, filter))
        .map((mark) => entryOf(current(), mark, nowMs))
        .filter(({ strength, supersededBy }) => strength >= minStrength && (all || supersededBy === null));
    },
    detail(id) {
      const all = open.entries({ all: true });
      const found = all.filter(({ mark }) => mark.id === id);
      const meant = found.length > 0 ? found : all.filter(({ mark }) => mark.id.startsWith(id));
      const [entry] = meant;
      if (entry === undefined || meant.length > 1) {
        const which = meant.slice(0, 5).map(({ mark }) => mark.id);
        const said = JSON.stringify(id);
        throw new RunNotFoundError(
          entry === undefined ? `${run} has no mark ${said}` : `${said} could be ${which.join(', ')}: name more of it`,
        );
      }
      const { mark } = entry;
      const weighing = all.filter((other) => entry.warnings.includes(other.mark.id));
      const times = settingsOf(mark);
      const strengthAt = (nowMs: number) => {
        const by = weighing.flatMap(({ mark: w }) => (w.kind === 'warning' && w.createdAtMs <= nowMs ? [w] : []));
        const weights = heaviestOfEach(by, (w) => ownStrength(w, nowMs, settingsOf(w)));
        return effectiveStrength(ownStrength(mark, nowMs, times), weights);
      };
      const strengths = [0, 1, 2, 4, 6, 12, 18, 24].map((hours) => ({
        afterMs: hours * hour,
        strength: strengthAt(mark.createdAtMs + hours * hour),
      }));
      return { ...entry, weighing, chain: chainOf(entry, all), strengths };
    },
    refresh: () => reader.refresh(),
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };

  function entryOf(from: Library, mark: Mark, nowMs: number): MarkEntry {
    const seen = viewOf(from, mark, standInOf(from, mark), () => 'content', nowMs);
    const { strength, warnings, supersededBy } = seen;
    const round = rounds.findLast(({ atMs }) => atMs <= mark.createdAtMs)?.round ?? null;
    return { mark, round, ageMs: Math.max(0, nowMs - mark.createdAtMs), strength, warnings, supersededBy };
  }
  return open;
}

function isWanted(mark: Mark, { kinds, author, topic }: MarkFilter): boolean {
  if (kinds !== undefined && !kinds.includes(mark.kind)) return false;
  if (author !== undefined && mark.author !== author) return false;
  return topic === undefined || ('topic' in mark && mark.topic === topic);
}

/** What it replaced, back to the first, and what replaced it: only where the guard holds that for anybody's right. */
function chainOf(entry: MarkEntry, all: readonly MarkEntry[]): MarkEntry[] {
  const byId = new Map(all.map((other) => [other.mark.id, other]));
  const successors = new Map<string, MarkEntry>();
  for (const other of all) {
    const before = other.mark.supersedes === null ? undefined : byId.get(other.mark.supersedes);
    // The first one that may counts; a stranger's claim leaves its target standing.
    if (before === undefined || before.supersededBy === null || successors.has(before.mark.id)) continue;
    if (other.mark.id === before.supersededBy || other.supersededBy === before.supersededBy) {
      successors.set(before.mark.id, other);
    }
  }
  let first = entry;
  for (;;) {
    const before = byId.get(first.mark.supersedes ?? '');
    if (before === undefined || successors.get(before.mark.id) !== first) break;
    first = before;
  }
  const chain = [first];
  for (let next = successors.get(first.mark.id); next !== undefined; next = successors.get(next.mark.id))
    chain.push(next);
  return chain;
}
