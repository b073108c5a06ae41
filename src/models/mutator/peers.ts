import type { RandomStream } from '../../core/random.ts';
import type { Conversation } from './conversation.ts';
import type { Ask } from './toolbox.ts';

/** A strategy that somebody else published. */
export interface Peer {
  /** Its directory's name below `strategies/`. */
  readonly name: string;
  readonly score: number | null;
  readonly isBetter: boolean;
}

export interface PeerFile {
  readonly name: string;
  readonly text: string;
  readonly isBetter: boolean;
}

/** How many peers are read closely, the best first. */
const maxPeers = 3;
const bestPeerChance = 0.6;

/** The peers in `strategies/`, best first; a peer without a score is last. */
export function readPeers(conversation: Conversation): Peer[] {
  const names = (conversation.listings.get('strategies') ?? []).filter((name) => name.endsWith('/'));
  const own = ownScore(conversation);
  const peers = names.map((directory) => {
    const name = directory.slice(0, -1);
    const score = scoreIn(conversation.files.get(`strategies/${name}/metadata.json`));
    return { name, score, isBetter: score !== null && own !== null && score > own };
  });
  return peers.sort((a, b) => (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY));
}

export function wantedPeerFiles(peers: readonly Peer[], paths: readonly string[]): Ask[] {
  return peers.slice(0, maxPeers).flatMap(({ name }) => {
    return paths.map((path) => ({ want: 'view' as const, path: `strategies/${name}/${path}` }));
  });
}

/** A peer's file of the same name: mostly the best peer's, sometimes any. `null` when no peer has it. */
export function peerFile(
  conversation: Conversation,
  peers: readonly Peer[],
  path: string,
  random: RandomStream,
): PeerFile | null {
  const options = peers.slice(0, maxPeers).flatMap(({ name, isBetter }) => {
    const text = conversation.files.get(`strategies/${name}/${path}`);
    return text === undefined ? [] : [{ name, text, isBetter }];
  });
  if (options.length === 0) return null;
  return random.next() < bestPeerChance ? options[0]! : random.pick(options);
}

function ownScore({ files }: Conversation): number | null {
  return scoreIn(files.get('evals/history.json')) ?? scoreIn(files.get('evals/train.json'));
}

/** The last `score` in a JSON document that is an object with one, or a list of such objects. */
function scoreIn(text: string | undefined): number | null {
  if (text === undefined) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  const scores = (Array.isArray(json) ? json : [json]).map((entry) => (entry as { score?: unknown } | null)?.score);
  return (scores.findLast((score) => typeof score === 'number') as number | undefined) ?? null;
}
