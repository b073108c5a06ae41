import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { execa } from 'execa';
import { builtInProviders } from '../../sandboxes/providers.ts';
import { findNatsServer } from '../bus/nats-server.ts';

export interface ToolStatus {
  readonly usable: boolean;
  readonly version: string | null;
  readonly why: string;
  /** What would make it usable; empty when it is. */
  readonly fix: string;
}

/** What this machine can do for Galapagos: a contract for scripts. */
export interface Diagnosis {
  readonly node: ToolStatus;
  readonly git: ToolStatus;
  readonly sandboxes: Readonly<
    Record<string, { readonly usable: boolean; readonly why: string; readonly fix: string }>
  >;
  readonly nats: ToolStatus;
  readonly docker: ToolStatus;
  readonly python: ToolStatus;
  readonly gpu: ToolStatus;
}

/** Looks at what is installed, by starting it. Only Node and git are needed; everything else is optional. */
export async function doctor(): Promise<Diagnosis> {
  const providers = builtInProviders();
  const [git, docker, python, gpu, nats, ...statuses] = await Promise.all([
    tool('git', ['--version'], 'install git 2.32 or newer'),
    dockerStatus(),
    tool('python3', ['--version'], 'install Python 3 to run genomes written in Python'),
    tool(
      'nvidia-smi',
      ['--query-gpu=name,driver_version', '--format=csv,noheader'],
      'optional: only training on a GPU needs one',
    ),
    natsStatus(),
    ...providers.map((provider) => provider.probe()),
  ]);
  await Promise.all(providers.map((provider) => provider[Symbol.asyncDispose]()));
  return {
    node: { usable: true, version: process.versions.node, why: 'this process runs on it', fix: '' },
    git,
    sandboxes: Object.fromEntries(providers.map((provider, i) => [provider.name, statuses[i]!])),
    nats,
    docker,
    python,
    gpu,
  };
}

async function tool(command: string, args: readonly string[], fix: string): Promise<ToolStatus> {
  const { failed, stdout, stderr, code } = await execa(command, args, {
    reject: false,
    timeout: 5_000,
    stdin: 'ignore',
  });
  const text = `${stdout}`.trim().split('\n')[0] ?? '';
  if (!failed) return { usable: true, version: /\d+(\.\d+)+/.exec(text)?.[0] ?? null, why: text, fix: '' };
  const why =
    code === 'ENOENT'
      ? `${command} is not installed`
      : (`${stderr}`.trim().split('\n')[0] ?? '') || `${command} failed`;
  return { usable: false, version: null, why, fix };
}

async function dockerStatus(): Promise<ToolStatus> {
  const client = await tool(
    'docker',
    ['version', '--format', '{{.Server.Version}}'],
    'start a Docker engine (dockerd), or do without: bubblewrap isolates too',
  );
  return client;
}

async function natsStatus(): Promise<ToolStatus> {
  const binary = await findNatsServer();
  const isListening = await new Promise<boolean>((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port: 4222, timeout: 500 }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
    socket.once('timeout', () => {
      socket.destroy();
      resolve(false);
    });
  });
  if (isListening) return { usable: true, version: null, why: 'something listens on nats://127.0.0.1:4222', fix: '' };
  if (binary !== null && existsSync(binary)) {
    return {
      usable: false,
      version: null,
      why: `installed (${binary}) but not running`,
      fix: `${binary} -js -a 127.0.0.1`,
    };
  }
  return {
    usable: false,
    version: null,
    why: 'no nats-server found; the in-process bus needs none',
    fix: 'install nats-server, start it with -js, and run with --nats nats://127.0.0.1:4222',
  };
}
