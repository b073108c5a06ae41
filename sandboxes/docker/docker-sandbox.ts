import type Docker from 'dockerode';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { FileTree, TreeLimits } from '../../src/core/file-tree.ts';
import { commandLine, impossible } from '../command-line.ts';
import { type GatewayRelay, startRelay } from '../gateway/relay.ts';
import { inOrder } from '../in-order.ts';
import type { ExecOptions, ExecResult, Sandbox } from '../sandbox.ts';
import { quoted } from '../shell-words.ts';
import { archiveCommand, readTree, throwIfOdd } from './collect-archive.ts';
import type { ContainerCounters } from './container-counters.ts';
import { killContainer } from './engine.ts';
import { capture, exitOf, notStarted } from './exec-result.ts';
import { openTunnel, tunnelSocket } from './gateway-tunnel.ts';
import { inside } from './image-layout.ts';
import type { Keeper } from './keeper.ts';
import { type Measured, type Meter, startMeter } from './meter.ts';
import { checkFiles, clearingFor, doesNotFit, unpacking, type WaitingFiles } from './place-files.ts';
import { type PrimedShell, primeShell } from './primed-shell.ts';
import { type JobEnd, runJob } from './run-job.ts';

/** A shell that waits for a command, and how to learn what was used since it did. */
interface Ready {
  readonly shell: PrimedShell;
  readonly meter: Meter;
}

export interface DockerParts {
  readonly id: string;
  /** Names at the top of the workspace that belong to the runtime. */
  readonly reserved: ReadonlySet<string>;
  /** Until something has happened inside, files that could not be placed from outside travel with the first command. */
  readonly waiting: WaitingFiles;
  /** Puts files into a workspace that nothing has run in. @returns whether it could. */
  readonly placeFromOutside: (files: FileTree) => boolean;
  readonly container: Docker.Container;
  readonly keeper: Keeper;
  /** Path of the shell that commands are started from. */
  readonly shell: string;
  /** `null` where the container's processes are not this machine's. */
  readonly counters: ContainerCounters | null;
  /** How often memory ran out so far. */
  readonly oomKills: () => number;
  /** Where programs are looked for. */
  readonly path: string;
  /** Host directory that the container sees at {@link inside.gatewayDirectory}. */
  readonly gatewayDirectory: string;
  /** Frees everything; called once. */
  readonly release: () => Promise<void>;
}

/** For what the runtime itself does inside, which takes milliseconds. */
const ownMs = 60_000;
const ownOutputBytes = 4_096;
const keeperAndShell = 2;
const never = new AbortController().signal;

/** @returns when a shell waits in it for the first command, or could not be started: that command hears of it. */
export async function dockerSandbox(parts: DockerParts): Promise<Sandbox> {
  const sandbox = new DockerSandbox(parts);
  await sandbox.primed();
  const queue = inOrder(() => parts.keeper.isAlive());
  let disposal: Promise<void> | null = null;
  const dispose = async () => {
    try {
      // An engine that starts a shell while its container ends may lose track of both.
      await sandbox.primed();
      // Without its container a running command ends; what was waiting is refused.
      await parts.release();
    } finally {
      await queue.settled();
      await sandbox.connect(null);
    }
  };
  return {
    id: parts.id,
    provider: 'docker',
    connect: (socket) => queue.run(() => sandbox.connect(socket)),
    exec: (argv, options) =>
      queue.run(async () => {
        const end = await sandbox.exec(argv, options).catch((error: unknown) => error);
        if (!queue.isOpen()) throw new SandboxUnavailableError('the sandbox was disposed of while a command ran');
        if (end instanceof Error) throw end;
        return end as ExecResult;
      }),
    put: (files) => queue.run(() => sandbox.put(files)),
    get: (limits) => queue.run(() => sandbox.get(limits)),
    [Symbol.asyncDispose]: () => {
      queue.close();
      disposal ??= dispose();
      return disposal;
    },
  };
}

class DockerSandbox {
  readonly #parts: DockerParts;
  #isUntouched = true;
  #primed: Promise<Ready> | null = null;
  #gateway: string | null = null;
  #relay: GatewayRelay | null = null;

  constructor(parts: DockerParts) {
    this.#parts = parts;
    this.#primed = this.#prime();
    // Whoever needs it hears of its failure.
    this.#primed.catch(() => {});
    this.#placeWaiting();
  }

  /** Resolves when no shell is being started ahead. */
  async primed(): Promise<void> {
    await this.#primed?.catch(() => {});
  }

  async connect(socket: string | null): Promise<void> {
    await this.#relay?.[Symbol.asyncDispose]();
    this.#relay = null;
    this.#gateway = socket;
    if (socket !== null && this.#isHere()) this.#relay = await startRelay(this.#parts.gatewayDirectory, socket);
  }

  /** Whether the container runs on this kernel, where a socket of this host can be mounted. */
  #isHere(): boolean {
    return this.#parts.counters !== null;
  }

  async put(files: FileTree): Promise<void> {
    if (this.#isUntouched) {
      this.#parts.waiting.add(files);
      return this.#placeWaiting();
    }
    checkFiles(files, this.#parts.reserved);
    await this.#unpack(files, `${clearingFor(files)}; `);
  }

  #placeWaiting(): void {
    const { waiting, placeFromOutside } = this.#parts;
    const files = waiting.take();
    if (files.size > 0 && !placeFromOutside(files)) waiting.add(files);
  }

  async #unpack(files: FileTree, before: string): Promise<void> {
    if (files.size === 0) return;
    const { command, archive } = unpacking(files);
    const end = await this.#runOwn(`${before}${command}`, [archive]);
    if (end.status === 0) return;
    if (/No space left on device/.test(end.stderr)) {
      throw doesNotFit([...files.keys()].find((path) => end.stderr.includes(path)) ?? [...files.keys()].at(-1)!);
    }
    throw new SandboxUnavailableError(`files could not be put into the sandbox: ${describeEnd(end)}`);
  }

  async get(limits: TreeLimits): Promise<FileTree> {
    await this.#unpack(this.#parts.waiting.take(), '');
    const reader = await readTree(limits);
    const end = await this.#runOwn(archiveCommand(this.#parts.reserved), [], {
      signal: reader.refused,
      onOutput: (bytes) => reader.write(bytes),
    });
    throwIfOdd(end.status, end.stderr);
    if (end.status !== 0 && !reader.refused.aborted) {
      throw new SandboxUnavailableError(`the workspace could not be read: ${describeEnd(end)}`);
    }
    return reader.finish();
  }

  /** Runs something of the runtime's inside, where nothing else runs. */
  async #runOwn(
    line: string,
    input: readonly Uint8Array[],
    { signal = never, onOutput = () => {} }: { signal?: AbortSignal; onOutput?: (bytes: Buffer) => void } = {},
  ): Promise<JobEnd & { readonly stderr: string }> {
    const errors = capture(ownOutputBytes);
    const end = await this.#run(await this.#takeShell(), {
      ...{ line, input, timeoutMs: ownMs, signal },
      onOutput: (isError, bytes) => (isError ? void errors.add(bytes) : onOutput(bytes)),
    });
    return { ...end, stderr: errors.text() };
  }

  async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const env = this.#environment(options.env);
    const problem = impossible(argv, env);
    if (problem !== null) return notStarted({ exitCode: 127, signal: null, stoppedBy: 'exit', stderr: `${problem}\n` });
    const cancelled = { exitCode: null, signal: 'SIGKILL', stoppedBy: 'cancelled', stderr: '' } as const;
    if (options.signal.aborted) return notStarted(cancelled);
    if (this.#gateway !== null && !this.#isHere()) {
      await openTunnel((await this.#takeShell()).shell, this.#parts.path, this.#gateway);
    }
    const ready = await this.#takeShell();
    if (options.signal.aborted) {
      this.#primed = Promise.resolve(ready);
      return notStarted(cancelled);
    }
    const files = this.#parts.waiting.take();
    const { command, archive } = unpacking(files);
    // Nobody inside can know the word, so nobody can make a result look like a failure of ours.
    const word = `unpacking failed ${crypto.randomUUID()}`;
    const unpack = files.size === 0 ? '' : `${command} || { echo ${quoted(word)} >&2; exit 1; }; `;
    const stdout = capture(options.maxOutputBytes);
    const stderr = capture(options.maxOutputBytes);
    let measured: Measured | null = null;
    const end = await this.#run(ready, {
      line: unpack + commandLine(argv, env),
      input: [...(files.size === 0 ? [] : [archive]), Buffer.from(options.stdin ?? '')],
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      onOutput: (isError, bytes, stop) => {
        if (!(isError ? stderr : stdout).add(bytes)) stop('output');
      },
      onNothingLeft: () => {
        measured = ready.meter.read();
      },
    });
    if (unpack !== '' && stderr.text().includes(word)) {
      throw new SandboxUnavailableError(`files could not be put into the sandbox: ${stderr.text().slice(0, 500)}`);
    }
    const { ranOutOfMemory, bytesWritten, ...usage } = measured ?? ready.meter.read();
    const stoppedBy = end.stoppedBy === 'exit' && ranOutOfMemory() ? 'memory' : end.stoppedBy;
    if (end.status === null && stoppedBy === 'exit') {
      throw new SandboxUnavailableError('the sandbox is gone: something outside ended it');
    }
    const unpacked =
      files.size === 0 ? 0 : archive.length + [...files.values()].reduce((n, f) => n + f.bytes.length, 0);
    return {
      ...exitOf(end.status),
      stoppedBy,
      stdout: stdout.text(),
      stderr: stderr.text(),
      wallMs: end.wallMs,
      ...usage,
      // A limit may have struck while the shell was telling, or unpacking.
      bytesWritten: bytesWritten === null ? null : Math.max(0, bytesWritten - unpacked - end.reportBytes),
    };
  }

  #environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
    const socket = this.#isHere() ? inside.gateway : tunnelSocket;
    const gateway = this.#gateway === null ? {} : { GALAPAGOS_GATEWAY: socket };
    return { PATH: this.#parts.path, HOME: '/tmp', LANG: 'C.UTF-8', ...gateway, ...extra };
  }

  async #run(
    { shell, meter }: Ready,
    job: Pick<Parameters<typeof runJob>[1], 'line' | 'input' | 'timeoutMs' | 'signal' | 'onOutput' | 'onNothingLeft'>,
  ) {
    this.#isUntouched = false;
    const { keeper, container, counters } = this.#parts;
    return runJob(shell, {
      ...job,
      onStop: () => meter.look(),
      onTold:
        counters?.mayContinue !== true
          ? null
          : (pid) => {
              meter.look();
              const isAlone = counters.threads() === keeperAndShell;
              void counters.continue(pid);
              return isAlone;
            },
      isRunning: (pid) => counters?.isRunning(pid) ?? true,
      isAnyLeft: () => counters?.threads() !== 1,
      killAll: async () => {
        try {
          await keeper.sweep();
        } catch {
          // What the keeper cannot kill dies with the container; the next operation says that it is gone.
          keeper.release();
          await killContainer(container);
        }
      },
    });
  }

  async #prime(): Promise<Ready> {
    const { container, shell: path, counters, oomKills } = this.#parts;
    const shell = await primeShell(container, path);
    // Nothing else runs in the container until the shell starts a command.
    return { shell, meter: startMeter(counters, oomKills, shell.pid) };
  }

  async #takeShell(): Promise<Ready> {
    const primed = this.#primed;
    this.#primed = null;
    const ready = await primed;
    return ready?.shell.isOpen() === true ? ready : await this.#prime();
  }
}

function describeEnd({ status, stoppedBy, stderr }: JobEnd & { readonly stderr: string }): string {
  const how = stoppedBy === 'exit' ? `exit ${status ?? 'unknown'}` : `stopped by ${stoppedBy}`;
  return stderr.trim() === '' ? how : `${how}: ${stderr.trim().slice(0, 500)}`;
}
