import type { Draft } from '../../../markspace/check.ts';
import type { LineageHandle, Markspace } from '../../../markspace/markspace.ts';
import { MarkspaceDeniedError } from '../../core/errors.ts';
import { type FileTree, textOf } from '../../core/file-tree.ts';
import { type LineageId, type MarkId, parseMarkId, type RunId } from '../../core/ids.ts';
import { type Fact, factKey, type Journal } from '../../core/journal.ts';
import { canonicalJson, type Json, sha256 } from '../../core/json.ts';
import type { Conduct } from './conduct.ts';
import type { MarkspaceSettings } from './settings.ts';

/** Where a genome's meta-agent says what it wants to leave: one JSON object a line. */
export const outboxFile = 'marks.jsonl';
/** Of one generation. Far more than a note a thought; enough for a flood to be seen as one. */
const maxLines = 100;
const maxChars = 65_536;

interface Offer {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly text: string;
}

/** What became of one line. */
type Line = { readonly line: number } & (
  | { readonly mark: string }
  | { readonly waitingUntil: number }
  | { readonly rule: string; readonly message: string }
);

interface Delivered {
  readonly lineage: LineageId;
  readonly generation: number;
  readonly lines: readonly Line[];
}

const offeredFact = 'marks.offered';
const deliveredFact = 'marks.delivered';

export interface OutboxOptions {
  readonly run: RunId;
  readonly settings: MarkspaceSettings;
  readonly conduct: Conduct | null;
}

/**
 * What lineages want to leave for each other. It is kept while a round goes
 * on and delivered when it ends, lineage by lineage, so that who is faster
 * sees no more and comes no sooner; the first one changes from round to round.
 */
export class Outboxes {
  readonly #options: OutboxOptions;
  readonly #offers = new Map<string, Offer>();
  readonly #refused = new Map<LineageId, Json>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  apply(fact: Fact): void {
    const { type, key } = fact;
    if (type === offeredFact) this.#offers.set(key, fact.body as Offer);
    else if (type === deliveredFact) {
      const { lineage, generation, lines } = fact.body as Delivered;
      const refused = lines.filter((line) => 'rule' in line);
      if (refused.length === 0) this.#refused.delete(lineage);
      else this.#refused.set(lineage, { generation, lines: refused } as unknown as Json);
    } else if (type === 'round.closed') this.#offers.clear();
  }

  /** What was refused of the lineage's last outbox, for its own eyes. */
  refusedOf(lineage: LineageId): Json | undefined {
    return this.#refused.get(lineage);
  }

  /** Takes the outbox out of a tree that came back. @returns the tree without it. */
  async take(journal: Journal, lineage: LineageId, generation: number, tree: FileTree): Promise<FileTree> {
    const file = tree.get(outboxFile);
    if (file === undefined || !this.#options.settings.isShared) return tree;
    const text = (textOf(file.bytes) ?? '').slice(0, maxChars);
    const key = factKey(lineage, generation, sha256(text).slice(0, 16));
    await journal.append(offeredFact, key, { lineage, generation, text });
    return new Map([...tree].filter(([path]) => path !== outboxFile));
  }

  /** @throws {StorageFailedError} when a mark could not be kept. */
  async deliver(markspace: Markspace, journal: Journal, round: number): Promise<void> {
    const ids = this.#options.settings.space.lineages.map(({ id }) => id).sort();
    const first = round % ids.length;
    for (const lineage of [...ids.slice(first), ...ids.slice(0, first)]) {
      const own = [...this.#offers].filter(([, offer]) => offer.lineage === lineage).sort(byKey);
      for (const [key, offer] of own) {
        await journal.once(deliveredFact, key, () => this.#deliver(markspace, key, offer));
      }
    }
  }

  async #deliver(markspace: Markspace, key: string, { lineage, generation, text }: Offer): Promise<Delivered> {
    const handle = markspace.handleFor(lineage);
    const said = text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [{ line: i + 1, text: line }]));
    const lines: Line[] = [];
    for (const { line, text: entry } of said.slice(0, maxLines)) {
      lines.push({ line, ...(await this.#leave(markspace, handle, `${key}/${line}`, entry)) });
    }
    if (said.length > maxLines) {
      lines.push({ line: said[maxLines]!.line, rule: 'too-many', message: `only ${maxLines} lines are read` });
    }
    return { lineage, generation, lines };
  }

  async #leave(markspace: Markspace, handle: LineageHandle, key: string, text: string) {
    const { settings, conduct } = this.#options;
    const begin = <T>(call: () => T) => (conduct === null ? call() : conduct.as(key, call));
    try {
      const entry = entryOf(text, (scope) => settings.placeOf(handle.lineage, scope));
      if (entry.type === 'write') {
        return { mark: (await begin(() => handle.write(entry.draft, this.#idOf(key, entry.kind)))).id };
      }
      const before = done(markspace, handle.lineage, entry);
      if (before !== null) return { mark: before };
      const acted = await begin(() => handle.act({ ...entry, tool: () => entry.result }));
      return acted.status === 'done' ? { mark: acted.action.id } : { waitingUntil: acted.untilMs };
    } catch (error) {
      if (!(error instanceof MarkspaceDeniedError)) throw error;
      const { check, rule } = error.details;
      const message = settings.inWordsFor(handle.lineage, error.message);
      return { rule: [check, rule].filter((part) => part != null).join('/'), message };
    }
  }

  #idOf(key: string, kind: string): MarkId {
    return parseMarkId(
      `${/^[a-z]{1,12}$/.test(kind) ? kind : 'mark'}-${sha256(canonicalJson([this.#options.run, key])).slice(0, 40)}`,
    );
  }
}

interface ActEntry {
  readonly type: 'act';
  readonly scope: string;
  readonly resource: string;
  readonly action: string;
  readonly result: Json;
}

interface WriteEntry {
  readonly type: 'write';
  readonly kind: string;
  readonly draft: Draft;
}

/** A line in the guard's terms. What is no draft stays what it is: the guard says what is wrong with it, and remembers. */
function entryOf(text: string, placeOf: (scope: string) => string): ActEntry | WriteEntry {
  let given: Record<string, Json>;
  try {
    given = JSON.parse(text) as Record<string, Json>;
  } catch {
    return notDraft(text);
  }
  if (given === null || typeof given !== 'object' || Array.isArray(given)) return notDraft(given);
  const { kind, scope, topic = null, ...fields } = given;
  const place = typeof scope === 'string' ? placeOf(scope) : scope;
  if (kind === 'action') {
    const { resource, action, result = null } = fields;
    return { type: 'act', scope: place, resource, action, result } as ActEntry;
  }
  const source = kind === 'observation' && fields.source === undefined ? { source: 'fleet' } : {};
  const draft = { kind, scope: place, topic, fields: { ...source, ...fields } } as unknown as Draft;
  return { type: 'write', kind: typeof kind === 'string' ? kind : '', draft };
}

const notDraft = (given: unknown): WriteEntry => ({ type: 'write', kind: '', draft: given as Draft });

/** What the lineage has done of this already, before a crash: its newest act on the resource, if it is the same. */
function done(markspace: Markspace, lineage: LineageId, entry: ActEntry): string | null {
  const { scope, resource, action, result } = entry;
  if (typeof scope !== 'string' || typeof resource !== 'string') return null;
  const views = markspace.inspect({ scope, kinds: ['action'], resource });
  const same = views.find(
    ({ mark }) =>
      mark.author === lineage &&
      mark.kind === 'action' &&
      mark.action === action &&
      'result' in mark &&
      canonicalJson(mark.result) === canonicalJson(result),
  );
  return same?.mark.id ?? null;
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : a > b ? 1 : 0);
