import { afterAll, beforeAll } from 'vitest';
import { createNatsBus } from '../../src/bus/nats-bus.ts';
import { createLogger } from '../../src/core/log.ts';
import { busSuite } from '../conformance/bus.suite.ts';
import { natsMissing, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';

const it = itNeeds('nats-server', natsMissing);
const log = createLogger({ level: 'silent' });
let server: Awaited<ReturnType<typeof openNatsServer>> | null = null;

beforeAll(async () => {
  if (natsMissing === null) server = await openNatsServer();
});
afterAll(async () => server?.[Symbol.asyncDispose]());

busSuite('NATS', (run, options) => createNatsBus({ servers: server!.url, run, log, ...options }), { it });
