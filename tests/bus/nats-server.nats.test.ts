import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nats-io/transport-node';
import { it as always, expect } from 'vitest';
import { findNatsServer, spawnNatsServer } from '../../src/bus/nats-server.ts';
import { natsMissing, openNatsServer } from '../support/nats.ts';
import { itNeeds } from '../support/require-service.ts';

const it = itNeeds('nats-server', natsMissing);
const answers = async (url: string) => {
  const nc = await connect({ servers: url, reconnect: false });
  await nc.flush();
  await nc.close();
};

always('finds nothing where a named binary is not there', async () => {
  expect(await findNatsServer('/nowhere/nats-server')).toBeNull();
});

always('says how to get a server when the named binary is not there', async () => {
  const spawned = spawnNatsServer({ binary: '/nowhere/nats-server', storeDir: join(tmpdir(), 'never-made') });
  await expect(spawned).rejects.toMatchObject({ code: 'PREREQUISITE_MISSING' });
  await expect(spawned).rejects.toThrow('/nowhere/nats-server');
});

it('listens on loopback only, on a port of its own', async () => {
  await using server = await openNatsServer();
  expect(server.url).toMatch(/^nats:\/\/127\.0\.0\.1:\d+$/);
  await answers(server.url);
});

it('comes back on the same port after a stop, after a kill, and from running', async () => {
  await using server = await openNatsServer();
  await server.stop();
  await server.stop();
  await expect(answers(server.url)).rejects.toThrow();
  await server.restart();
  await answers(server.url);
  await server.kill();
  await server.restart();
  await answers(server.url);
  await server.restart();
  await answers(server.url);
});

it('says what the server said when it does not start', async () => {
  await using server = await openNatsServer();
  const storeDir = join(server.storeDir, 'second');
  const spawned = spawnNatsServer({ storeDir, port: Number(server.url.split(':')[2]) });
  await expect(spawned).rejects.toMatchObject({ code: 'PREREQUISITE_MISSING' });
  await expect(spawned).rejects.toThrow('address already in use');
});
