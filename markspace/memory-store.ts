import { StorageFailedError } from '../src/core/errors.ts';
import { createMarkIndex, sealMark } from './mark-index.ts';
import type { MarkStore } from './store.ts';

/** Marks that last as long as the process. */
export function createMemoryMarkStore(): MarkStore {
  const index = createMarkIndex();
  let isClosed = false;
  return {
    capabilities: { durable: false },
    get size() {
      return index.size;
    },
    get: index.get,
    inScope: index.inScope,
    async append(mark) {
      if (isClosed) throw new StorageFailedError('the mark store is closed');
      const known = index.get(mark.id);
      if (known !== null) return known;
      const sealed = sealMark(mark, index.size);
      index.add(sealed);
      return sealed;
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
    },
  };
}
