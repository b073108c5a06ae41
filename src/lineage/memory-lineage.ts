import { LineageCorruptError, StorageFailedError } from '../core/errors.ts';
import type { FileTree } from '../core/file-tree.ts';
import type { CommitId } from '../core/ids.ts';
import type { Json } from '../core/json.ts';
import { commitTree } from './adapter-tree.ts';
import { gitTree, oneLine, renderCommit, subjectOf } from './git-objects.ts';
import type { GenerationCommit, GenomeStore, Lineage, LineageReader, LogEntry } from './lineage.ts';
import { LineageState, refs } from './lineage-state.ts';
import { byLineageThenGeneration, namesByCommit } from './log-entries.ts';

/** What a reader of a repository would see, without one: what is checkpointed. */
export type MemoryLineage = Lineage & Pick<LineageReader, 'log' | 'tree'>;

interface Stored {
  readonly entry: Omit<LogEntry, 'note' | 'refs'>;
  readonly tree: FileTree;
}

/** The double of a git lineage: the same rules, the same commit ids, nothing on disk. */
export function createMemoryLineage({ genomes }: { readonly genomes: GenomeStore }): MemoryLineage {
  const state = new LineageState();
  const attempts = new Map<string, Stored>();
  const written = { refs: new Map<string, CommitId>(), notes: new Map<CommitId, Json>() };
  const pendingNotes = new Map<CommitId, Json>();
  let isClosed = false;
  const requireOpen = () => {
    if (isClosed) throw new StorageFailedError('the lineage is closed');
  };
  const checkpoint = async () => {
    requireOpen();
    for (const [ref, commit] of state.takeMoved()) written.refs.set(ref, commit);
    for (const [commit, note] of pendingNotes) written.notes.set(commit, note);
    pendingNotes.clear();
  };

  return {
    async commit(generation) {
      const { tree } = await commitTree(generation, genomes);
      requireOpen();
      const { id, parents } = renderCommit(generation, gitTree(tree).root);
      state.place(generation, id);
      attempts.set(refs.attempt(generation.lineage, generation.generation), {
        entry: entryOf(generation, id, parents),
        tree,
      });
      return id;
    },
    async annotate(notes, seconds) {
      requireOpen();
      for (const note of state.annotate(notes, seconds)?.notes ?? []) {
        pendingNotes.set(note.commit, JSON.parse(note.text) as Json);
      }
    },
    checkpoint,
    async log() {
      const names = namesByCommit(written.refs);
      return [...attempts]
        .filter(([ref]) => written.refs.has(ref))
        .map(([, { entry }]) => ({
          ...entry,
          note: written.notes.get(entry.commit) ?? null,
          refs: names.get(entry.commit) ?? [],
        }))
        .sort(byLineageThenGeneration);
    },
    async tree(commit) {
      const found = [...attempts.values()].find(({ entry }) => entry.commit === commit);
      if (found === undefined) throw new LineageCorruptError(`${commit} is not a commit of this repository`);
      return found.tree;
    },
    async [Symbol.asyncDispose]() {
      if (!isClosed) await checkpoint();
      isClosed = true;
    },
  };
}

function entryOf(g: GenerationCommit, commit: CommitId, parents: readonly CommitId[]): Stored['entry'] {
  const trailers = g.trailers.map(([key, value]) => [key, oneLine(value)] as const);
  const { lineage, generation, seconds } = g;
  return { commit, parents, lineage, generation, subject: subjectOf(g), seconds, trailers };
}
