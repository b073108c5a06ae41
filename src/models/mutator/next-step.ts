import type { RandomStream } from '../../core/random.ts';
import { askKey, type Conversation } from './conversation.ts';
import { smallestReplacement } from './edit.ts';
import { languageOf } from './languages.ts';
import { type Peer, peerFile, readPeers, wantedPeerFiles } from './peers.ts';
import type { Ask, Toolbox } from './toolbox.ts';
import type { MutatorMix } from './variation.ts';

/** One answer: tools to call, or nothing more to do. */
export type Step =
  | { readonly kind: 'call'; readonly asks: readonly Ask[]; readonly text: string | null }
  | { readonly kind: 'say'; readonly text: string };

const maxEdits = 3;
const maxFailedEdits = 3;
/** After each edit. A second change of structure mostly undoes the good of the first; a second number does not. */
const continueChance = { numeric: 0.5, structural: 0.1 } as const satisfies Record<MutatorMix, number>;
const maxFiles = 8;
/** The harness is left alone: its breakage would end the lineage, and the mutator gains nothing from a better one. */
const harnessFiles = /^(meta|tools|gateway)\.(m?js|py)$/;

/** Decides the next answer from the conversation alone. */
export function nextStep(mix: MutatorMix, conversation: Conversation, toolbox: Toolbox, random: RandomStream): Step {
  if (!toolbox.has('list') || !toolbox.has('view') || (!toolbox.has('replace') && !toolbox.has('create'))) {
    return { kind: 'say', text: 'No change: this needs tools to list, to view and to edit files.' };
  }
  const peers = readPeers(conversation);
  const looks = [firstLook(), ownFiles(conversation), wantedPeerFiles(peers, editablePaths(conversation))];
  for (const stage of looks) {
    const fresh = stage.filter((ask) => !conversation.asked.has(askKey(ask)));
    if (fresh.length > 0) return { kind: 'call', asks: fresh, text: null };
  }
  const isDone = conversation.edits.length > 0 && random.next() >= continueChance[mix];
  const isOver = conversation.edits.length >= maxEdits || conversation.failedEdits >= maxFailedEdits;
  if (isDone || isOver) return finish(conversation);
  return edit(mix, conversation, toolbox, peers, random) ?? finish(conversation);
}

function firstLook(): Ask[] {
  return ['.', 'strategies', 'evals'].map((path) => ({ want: 'list', path }));
}

function ownFiles(conversation: Conversation): Ask[] {
  const evals = (conversation.listings.get('evals') ?? []).filter((name) => /^(history|train)\.json$/.test(name));
  const metadata = (conversation.listings.get('strategies') ?? [])
    .filter((name) => name.endsWith('/'))
    .slice(0, maxFiles)
    .map((name) => `strategies/${name}metadata.json`);
  const paths = [...editablePaths(conversation), ...evals.map((name) => `evals/${name}`), ...metadata];
  return paths.map((path) => ({ want: 'view', path }));
}

/** Files of a known language directly in the genome's root: no spelling of them leads elsewhere. */
function editablePaths({ listings }: Conversation): string[] {
  const names = (listings.get('.') ?? []).filter((name) => /^[\w-][\w.-]*$/.test(name) && languageOf(name) !== null);
  return names.filter((name) => !harnessFiles.test(name)).slice(0, maxFiles);
}

function edit(
  mix: MutatorMix,
  conversation: Conversation,
  toolbox: Toolbox,
  peers: readonly Peer[],
  random: RandomStream,
): Step | null {
  for (const path of filesInRandomOrder(conversation, random)) {
    const own = conversation.files.get(path)!;
    const peer = peerFile(conversation, peers, path, random);
    const parents = { own, peer: peer?.text ?? null, isPeerBetter: peer?.isBetter ?? false };
    const variation = languageOf(path)!.vary(mix, parents, random);
    const ask = variation === null ? null : toEdit(path, own, variation.text, toolbox);
    if (variation === null || ask === null) continue;
    const { operator, note } = variation.change;
    const source = operator.startsWith('adopt-') ? ` from ${peer!.name}` : '';
    return { kind: 'call', asks: [ask], text: `${operator}${source} in ${path}: ${note}` };
  }
  return null;
}

function toEdit(path: string, before: string, after: string, toolbox: Toolbox): Ask | null {
  const small = toolbox.has('replace') ? smallestReplacement(before, after) : null;
  if (small !== null) return { want: 'replace', path, ...small };
  return toolbox.has('create') ? { want: 'create', path, content: after } : null;
}

/** Every file that can be varied, those that compute most likely first. */
function filesInRandomOrder(conversation: Conversation, random: RandomStream): string[] {
  const keyed = editablePaths(conversation).flatMap((path) => {
    const weight = languageOf(path)!.computation(conversation.files.get(path) ?? '');
    // Keys of Efraimidis and Spirakis: sorting by them draws without replacement, by weight.
    return weight > 0 ? [{ path, key: Math.log(1 - random.next()) / weight }] : [];
  });
  return keyed.sort((a, b) => b.key - a.key).map(({ path }) => path);
}

function finish({ edits, failedEdits }: Conversation): Step {
  if (edits.length > 0) return { kind: 'say', text: `${edits.join('; ')}.` };
  const why = failedEdits > 0 ? 'no edit went through' : 'nothing here could be varied';
  return { kind: 'say', text: `No change: ${why}.` };
}
