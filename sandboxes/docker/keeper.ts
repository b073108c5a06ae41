import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { demultiplex } from './demultiplex.ts';
import { ask } from './engine.ts';

/**
 * Process 1 of a container. It buries orphans, and for each line that it reads
 * kills everything else until nobody is left, then repeats the line. All of it
 * is built into the shell, so it works where no process can be started. When
 * its input closes it ends, and the container with it. The end of a child
 * looks like the end of the input to some shells; `c` tells them apart. Its
 * first line means nothing: Podman puts the request to attach in front of it.
 */
export const keeperScript = `trap '' HUP INT QUIT TERM PIPE; trap 'jobs; c=1' CHLD; read -r _; echo ready
while :; do c=
  if read -r line; then while kill -9 -1; do jobs; done 2>/dev/null; echo "$line"
  elif [ -z "$c" ]; then exit; fi
done`;

export interface Keeper {
  isAlive(): boolean;
  /** Resolves when the container has ended. */
  readonly ended: Promise<void>;
  /**
   * Kills every other process of the container.
   * @returns when none is left.
   * @throws {SandboxUnavailableError} when some will not die, or the keeper is dead.
   */
  sweep(): Promise<void>;
  /** Lets go of the container, which then ends by itself. */
  release(): void;
}

const patienceMs = 10_000;

/**
 * Starts a container that was created with {@link keeperScript}. It lives as
 * long as this process holds on to it: a runtime that is killed takes its
 * containers with it.
 */
export async function startKeeper(container: Docker.Container): Promise<Keeper> {
  const stream = (await ask(
    'the container could not be attached to',
    container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true }),
  )) as Duplex;
  const waiting = new Map<string, () => void>();
  let text = '';
  let isAlive = true;
  let sweeps = 0;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      isAlive = false;
      resolve();
    };
    stream.on('error', end);
    stream.on('close', end);
    stream.on('end', end);
  });
  const receive = demultiplex((isError, bytes) => {
    if (isError) return;
    text += bytes.toString('latin1');
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n')) {
      waiting.get(text.slice(0, at))?.();
      text = text.slice(at + 1);
    }
  });
  stream.on('data', receive);
  const said = async (line: string) => {
    let timer: NodeJS.Timeout | undefined;
    const answer = new Promise<void>((resolve, reject) => {
      waiting.set(line, resolve);
      timer = setTimeout(
        () => reject(new SandboxUnavailableError('processes of the sandbox would not die')),
        patienceMs,
      );
      void ended.then(() => reject(new SandboxUnavailableError('the sandbox is gone: something outside ended it')));
    });
    try {
      await answer;
    } finally {
      clearTimeout(timer);
      waiting.delete(line);
    }
  };
  const ready = said('ready');
  ready.catch(() => {});
  try {
    await ask('the container could not be started', container.start());
    stream.write('\n');
    await ready;
  } catch (error) {
    stream.destroy();
    throw error;
  }
  // A forgotten sandbox must not keep the runtime from ending; its container ends with it.
  (stream as { unref?: () => void }).unref?.();
  return {
    isAlive: () => isAlive,
    ended,
    sweep() {
      sweeps += 1;
      const answer = said(`${sweeps}`);
      stream.write(`${sweeps}\n`);
      return answer;
    },
    release: () => stream.destroy(),
  };
}
