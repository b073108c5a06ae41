import { LineageCorruptError } from '../core/errors.ts';
import type { CommitId, LineageId } from '../core/ids.ts';
import type { FastImport } from './fast-import.ts';
import { type GitTree, type RenderedCommit, signatureOf } from './git-objects.ts';
import { type Note, notesRef } from './lineage-state.ts';

/** Generations and notes in the language of fast-import. */
export interface LineageWriter {
  /** Resolves once git has the commit under the id expected. */
  commit(lineage: LineageId, commit: RenderedCommit, tree: GitTree): Promise<void>;
  annotate(notes: readonly Note[], digest: string, seconds: number): Promise<void>;
  /** Resolves once every object written so far is on disk, and the notes ref with them. */
  checkpoint(): Promise<void>;
}

/**
 * Generations are written on one scratch branch for each lineage, deleted
 * before each checkpoint: fast-import rewrites every ref it has ever heard of
 * at every checkpoint, so one for each generation would cost more and more.
 * And `from` makes it read the parent back from its pack, which is half the
 * cost of a commit; on the tip of a branch it is not needed, and neither is
 * every file: what changed is enough.
 */
const scratch = (lineage: LineageId) => `refs/galapagos/writer/${lineage}`;
const nowhere = '0'.repeat(40);

export function createLineageWriter(git: FastImport, notesTip: CommitId | null): LineageWriter {
  // fast-import knows a commit that is not checkpointed yet by its mark only.
  const marks = new Map<CommitId, string>();
  const blobs = new Set<string>();
  const tips = new Map<LineageId, { readonly id: CommitId; readonly tree: GitTree }>();
  let lastMark = 0;
  let notesFrom = notesTip;
  const nameOf = (id: CommitId) => marks.get(id) ?? id;

  return {
    async commit(lineage, commit, tree) {
      const mark = `:${++lastMark}`;
      const files = tree.files.filter((file) => !blobs.has(file.blob) && blobs.add(file.blob));
      const branch = scratch(lineage);
      const [parent, ...others] = commit.parents;
      const tip = tips.get(lineage);
      const before = tip !== undefined && tip.id === parent ? tip.tree : null;
      const from = parent === undefined || before !== null ? '' : `from ${nameOf(parent)}\n`;
      marks.set(commit.id, mark);
      tips.set(lineage, { id: commit.id, tree });
      const answer = await git.ask([
        ...files.flatMap((file) => data('blob', file.bytes)),
        parent === undefined ? `reset ${branch}\n\n` : '',
        `commit ${branch}\nmark ${mark}\n${commit.signature}\n`,
        ...data('', commit.message),
        from,
        ...others.map((id) => `merge ${nameOf(id)}\n`),
        changes(before, tree),
        `\nget-mark ${mark}\n`,
      ]);
      if (answer !== commit.id) throw new LineageCorruptError(`git stored ${answer} where ${commit.id} was expected`);
    },
    async annotate(notes, digest, seconds) {
      const message = `Measure ${notes.length} generation${notes.length === 1 ? '' : 's'}\n\nDigest: ${digest}\n`;
      const from = notesFrom;
      notesFrom = null;
      await git.ask([
        `commit ${notesRef}\nmark :${++lastMark}\n${signatureOf('galapagos', seconds)}\n`,
        ...data('', Buffer.from(message)),
        from === null ? '' : `from ${from}\n`,
        ...notes.flatMap((note) => data(`N inline ${nameOf(note.commit)}`, Buffer.from(note.text))),
        `\nget-mark :${lastMark}\n`,
      ]);
    },
    async checkpoint() {
      // The second line feed lets fast-import act at once instead of waiting for the next command.
      const deletions = [...tips.keys()].map((lineage) => `reset ${scratch(lineage)}\nfrom ${nowhere}\n\n`);
      tips.clear();
      await git.ask([...deletions, 'checkpoint\n\n', 'progress checkpoint\n']);
    },
  };
}

/** What makes the tree of a branch into `after`; of a branch whose tree is not known, everything. */
function changes(before: GitTree | null, after: GitTree): string {
  const there = new Map(before?.files.map((file) => [file.path, file]));
  const changed = after.files.filter((file) => {
    const old = there.get(file.path);
    there.delete(file.path);
    return old?.blob !== file.blob || old.mode !== file.mode;
  });
  // What goes, goes first: a file may take the place of a directory, or a directory of a file.
  const gone = before === null ? ['deleteall\n'] : [...there.keys()].map((path) => `D ${quoted(path)}\n`);
  return [...gone, ...changed.map((file) => `M ${file.mode} ${file.blob} ${quoted(file.path)}\n`)].join('');
}

function data(command: string, bytes: Uint8Array): (string | Uint8Array)[] {
  return [`${command === '' ? '' : `${command}\n`}data ${bytes.byteLength}\n`, bytes, '\n'];
}

function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}
