import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { GatewayOptions } from '../../../sandboxes/gateway/gateway.ts';
import { openGateway } from '../../../sandboxes/gateway/open-gateway.ts';
import { createScriptedModel, type ScriptedModel } from '../../support/scripted-model.ts';
import { rawRequest } from '../../support/socket-fetch.ts';
import { never, run } from '../sandbox-setting.ts';
import type { Finding, HostileCase } from './hostile-case.ts';
import { attempts, gains, NotMeasuredError, pause, refusals, type World } from './world.ts';

type Target = readonly [name: string, kind: string, address: string, port: number];

interface Listening {
  readonly target: Target;
  /** How often somebody has called. */
  calls(): number;
}

/** A server of the host. `where` is an address with port 0, or a path; `\0` makes an abstract one. */
async function listen(world: World, name: string, kind: string, where: string): Promise<Listening> {
  let calls = 0;
  const server = createServer((peer) => {
    calls += 1;
    peer.on('error', () => {});
    peer.resume().end('hello from the host');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (kind.startsWith('tcp')) server.listen(0, where, resolve);
    else server.listen(where, resolve);
  });
  world.cleanup.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { target: [name, kind, where.replace('\0', ''), port], calls: () => calls };
}

async function listenForDatagrams(world: World): Promise<Listening> {
  let calls = 0;
  const socket = createSocket('udp4', () => (calls += 1));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  world.cleanup.defer(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return { target: ['udp', 'udp4', '127.0.0.1', socket.address().port], calls: () => calls };
}

/** Calls every server and every further target from inside. What arrived here counts, and what an attempt gave. */
async function callOut(world: World, servers: readonly Listening[], others: readonly Target[]): Promise<Finding> {
  const targets = [...servers.map((server) => server.target), ...others];
  const sandbox = await world.open();
  const all = await attempts(sandbox, ['python3', 'call-out.py', JSON.stringify(targets)], { timeoutMs: 20_000 });
  const reached = servers.filter((server) => server.calls() > 0).map((server) => server.target[0]);
  if (reached.length > 0) return { isContained: false, reason: `reached ${reached.join(', ')}` };
  // A datagram that is sent into one's own loopback is no connection to anybody.
  const got = Object.fromEntries(Object.entries(all.got).filter(([name]) => name !== 'udp'));
  const isContained = Object.keys(got).length === 0;
  return { isContained, reason: isContained ? refusals(all) : gains({ ...all, got }) };
}

const errors = /^\[?E\w+|^\w+Error|timed out/;

/** Programs that call somewhere. */
export const networkCases: readonly HostileCase[] = [
  {
    name: 'host-loopback',
    what: "connects to servers on the host's loopback, TCP and UDP",
    gap: 'network-isolation',
    heldBy: errors,
    async attack(world) {
      const six = await listen(world, 'IPv6 loopback', 'tcp6', '::1').catch(() => null);
      const four = await listen(world, 'loopback', 'tcp4', '127.0.0.1');
      const datagrams = await listenForDatagrams(world);
      return callOut(world, [four, datagrams, ...(six === null ? [] : [six])], []);
    },
  },
  {
    name: 'address-outside',
    what: "connects to the host's own addresses and looks for a route to anywhere else",
    gap: 'network-isolation',
    heldBy: errors,
    async attack(world) {
      const own = Object.values(networkInterfaces())
        .flat()
        .filter((one) => one !== undefined && !one.internal && one.family === 'IPv4');
      const servers = await Promise.all(own.map((one) => listen(world, one!.address, 'tcp4', one!.address)));
      // An address that is reserved for examples: a route to it is a route to the world.
      return callOut(world, servers, [['a route out', 'route', '192.0.2.1', 9]]);
    },
  },
  {
    name: 'abstract-socket',
    what: 'connects to an abstract Unix socket of the host, which no file permission guards',
    gap: 'network-isolation',
    heldBy: errors,
    async attack(world) {
      if (process.platform !== 'linux') throw new NotMeasuredError('abstract sockets are a thing of Linux');
      const name = `\0gal-${randomBytes(6).toString('hex')}`;
      return callOut(world, [await listen(world, 'abstract socket', 'abstract', name)], []);
    },
  },
  {
    name: 'docker-socket',
    what: 'connects to the Docker socket, and to a socket of the host whose path it knows',
    gap: 'filesystem-isolation',
    heldBy: errors,
    async attack(world) {
      const stand = await listen(world, 'a socket of the host', 'unix', join(world.outside, 'docker.sock'));
      const known = [
        '/var/run/docker.sock',
        '/run/docker.sock',
        '/run/podman/podman.sock',
        '/run/containerd/containerd.sock',
      ];
      return callOut(
        world,
        [stand],
        known.map((path) => [path, 'unix', path, 0] as const),
      );
    },
  },
  {
    name: 'raw-network',
    what: "opens raw and packet sockets, and asks netlink for the host's interfaces",
    gap: 'network-isolation',
    heldBy: errors,
    attack: (world) =>
      callOut(
        world,
        [],
        [
          ['packets', 'packet', '', 0],
          ['raw socket', 'raw', '', 0],
          ['interfaces', 'interfaces', '', 0],
        ],
      ),
  },
  {
    name: 'dns',
    what: 'asks for the address of a name',
    gap: 'network-isolation',
    heldBy: errors,
    attack: (world) => callOut(world, [], [['a name', 'resolve', 'galapagos.invalid', 0]]),
  },
  {
    name: 'gateway-hang',
    what: 'opens 240 connections to the model gateway, lets each hang in its own way, and runs out of time',
    gap: null,
    heldBy: /^timeout$/,
    attack: hangOnGateway,
  },
];

async function hangOnGateway(world: World): Promise<Finding> {
  const dir = join(world.outside, 'g');
  mkdirSync(dir);
  const open = async (model: ScriptedModel) => world.cleanup.use(await openGateway({ ...gatewayOptions, dir, model }));
  const model = createScriptedModel(() => 'too late', { until: new Promise(() => {}) });
  const held = await open(model);
  const other = await open(createScriptedModel(() => 'fine'));
  const sandbox = await world.open();
  await sandbox.connect(held.socketPath);
  const hanging = run(sandbox, ['node', 'hang-on-gateway.mjs', '240'], { timeoutMs: 1_500 });
  const during = await statusOf(other.socketPath);
  const end = await hanging;
  if (!end.stdout.includes('all are open')) throw new Error(`the connections did not open: ${end.stderr}`);
  const after = await statusOf(held.socketPath);
  if (during !== 200 || after !== 200) return { isContained: false, reason: 'a gateway no longer answers' };
  if (model.requests.length === 0) throw new Error('no call reached the model');
  for (let looks = 0; looks < 100 && model.cancelled < model.requests.length; looks += 1) await pause(10);
  const left = model.requests.length - model.cancelled;
  return { isContained: left === 0, reason: left === 0 ? end.stoppedBy : `${left} calls were never ended` };
}

const gatewayOptions: Omit<GatewayOptions, 'dir' | 'model'> = {
  models: ['base'],
  limits: {
    maxCalls: 1_000,
    maxToolCalls: 10,
    maxTokens: 1_000_000,
    maxCompletionTokens: 10,
    maxRequestBytes: 10_000,
    concurrency: 16,
  },
  budget: { reserve: () => ({ settle() {} }), spent: { tokens: 0, usd: 0, evaluations: 0 }, exhausted: null },
  seedFor: (index) => index,
  recall: () => null,
  onCall: () => {},
  signal: never,
};

async function statusOf(socketPath: string): Promise<number> {
  const answer = rawRequest(socketPath, { method: 'GET', path: '/v1/models' }, '');
  return Promise.race([answer.then(({ status }) => status), pause(3_000).then(() => 0)]);
}
