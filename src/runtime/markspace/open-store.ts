import type { Mark } from '../../../markspace/mark.ts';
import type { MarkStore } from '../../../markspace/store.ts';
import { openFileMarkStore } from '../../../markspace/stores/file-store.ts';
import { createMemoryMarkStore } from '../../../markspace/stores/memory-store.ts';
import { openStreamMarkStore } from '../../../markspace/stores/stream-store.ts';
import { destroyNatsRecords, openNatsRecordStream } from '../../bus/nats-record-stream.ts';
import type { MarkspaceConfig } from '../../core/config/markspace-schema.ts';
import { ConfigInvalidError, StorageFailedError } from '../../core/errors.ts';
import type { RunId } from '../../core/ids.ts';
import type { Logger } from '../../core/log.ts';
import type { Broker } from '../broker.ts';

export interface StoreOptions {
  readonly kind: MarkspaceConfig['store'];
  readonly run: RunId;
  /** The run's file of marks: the store itself, or a copy for whoever reads the run. */
  readonly path: string;
  readonly broker: Broker | null;
  /** Whether nothing has happened in the run yet. */
  readonly isNew: boolean;
  readonly log: Logger;
}

/**
 * Opens where a run's marks live. Whatever that is, `path` ends up holding
 * them, so that the run can be read without it.
 * @throws {ConfigInvalidError} for `nats` without a server.
 * @throws {StorageFailedError} when marks of a resumed run are gone.
 */
export async function openRunStore(options: StoreOptions): Promise<MarkStore> {
  const { kind, path, isNew } = options;
  if (kind === 'file') return openFileMarkStore(path);
  if (kind === 'memory' && !isNew) {
    throw new StorageFailedError(
      'the marks of this run were in memory only (markspace.store: memory) and are gone: start it again',
    );
  }
  const store = kind === 'memory' ? createMemoryMarkStore() : await openOnServer(options);
  try {
    return copied(store, await openFileMarkStore(path), options.log);
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

async function openOnServer({ run, broker, isNew, log }: StoreOptions): Promise<MarkStore> {
  if (broker === null) throw new ConfigInvalidError(needsServer);
  const connection = connectionOf(broker, run, log);
  // An earlier run of this name has nothing to say here.
  if (isNew) await destroyNatsRecords(connection);
  return openStreamMarkStore(await openNatsRecordStream(connection), {
    onRefused: (why) => log.warn({ run, why }, 'a record on the server is no mark'),
  });
}

export function connectionOf({ url, credential }: Broker, run: RunId, log: Logger) {
  return { servers: url, run, log, ...(credential === null ? {} : { credential }) };
}

/** For an experiment whose marks lie on a server, started without one. */
export const needsServer =
  'markspace.store: nats needs a server: give --nats <url>, or --nats spawn to have one started';

/** A store with a copy in a file that nobody waits for: what a crash keeps from it is added at the next opening. */
function copied(store: MarkStore, copy: MarkStore, log: Logger): MarkStore {
  const under = new Set<Promise<void>>();
  const add = ({ order: _, ...mark }: Mark): void => {
    const done = copy.append(mark).then(
      () => {},
      (err: unknown) => log.warn({ err }, 'a mark could not be copied to its file'),
    );
    under.add(done);
    void done.then(() => under.delete(done));
  };
  for (const mark of store.since(0)) add(mark);
  return {
    ...bound(store),
    get size() {
      return store.size;
    },
    async append(mark) {
      const kept = await store.append(mark);
      add(kept);
      return kept;
    },
    async compact(isNeeded) {
      const compaction = await store.compact(isNeeded);
      await copy.compact((mark) => store.get(mark.id) !== null);
      return compaction;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(under);
      await Promise.all([store[Symbol.asyncDispose](), copy[Symbol.asyncDispose]()]);
    },
  };
}

const bound = (store: MarkStore) => ({
  capabilities: store.capabilities,
  inScope: (scope: string) => store.inScope(scope),
  under: (scope: string) => store.under(scope),
  since: (order: number) => store.since(order),
  get: (id: string) => store.get(id),
});
