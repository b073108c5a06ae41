import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type Docker from 'dockerode';
import { describeError, SandboxUnavailableError } from '../../src/core/errors.ts';

/** How an engine is reached: `unix:///path/of.sock`, `tcp://host:2375`, or what `DOCKER_HOST` says when left out. */
export type EngineHost = string | undefined;

/**
 * A client for the engine. Nothing is connected yet. The client is loaded
 * here, not at the start of every program: that takes a third of a second.
 */
export async function engineAt(host: EngineHost): Promise<Docker> {
  const { default: Engine } = await import('dockerode');
  const engine = new Engine(host === undefined ? {} : addressOf(new URL(host)));
  const modem = engine.modem as { protocol?: string; agent?: HttpAgent | undefined };
  modem.agent = connections.get(modem.protocol ?? '');
  return engine;
}

function addressOf({ protocol, pathname, hostname, port }: URL): Docker.DockerOptions {
  return protocol === 'unix:' ? { socketPath: pathname } : { protocol: 'http', host: hostname, port };
}

/** To all engines; a client over SSH makes its own. */
const asNode = { keepAlive: true, timeout: 5_000 };
const connections = new Map<string, HttpAgent>([
  ['http', new HttpAgent(asNode)],
  ['https', new HttpsAgent(asNode)],
]);

/** Requests without an answer keep this process from ending for as long as somebody waits for them, and no longer. */
function letGoOfRequests(): void {
  for (const { sockets } of connections.values()) for (const socket of Object.values(sockets).flat()) socket?.unref();
}

/** Making a container takes an engine a quarter of a second; one that is silent for so long has failed. */
const patienceMs = 60_000;

/**
 * Asks the engine for something. Nothing else may wait for an engine.
 * @param what - What could not be done when it fails, as in "the container could not be started".
 * @throws {SandboxUnavailableError} which is not retryable when the engine is silent.
 */
export async function ask<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const silence =
      `the engine has been silent for ${patienceMs / 1_000} seconds; to fix it: ` +
      'restart it (systemctl restart docker), and resume what was running';
    timer = setTimeout(() => {
      // Whoever else waits has a timer of his own.
      letGoOfRequests();
      reject(new SandboxUnavailableError(`${what}: ${silence}`, { retryable: false }));
    }, patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } catch (cause) {
    if (cause instanceof SandboxUnavailableError) throw cause;
    const { why, fix } = refusalOf(cause);
    throw new SandboxUnavailableError(`${what}: ${why}${fix === '' ? '' : `; to fix it: ${fix}`}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** Kills what runs, and is content with what does not. @throws {SandboxUnavailableError} */
export async function killContainer(container: Docker.Container): Promise<void> {
  await ask('the container could not be killed', container.kill()).catch((error: unknown) => {
    const isOver =
      [404, 409].includes(statusOf(error).statusCode ?? 0) || /can only kill running/.test(describeError(error));
    if (!isOver) throw error;
  });
}

/** Whether the engine said that the thing is not there, or on its way out. */
export function isGone(error: unknown): boolean {
  return statusOf(error).statusCode === 404 || isOnItsWayOut(error);
}

/** Whether the engine said that it is removing the thing already. */
export function isOnItsWayOut(error: unknown): boolean {
  return statusOf(error).statusCode === 409 && /removal .* already in progress/.test(describeError(error));
}

function statusOf(error: unknown): { statusCode?: number; code?: string; address?: string; port?: number } {
  const cause = error instanceof SandboxUnavailableError ? error.cause : error;
  return (cause ?? {}) as { statusCode?: number };
}

export interface Refusal {
  readonly why: string;
  /** A command or a step; empty when the engine's own words are all there is. */
  readonly fix: string;
}

/** Why the engine did not do something, and what to do about it. */
export function refusalOf(error: unknown): Refusal {
  const { code, address, port } = statusOf(error);
  const place =
    address === undefined ? 'the address in DOCKER_HOST' : `${address}${port === undefined ? '' : `:${port}`}`;
  if (code === 'EACCES' || code === 'EPERM') {
    return {
      why: `permission denied at ${place}`,
      fix: 'sudo usermod -aG docker "$USER", then log in again (members of that group can become root)',
    };
  }
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT') {
    return {
      why: `no Docker engine answers at ${place}`,
      fix: 'start it (systemctl start docker, or Docker Desktop), or set DOCKER_HOST to where it listens',
    };
  }
  const said = sayingOf(error);
  const runtime = /(?:unknown or invalid runtime name|no such runtime|Unknown runtime specified):? "?([\w.-]+)/i.exec(
    said,
  );
  if (runtime !== null) {
    return {
      why: `the engine has no runtime ${runtime[1]}`,
      fix: `install ${runtime[1]}, add it to "runtimes" in /etc/docker/daemon.json, and restart the engine`,
    };
  }
  return { why: said, fix: '' };
}

/** The engine's own words, without the client's wrapping. */
function sayingOf(error: unknown): string {
  const cause = error instanceof SandboxUnavailableError ? error.cause : error;
  const { json } = (cause ?? {}) as { json?: { message?: string } };
  return (json?.message ?? describeError(cause)).trim().slice(0, 1_000);
}
