import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { MarkStore } from '../../markspace/store.ts';
import { openFileMarkStore } from '../../markspace/stores/file-store.ts';
import { createMemoryMarkStore } from '../../markspace/stores/memory-store.ts';
import { openStreamMarkStore } from '../../markspace/stores/stream-store.ts';
import { openNatsRecordStream } from '../../src/bus/nats-record-stream.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { tempDir } from '../markspace/temp-dir.ts';
import { natsMissing, openNatsServer } from './nats.ts';

export interface MarkStoreKind {
  readonly name: string;
  /** Gives an empty store; what it lies on goes with the test. */
  open(): Promise<MarkStore>;
  /** Why it cannot be used here, or `null` when it can; for `itNeeds`. */
  readonly missing: string | null;
}

/** Every store there is. A property of the markspace holds on each of them. */
export const markStores: readonly MarkStoreKind[] = [
  { name: 'memory', open: async () => createMemoryMarkStore(), missing: null },
  { name: 'file', open: async () => openFileMarkStore(join(await tempDir(), 'marks.jsonl')), missing: null },
  { name: 'NATS', open: openOnNats, missing: natsMissing },
];

/** One server for all the stores of a test file; each has a run of its own. */
let server: ReturnType<typeof openNatsServer> | null = null;
afterAll(async () => (await server)?.[Symbol.asyncDispose]());

async function openOnNats(): Promise<MarkStore> {
  server ??= openNatsServer();
  const { url } = await server;
  const run = parseRunId(`run-${randomUUID()}`);
  const log = createLogger({ level: 'silent' });
  return openStreamMarkStore(await openNatsRecordStream({ servers: url, run, log }));
}
