import type { FileTree } from '../src/core/file-tree.ts';
import {
  type GenomeId,
  type LineageId,
  type MarkId,
  parseCommitId,
  parseGenomeId,
  parseMarkId,
  type RunId,
} from '../src/core/ids.ts';
import { factKey, type Journal } from '../src/core/journal.ts';
import { canonicalJson, sha256 } from '../src/core/json.ts';
import type { StrategyRef } from '../src/core/records.ts';
import type { Draft } from './check.ts';
import type { Denials } from './denials.ts';
import type { Engine } from './engine.ts';
import type { Mark, Observation } from './mark.ts';
import type { Published } from './markspace.ts';
import { strategiesScope } from './scope.ts';
import type { MarkStore } from './store.ts';
import type { Call } from './telemetry.ts';

export interface Publisher {
  publish(call: Call, lineage: LineageId, published: Published): Promise<Observation | null>;
  /** The strategy to show of a lineage: highest score, then oldest. */
  best(lineage: LineageId): StrategyRef | null;
  /** Whether exactly this strategy was published. */
  isPublished(ref: StrategyRef): boolean;
}

export interface PublisherOptions {
  readonly run: RunId;
  readonly store: MarkStore;
  readonly journal: Journal;
  readonly engine: Pick<Engine, 'writeMeasured'>;
  readonly genomes: { get(id: GenomeId): Promise<FileTree> };
  readonly denials: Denials;
}

const topic = 'strategy';

export function createPublisher(options: PublisherOptions): Publisher {
  const { run, store } = options;
  const tails = new Map<LineageId, Promise<unknown>>();
  return {
    publish(call, lineage, published) {
      // One at a time per lineage: two improvements at once would both beat the same predecessor.
      const done = (tails.get(lineage) ?? Promise.resolve()).then(() => publishOne(options, call, lineage, published));
      tails.set(
        lineage,
        done.catch(() => {}),
      );
      return done;
    },
    best: (lineage) => bestOf(store, lineage),
    isPublished(ref) {
      const mark = store.get(strategyMarkId(run, ref.lineage, ref.generation));
      if (mark === null || !isStrategy(mark) || mark.author !== ref.lineage) return false;
      return canonicalJson(refOf(mark)) === canonicalJson(ref);
    },
  };
}

/** One generation of one lineage has one mark, whoever asks and how often. */
export function strategyMarkId(run: RunId, lineage: LineageId, generation: number): MarkId {
  return parseMarkId(`strategy-${sha256(canonicalJson([run, lineage, generation])).slice(0, 40)}`);
}

async function publishOne(
  options: PublisherOptions,
  call: Call,
  lineage: LineageId,
  given: Published,
): Promise<Strategy | null> {
  const { store, journal, denials, run } = options;
  const deny = (rule: string, message: string) =>
    denials.deny(lineage, { operation: 'publish', rule, message, ...generationOf(given) });
  const offer = parseOffer(given);
  if (offer === null) return deny('malformed', 'publish needs a generation, a genome, a commit and a finite score');
  const { generation, score } = offer;
  // The first offer of a generation stands, so that a score cannot be tried again until it fits.
  const first = await journal.once('strategy.offered', factKey(lineage, generation), async () => ({ ...offer }));
  if (canonicalJson(first) !== canonicalJson(offer)) {
    return deny('already-offered', `generation ${generation} was offered before with another genome, commit or score`);
  }
  const id = strategyMarkId(run, lineage, generation);
  const known = store.get(id);
  if (known !== null) return known as Strategy;
  const best = bestMarkOf(store, lineage);
  if (best !== null && !(score > best.score)) return null;
  await options.genomes.get(offer.genome);
  const content = { generation, commit: offer.commit };
  const fields = { content, source: 'fleet', supersedes: best?.id ?? null };
  const draft: Draft = { kind: 'observation', scope: strategiesScope(lineage), topic, fields };
  return (await options.engine.writeMeasured(call, draft, { id, score, payload: offer.genome })) as Strategy;
}

/** Takes the known fields only, each checked; anything else on the object is not looked at. */
function parseOffer(given: Published): Published | null {
  const { generation, score } = given;
  if (!Number.isSafeInteger(generation) || generation < 0 || !Number.isFinite(score)) return null;
  try {
    // Negative zero does not survive JSON, and would then not equal itself.
    return { generation, score: score + 0, genome: parseGenomeId(given.genome), commit: parseCommitId(given.commit) };
  } catch {
    return null;
  }
}

function generationOf({ generation }: Published): { generation?: number } {
  return Number.isSafeInteger(generation) ? { generation } : {};
}

/** An observation whose score the niche measured; no agent can write one. */
type Strategy = Observation & { readonly score: number };

function isStrategy(mark: Mark): mark is Strategy {
  return mark.kind === 'observation' && mark.topic === topic && mark.score !== null;
}

function bestMarkOf(store: MarkStore, lineage: LineageId): Strategy | null {
  let best: Strategy | null = null;
  for (const mark of store.inScope(strategiesScope(lineage))) {
    if (mark.author !== lineage || !isStrategy(mark)) continue;
    if (best === null || mark.score > best.score) best = mark;
  }
  return best;
}

function bestOf(store: MarkStore, lineage: LineageId): StrategyRef | null {
  const best = bestMarkOf(store, lineage);
  return best === null ? null : refOf(best);
}

function refOf(mark: Strategy): StrategyRef {
  const { generation, commit } = mark.content as { generation: number; commit: string };
  return {
    lineage: mark.author as LineageId,
    generation,
    commit: parseCommitId(commit),
    genome: parseGenomeId(mark.payload ?? ''),
    score: mark.score,
  };
}
