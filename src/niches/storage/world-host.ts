import { closeSync, fstatSync } from 'node:fs';
import type { ExecResult, OpenSandbox, Sandbox, WritablePlace } from '../../../sandboxes/sandbox.ts';
import { wallClock } from '../../core/clock.ts';
import { SandboxUnavailableError } from '../../core/errors.ts';
import { clear, settledSpace, spaceOf } from './devices.ts';
import { places as inside } from './families.ts';
import {
  type Account,
  book,
  type Ending,
  type LastCommand,
  nothingYet,
  resultWordOf,
  type Step,
  type WorldState,
} from './life.ts';
import { type ListedFile, listedFiles } from './listing.ts';
import type { WorldPlan } from './plan.ts';
import { damageTo, growLog, reclaimableBytes } from './service.ts';
import { SystemDevice } from './system-device.ts';
import { capture, imageOf, placeImage, type TreeImage } from './tree-image.ts';
import { type Walk, walk } from './walk.ts';

export interface WorldHostOptions {
  readonly open: OpenSandbox;
  /** Of the volume, and so of every world that is to stand here. Default 4. */
  readonly capacityMiB?: number;
  /** How many commands a world lives, at most. Default 6. */
  readonly commands?: number;
  /** Wall-clock limit of a command in milliseconds. Default 10 000. */
  readonly commandMs?: number;
  readonly signal: AbortSignal;
}

/**
 * A standing sandbox in which worlds are built one after another. The author of a command is hostile; everything that
 * is measured is measured by this process, outside, when every process of the command is dead (README, threat model).
 */
export interface WorldHost extends AsyncDisposable {
  /** Replaces whatever stands here. @throws {SandboxUnavailableError} when the sandbox failed: no consequence of any command. */
  begin(world: WorldPlan | WorldState): Promise<void>;
  /** Runs one shell command in the world and measures. @throws {SandboxUnavailableError} as above; the world is lost then. */
  act(command: string): Promise<Step>;
  /** The largest files that have a name and a size, largest first. */
  listed(): readonly ListedFile[];
  readonly account: Account;
  readonly last: LastCommand;
  readonly plan: WorldPlan;
  readonly ending: Ending | null;
  /** Share of the volume that is available, from 0 to 1. */
  readonly freeShare: number;
  /** The world as it stands, for copies. */
  state(): Promise<WorldState>;
}

interface Held {
  readonly fd: number;
  readonly path: string;
}

const unborn: Account = { birthBytes: 0, freedBytes: 0, mostFreedBytes: 0, grownBytes: 0, commands: 0 };
/** Below this share of the volume what is left to free is not worth a command. */
const exhaustedShare = 0.02;
/** Enough for any file of a world to be read; the words go nowhere. */
const maxOutputBytes = 2 ** 22;
const limits = { memoryMiB: 64, cpus: 1, pids: 32 };
const skip: ReadonlySet<string> = new Set([inside.system]);

/** @throws {SandboxUnavailableError} when the provider cannot open a sandbox, or cannot show its volume to the host. */
export async function openWorldHost(options: WorldHostOptions): Promise<WorldHost> {
  const host = new StandingWorld(options);
  try {
    await host.renew();
    return host;
  } catch (error) {
    await host[Symbol.asyncDispose]();
    throw error;
  }
}

class StandingWorld implements WorldHost {
  readonly #options: WorldHostOptions;
  readonly #system = new SystemDevice();
  readonly #held = new Map<number, Held>();
  #sandbox: Sandbox | null = null;
  #plan: WorldPlan | null = null;
  #bornSeconds = 0;
  #availableBytes = 0;
  #countedBytes = 0;
  #found: Walk = { files: [], directories: [], links: [], unnamed: 0, isCut: false };
  #account: Account = unborn;
  #last: LastCommand = nothingYet;
  #ending: Ending | null = null;
  /** Whether what stands here is known. Not while something is under way, and not after it failed. */
  #isKnown = false;

  constructor(options: WorldHostOptions) {
    this.#options = options;
  }

  get account() {
    return this.#account;
  }
  get last() {
    return this.#last;
  }
  get ending() {
    return this.#ending;
  }
  get freeShare() {
    return this.#availableBytes / this.plan.capacityBytes;
  }
  get plan(): WorldPlan {
    if (this.#plan === null || !this.#isKnown) throw new RangeError('no world stands here: begin one first');
    return this.#plan;
  }

  /** A fresh sandbox: at the start, and in place of one that failed or cannot be emptied. */
  async renew(): Promise<void> {
    const { open, signal, capacityMiB = 4 } = this.#options;
    this.#letGo();
    await this.#sandbox?.[Symbol.asyncDispose]();
    this.#sandbox = null;
    const spec = {
      files: new Map(),
      mounts: [this.#system.mount],
      limits: { ...limits, diskMiB: capacityMiB },
    };
    this.#sandbox = await open(spec, signal);
    if (this.#sandbox.outside === undefined) {
      throw new SandboxUnavailableError(
        `the sandbox provider ${this.#sandbox.provider} does not show its volumes to the host, so free space cannot be measured from outside; use bubblewrap`,
      );
    }
  }

  async begin(world: WorldPlan | WorldState): Promise<void> {
    const isState = 'image' in world;
    const plan = isState ? world.plan : world;
    const image = isState ? world.image : imageOf(plan);
    const isFresh = this.#plan === null;
    const isReady = isFresh || (this.#isKnown && (await this.#empty()));
    this.#isKnown = false;
    this.#plan = plan;
    if (!isReady) await this.renew();
    this.#bornSeconds = Math.floor(wallClock.now() / 1_000);
    this.#system.show(plan, this.#bornSeconds);
    this.#ending = null;
    this.#last = isState ? world.last : nothingYet;
    this.#account = isState ? world.account : unborn;
    await this.#outside((places) => this.#build(image, places));
    if (!isState) this.#account = { ...unborn, birthBytes: this.#availableBytes };
    const damage = damageTo(plan, this.#found);
    if (damage !== null) throw new SandboxUnavailableError(`the world does not answer at its birth: ${damage}`);
    this.#isKnown = true;
  }

  async act(command: string): Promise<Step> {
    const { commands = 6, commandMs = 10_000, signal } = this.#options;
    const { plan } = this;
    if (this.#ending !== null) throw new RangeError(`the world is ${this.#ending}: begin another one`);
    this.#isKnown = false;
    const exec = { signal, timeoutMs: commandMs, maxOutputBytes };
    const end = await this.#sandbox!.exec(['/bin/sh', '-c', command], exec);
    signal.throwIfAborted();
    const { deltaBytes, grownBytes, damage } = await this.#outside((places) => this.#measure(plan, places));
    const { account, gainBytes } = book(this.#account, deltaBytes, grownBytes);
    this.#account = account;
    this.#ending = this.#endingAfter(damage, account.commands >= commands);
    this.#isKnown = true;
    return this.#step(command, end, { deltaBytes, gainBytes, damage });
  }

  listed(): readonly ListedFile[] {
    return listedFiles(this.#found, new Set(this.#held.keys()), this.plan.system, this.#bornSeconds);
  }

  async state(): Promise<WorldState> {
    const { plan } = this;
    const image = await this.#outside(() => capture(this.#found, this.#held, this.#bornSeconds, plan));
    return { plan, image, account: this.#account, last: this.#last };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isKnown = false;
    this.#letGo();
    await this.#sandbox?.[Symbol.asyncDispose]();
    this.#system[Symbol.dispose]();
  }

  #step(command: string, end: ExecResult, measured: Pick<Step, 'deltaBytes' | 'gainBytes' | 'damage'>): Step {
    const result = resultWordOf(end);
    this.#last = { command, result, change: Math.sign(measured.deltaBytes) as -1 | 0 | 1 };
    return { command, exitCode: end.exitCode, stoppedBy: end.stoppedBy, result, ...measured, ending: this.#ending };
  }

  #outside<T>(work: (places: readonly WritablePlace[]) => T | Promise<T>): Promise<T> {
    return this.#sandbox!.outside!(work);
  }

  /** @returns whether it could be emptied; what a candidate can do to prevent it costs it nothing and gains it nothing. */
  async #empty(): Promise<boolean> {
    this.#letGo();
    return this.#outside((places) => clear(places, skip)).then(
      () => true,
      () => false,
    );
  }

  async #build(image: TreeImage, places: readonly WritablePlace[]): Promise<void> {
    const { capacityBytes } = spaceOf(places);
    const plan = this.#plan!;
    if (capacityBytes !== plan.capacityBytes) {
      throw new RangeError(`a world of ${plan.capacityBytes} bytes cannot stand on a volume of ${capacityBytes}`);
    }
    placeImage(image, places, this.#bornSeconds, (path, fd) => this.#held.set(fstatSync(fd).ino, { path, fd }));
    this.#found = walk(places, skip);
    this.#availableBytes = spaceOf(places).availableBytes;
    this.#countedBytes = this.#counted(this.#availableBytes, this.#account.grownBytes);
  }

  /**
   * What is available, and what the node's own service has taken in the meantime as long as it is there: its growth is
   * nobody's loss, and emptying its log again and again nobody's gain.
   */
  #counted(availableBytes: number, grownBytes: number): number {
    return availableBytes + Math.min(grownBytes, fstatSync(this.#ownLog().fd).blocks * 512);
  }

  #ownLog(): Held {
    return [...this.#held.values()].find(({ path }) => path === this.#plan!.ownLog)!;
  }

  async #measure(plan: WorldPlan, places: readonly WritablePlace[]) {
    const before = this.#countedBytes;
    const space = await settledSpace(places);
    if (space === null) throw new SandboxUnavailableError('free space goes on changing although nothing runs');
    const { commands, grownBytes } = this.#account;
    const counted = this.#counted(space.availableBytes, grownBytes);
    const hindrance = growLog(plan, this.#ownLog().fd, commands);
    this.#found = walk(places, skip);
    const damage = damageTo(plan, this.#found) ?? hindrance;
    this.#availableBytes = spaceOf(places).availableBytes;
    const grown = space.availableBytes - this.#availableBytes;
    this.#countedBytes = this.#counted(this.#availableBytes, grownBytes + grown);
    return { deltaBytes: (damage === null ? counted : 0) - before, grownBytes: grown, damage };
  }

  #endingAfter(damage: string | null, isLast: boolean): Ending | null {
    if (damage !== null) return 'broken';
    const plan = this.#plan!;
    const isEmpty = reclaimableBytes(plan, this.#found) < exhaustedShare * plan.capacityBytes;
    if (isEmpty && !this.#found.isCut) return 'exhausted';
    return isLast ? 'out-of-budget' : null;
  }

  #letGo(): void {
    for (const { fd } of this.#held.values()) closeSync(fd);
    this.#held.clear();
  }
}
