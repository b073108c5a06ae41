import { StorageFailedError } from '../../src/core/errors.ts';
import type { Mark } from '../mark.ts';
import type { Compaction, MarkStore } from '../store.ts';
import { createMarkIndex } from './mark-index.ts';
import { sealMark } from './seal.ts';
import { inSlices } from './slices.ts';
import { sortOut } from './sort-out.ts';

/** Marks that last as long as the process. */
export function createMemoryMarkStore(): MarkStore {
  const index = createMarkIndex();
  let isClosed = false;
  let compacting: Promise<unknown> = Promise.resolve();
  const assertOpen = () => {
    if (isClosed) throw new StorageFailedError('the mark store is closed');
  };

  async function compact(isNeeded: (mark: Mark) => boolean): Promise<Compaction> {
    assertOpen();
    const { kept, dropped } = await sortOut(index.since(0), isNeeded, assertOpen);
    await inSlices(index.drop(dropped));
    return { kept, dropped: dropped.length };
  }

  return {
    capabilities: { survives: 'nothing' },
    get size() {
      return index.size;
    },
    get: index.get,
    inScope: index.inScope,
    under: index.under,
    since: index.since,
    async append(mark) {
      assertOpen();
      const sealed = sealMark(mark, index.nextOrder, index);
      const known = index.get(sealed.id);
      if (known !== null) return known;
      const goneOrder = index.gone.get(sealed.id);
      if (goneOrder !== undefined) return Object.freeze({ ...sealed, order: goneOrder });
      index.add(sealed);
      return sealed;
    },
    compact(isNeeded) {
      const done = compacting.then(() => compact(isNeeded));
      compacting = done.catch(() => {});
      return done;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
    },
  };
}
