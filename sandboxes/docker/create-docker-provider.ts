import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { deadline, onAbort } from '../../src/core/abort.ts';
import { Cleanup } from '../../src/core/cleanup.ts';
import { describeError } from '../../src/core/errors.ts';
import { parseRunId, type RunId } from '../../src/core/ids.ts';
import { checkSpec, throwIfCancelled } from '../check-spec.ts';
import { removeTree } from '../place-tree.ts';
import type { Leftovers, ReapOptions, Sandbox, SandboxGap, SandboxProvider, SandboxSpec } from '../sandbox.ts';
import { labelFor, makeScratch, reapScratch, scratchRoot } from '../scratch.ts';
import { countersOfContainer } from './container-counters.ts';
import { type ContainerPlan, containerOptions, diskShares, maxInodes, nowhere } from './container-options.ts';
import { dockerSandbox } from './docker-sandbox.ts';
import { ask, engineAt, isGone, isOnItsWayOut } from './engine.ts';
import { defaultImage, inside } from './image-layout.ts';
import { type ImageFacts, inspectImage } from './inspect-image.ts';
import { type Keeper, startKeeper } from './keeper.ts';
import { isLeftBehind, labelsOf, ownFilter } from './labels.ts';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import { createNetworks, type Networks, removeNetwork } from './networks.ts';
import { WaitingFiles } from './place-files.ts';
import { placeFromOutside } from './place-from-outside.ts';
import { limitFiles, podmanGaps, speaksPodman, writePodmanFiles } from './podman.ts';
import { probeDocker } from './probe.ts';
import { readableMount } from './readable-mount.ts';

export interface DockerOptions {
  /** What `galapagos sandbox build` has made. Default `galapagos-sandbox`. */
  readonly image?: string;
  /** A runtime that the engine knows, such as `runsc` (gVisor). Default: the engine's own choice. */
  readonly runtime?: string;
  /** `unix:///path/of.sock` or `tcp://host:port`. Default: `DOCKER_HOST`, or the usual socket. */
  readonly host?: string;
  /** Where scratch directories are made. Default: a private directory below the system's temporary one. */
  readonly scratchDir?: string;
  /** `never` leaves the files of this host alone, as if the engine were far away. Default `auto`. */
  readonly counters?: 'auto' | 'never';
}

/** What all sandboxes of a provider share. */
interface Workshop {
  readonly options: DockerOptions;
  readonly engine: () => Promise<Docker>;
  /** The image as it was when first asked for: it may not change under a run. */
  readonly image: () => Promise<ImageFacts>;
  readonly isPodman: () => Promise<boolean>;
  readonly networks: Networks;
  /** For containers that cannot be looked at from here. */
  readonly memoryWatch: Once<MemoryWatch>;
  readonly scratch: () => string;
  /** The shell that this engine's runtime can start. */
  shell: string;
}

/** Containers of a Docker engine, or of one that speaks its language. @see sandboxes/docker/README.md */
export function createDockerProvider(options: DockerOptions = {}): SandboxProvider {
  const workshop = prepareWorkshop(options);
  const open = new Set<Sandbox>();
  const gaps: SandboxGap[] = [];
  const provider: SandboxProvider = {
    name: 'docker',
    isolation: 'container',
    // Known once the engine is.
    gaps,
    async probe() {
      const hasOwnKernel = () => workshop.shell !== inside.shell;
      const { engine, image, isPodman } = workshop;
      const status = await probeDocker(provider, { engine, image, isPodman, hasOwnKernel });
      if (status.usable && (await isPodman())) gaps.splice(0, gaps.length, ...podmanGaps);
      return status;
    },
    async open(spec, signal) {
      const sandbox = await openSandbox(workshop, spec, signal, (gone) => open.delete(gone()));
      open.add(sandbox);
      return sandbox;
    },
    async details() {
      const { id } = await workshop.image();
      return { image: id, ...(options.runtime === undefined ? {} : { runtime: options.runtime }) };
    },
    reap: (run, options) => reap(workshop, run, options),
    async [Symbol.asyncDispose]() {
      await Promise.all([...open].map((sandbox) => sandbox[Symbol.asyncDispose]()));
      await workshop.memoryWatch.end((watch) => watch.stop());
    },
  };
  return provider;
}

function prepareWorkshop(options: DockerOptions): Workshop {
  const engine = once(() => engineAt(options.host));
  return {
    options,
    engine,
    image: once(async () => inspectImage(await engine(), options.image ?? defaultImage)),
    isPodman: once(async () => speaksPodman(await engine())),
    networks: createNetworks(engine),
    memoryWatch: once(async () => watchMemory(await engine())),
    scratch: () => scratchRoot(options.scratchDir, 'docker'),
    shell: inside.shell,
  };
}

interface Once<T> {
  (): Promise<T>;
  /** Does something with what was made, if it was. */
  end(how: (made: T) => void): Promise<void>;
}

/** Remembers what worked; what failed is tried again. */
function once<T>(make: () => Promise<T>): Once<T> {
  let made: Promise<T> | null = null;
  const get = () => {
    made ??= make().catch((error: unknown) => {
      made = null;
      throw error;
    });
    return made;
  };
  return Object.assign(get, { end: async (how: (made: T) => void) => void (await made?.then(how, () => {})) });
}

async function openSandbox(
  workshop: Workshop,
  spec: SandboxSpec,
  signal: AbortSignal,
  onGone: (sandbox: () => Sandbox) => void,
): Promise<Sandbox> {
  checkSpec(spec);
  const goOn = () => throwIfCancelled(signal);
  goOn();
  const reserved = new Set(spec.mounts.map(({ target }) => target));
  const waiting = new WaitingFiles(reserved, diskShares(spec.limits).workspaceBytes);
  waiting.add(spec.files);
  const cleanup = new Cleanup();
  try {
    const { label, labels } = labelsOf(spec.run, spec.owner);
    const [engine, image] = [await workshop.engine(), await workshop.image()];
    const scratch = makeOwnScratch(workshop);
    cleanup.defer(() => removeTree(scratch));
    const isPodman = await workshop.isPodman();
    const network = spec.network === null || isPodman ? null : await workshop.networks.join(spec.run, spec.network);
    if (network !== null) cleanup.defer(network.leave);
    goOn();
    const plan = {
      ...{ name: label, labels, image: image.id, architecture: image.architecture },
      ...{ runtime: workshop.options.runtime, limits: spec.limits },
      mounts: spec.mounts.map((mount) => readableMount(mount, scratch)),
      gatewayDirectory: makeGatewayDirectory(scratch),
      network: network?.network ?? null,
      podman: isPodman ? writePodmanFiles(scratch, nowhere) : null,
    };
    let keeper: Keeper | null = null;
    cleanup.defer(() => endContainer(engine.getContainer(label), keeper));
    const started = await startContainer(workshop, engine, plan, goOn);
    const { container, shell } = started;
    keeper = started.keeper;
    goOn();
    const { State } = await ask('the container could not be looked at', container.inspect());
    const counters = workshop.options.counters === 'never' ? null : countersOfContainer(State.Pid, container.id, shell);
    if (isPodman && counters !== null) await limitFiles(State.Pid, maxInodes);
    const watch = counters === null ? await workshop.memoryWatch() : null;
    const sandbox: Sandbox = await dockerSandbox({
      ...{ id: label, reserved, waiting, container, keeper, shell, path: image.path },
      counters,
      placeFromOutside: (files) =>
        counters !== null && placeFromOutside({ pid: State.Pid, containerId: container.id }, files, reserved),
      oomKills: () => counters?.oomKills() ?? watch?.countOf(container.id) ?? 0,
      gatewayDirectory: join(scratch, 'gateway'),
      release: () => {
        onGone(() => sandbox);
        return cleanup[Symbol.asyncDispose]();
      },
    });
    goOn();
    return sandbox;
  } catch (error) {
    await cleanup[Symbol.asyncDispose]().catch(() => {});
    throw error;
  }
}

/** @param goOn - Throws when opening was cancelled. */
async function startContainer(
  workshop: Workshop,
  engine: Docker,
  plan: Omit<ContainerPlan, 'shell'>,
  goOn: () => void,
): Promise<{ readonly container: Docker.Container; readonly keeper: Keeper; readonly shell: string }> {
  const { shell } = workshop;
  const options = containerOptions({ ...plan, shell });
  const container = await ask('the container could not be made', engine.createContainer(options));
  goOn();
  try {
    return { container, keeper: await startKeeper(container), shell };
  } catch (error) {
    // gVisor opens what it runs with the user's own rights; it has a rule of its own against tracing.
    const isUnreadable = describeError(error).includes(`${inside.shell}: permission denied`);
    if (shell !== inside.shell || !isUnreadable) throw error;
    workshop.shell = inside.readableShell;
    await removeContainer(container);
    return startContainer(workshop, engine, plan, goOn);
  }
}

const scratchRun = parseRunId('s');
const never = new AbortController().signal;

/** Its name is short, whatever the run is called: the path of a socket may have 107 bytes. */
function makeOwnScratch(workshop: Workshop): string {
  return makeScratch(workshop.scratch(), labelFor(scratchRun));
}

/** Inside a directory that is private on the host, so that the container's user may enter it and no other. */
function makeGatewayDirectory(scratch: string): string {
  const path = join(scratch, 'gateway');
  mkdirSync(path);
  chmodSync(path, 0o755);
  return path;
}

/** How long a container that was let go of may take to end and be removed, which takes it a tenth of a second. */
const endMs = 5_000;

/**
 * Lets go of a container, which then ends and is removed by the engine. To remove it as well would have the engine do
 * both at the same time.
 */
async function endContainer(container: Docker.Container, keeper: Keeper | null): Promise<void> {
  if (keeper !== null) {
    using late = deadline(never, endMs);
    const isRemoved = removal(container, late.signal).then(
      () => true,
      () => false,
    );
    keeper.release();
    if (await isRemoved) return;
  }
  await removeContainer(container);
}

/**
 * @param signal - Gives up waiting. An engine may never answer about a container that is gone, and a request that is
 *   only forgotten keeps this process from ending.
 * @returns when the engine has removed it. @throws {SandboxUnavailableError}
 */
async function removal(container: Docker.Container, signal: AbortSignal = never): Promise<void> {
  const unanswered = new AbortController();
  using _givingUp = onAbort([signal], () => unanswered.abort());
  const wait = { condition: 'removed' as const, abortSignal: unanswered.signal };
  try {
    await ask('the container could not be removed', container.wait(wait));
  } catch (error) {
    if (!isGone(error)) throw error;
  } finally {
    unanswered.abort();
  }
}

async function removeContainer(container: Docker.Container): Promise<void> {
  try {
    await ask('the container could not be removed', container.remove({ force: true }));
  } catch (error) {
    if (!isGone(error)) throw error;
    // The engine is removing it already, because it has ended.
    if (isOnItsWayOut(error)) await removal(container);
  }
}

async function reap(workshop: Workshop, run: RunId | 'all', { dryRun = false }: ReapOptions = {}): Promise<Leftovers> {
  const engine = await workshop.engine();
  // Never counted: their names do not tell the run. Whoever made them is dead all the same.
  reapScratch(workshop.scratch(), 'all', { dryRun });
  const filters = JSON.stringify(ownFilter());
  const containers = await ask('containers could not be listed', engine.listContainers({ all: true, filters }));
  const deadContainers = containers.filter(({ Labels }) => isLeftBehind(Labels, run));
  for (const { Id } of dryRun ? [] : deadContainers) await removeContainer(engine.getContainer(Id));
  const networks = await ask('networks could not be listed', engine.listNetworks({ filters }));
  const deadNetworks = networks.filter(({ Labels }) => isLeftBehind(Labels, run));
  for (const { Id } of dryRun ? [] : deadNetworks) await removeNetwork(engine.getNetwork(Id));
  return { containers: deadContainers.length, networks: deadNetworks.length };
}
