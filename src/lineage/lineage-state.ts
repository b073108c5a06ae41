import { LineageCorruptError } from '../core/errors.ts';
import type { CommitId, LineageId } from '../core/ids.ts';
import { canonicalJson, type Json, sha256 } from '../core/json.ts';
import { objectId } from './git-objects.ts';
import type { GenerationCommit } from './lineage.ts';

export const notesRef = 'refs/notes/evaluations';

export const refs = {
  attempt: (lineage: LineageId, generation: number) => `refs/attempts/${lineage}/${generation}`,
  branch: (lineage: LineageId) => `refs/heads/lineage/${lineage}`,
  best: (lineage: LineageId) => `refs/tags/best/${lineage}`,
} as const;

export interface Note {
  readonly commit: CommitId;
  /** Canonical JSON and a line feed. */
  readonly text: string;
  /** git's id of that text. */
  readonly blob: string;
}

/**
 * What a repository holds, and the rules for adding to it. Kept by every
 * adapter, so that the in-memory one obeys the same rules as git.
 *
 * I1. An attempt's commit never changes.
 * I2. A branch or a `best` tag only moves to a later generation: committing
 *     again what is there already changes nothing, in any order.
 * I3. A group of notes is written once, also when one of its notes has been
 *     replaced since.
 */
export class LineageState {
  readonly #refs: Map<string, CommitId>;
  readonly #generationOf = new Map<CommitId, number>();
  readonly #notes: Map<CommitId, string>;
  readonly #groups: Set<string>;
  #moved = new Map<string, CommitId>();

  constructor(
    refsThere: ReadonlyMap<string, CommitId> = new Map(),
    notesThere: ReadonlyMap<CommitId, string> = new Map(),
    groupsThere: Iterable<string> = [],
  ) {
    this.#refs = new Map(refsThere);
    this.#notes = new Map(notesThere);
    this.#groups = new Set(groupsThere);
    for (const [ref, commit] of refsThere) {
      const generation = /^refs\/attempts\/[^/]+\/(\d+)$/.exec(ref)?.[1];
      if (generation !== undefined) this.#remember(commit, Number(generation));
    }
  }

  has(commit: CommitId): boolean {
    return this.#generationOf.has(commit);
  }

  /**
   * Records a commit and moves its refs.
   * @returns whether it is new.
   * @throws {LineageCorruptError} when its parents are unknown, or the generation is another commit already.
   */
  place(g: GenerationCommit, commit: CommitId): boolean {
    for (const id of [g.parent, g.adopted]) this.#requireKnown(id);
    const attempt = refs.attempt(g.lineage, g.generation);
    const there = this.#refs.get(attempt);
    if (there !== undefined && there !== commit) {
      throw new LineageCorruptError(`generation ${g.generation} of ${g.lineage} is ${there} already, not ${commit}`);
    }
    const isNew = !this.has(commit);
    this.#remember(commit, g.generation);
    if (there === undefined) this.#move(attempt, commit);
    if (g.isPromoted) this.#advance(refs.branch(g.lineage), commit, g.generation);
    if (g.isBest) this.#advance(refs.best(g.lineage), commit, g.generation);
    return isNew;
  }

  /**
   * Records a group of notes.
   * @returns the notes that change something, and the group's digest; `null` when nothing has to be written.
   * @throws {LineageCorruptError} when a commit is unknown; nothing is recorded then.
   */
  annotate(notes: readonly { readonly commit: CommitId; readonly note: Json }[], seconds: number) {
    for (const { commit } of notes) this.#requireKnown(commit);
    const group = notes.map(({ commit, note }) => noteOf(commit, note));
    const digest = sha256(canonicalJson([seconds, group.map((n) => [n.commit, n.blob])]));
    if (this.#groups.has(digest)) return null;
    // Of two notes for one commit in a group, the later one holds.
    const changed = [...new Map(group.map((n) => [n.commit, n])).values()].filter(
      (n) => this.#notes.get(n.commit) !== n.blob,
    );
    if (changed.length === 0) return null;
    for (const note of changed) this.#notes.set(note.commit, note.blob);
    this.#groups.add(digest);
    return { notes: changed, digest };
  }

  get hasMoved(): boolean {
    return this.#moved.size > 0;
  }

  /** The refs that moved since the last call, to be written. */
  takeMoved(): Map<string, CommitId> {
    const moved = this.#moved;
    this.#moved = new Map();
    return moved;
  }

  /** Gives back what could not be written; what moved since wins. */
  putBack(moved: ReadonlyMap<string, CommitId>): void {
    this.#moved = new Map([...moved, ...this.#moved]);
  }

  /** The first branch by name, or `null`. */
  firstBranch(): string | null {
    return [...this.#refs.keys()].filter((ref) => ref.startsWith('refs/heads/')).sort()[0] ?? null;
  }

  #requireKnown(commit: CommitId | null): void {
    if (commit !== null && !this.has(commit)) {
      throw new LineageCorruptError(`${commit} is not a generation of this repository`);
    }
  }

  #advance(ref: string, commit: CommitId, generation: number): void {
    const there = this.#refs.get(ref);
    if (there === undefined || (this.#generationOf.get(there) ?? -1) < generation) this.#move(ref, commit);
  }

  #move(ref: string, commit: CommitId): void {
    this.#refs.set(ref, commit);
    this.#moved.set(ref, commit);
  }

  #remember(commit: CommitId, generation: number): void {
    this.#generationOf.set(commit, Math.max(generation, this.#generationOf.get(commit) ?? 0));
  }
}

function noteOf(commit: CommitId, note: Json): Note {
  const text = `${canonicalJson(note)}\n`;
  return { commit, text, blob: objectId('blob', Buffer.from(text)) };
}
