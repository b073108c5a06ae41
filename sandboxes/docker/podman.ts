import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import type { SandboxGap } from '../sandbox.ts';
import { ask } from './engine.ts';
import { systemCallFilter } from './system-calls.ts';

/** It gives the host an address on every network, so its sandboxes have none. */
export const podmanGaps: readonly SandboxGap[] = ['internal-network'];

/** Whether the engine is Podman's, which speaks Docker's language but for some words. */
export async function speaksPodman(engine: Docker): Promise<boolean> {
  const { Components } = await ask('the engine cannot be used', engine.version());
  return Components?.some(({ Name }) => Name === 'Podman Engine') === true;
}

/** What it takes from files where Docker's own engine takes it as text, or makes it up. */
export interface PodmanFiles {
  /** The filter of system calls. */
  readonly filter: string;
  /** By path inside: what it would otherwise copy from the host, with the names of other machines. */
  readonly inPlaceOfTheHosts: ReadonlyMap<string, string>;
}

/** @param nameServer - Where names are asked for. */
export function writePodmanFiles(scratch: string, nameServer: string): PodmanFiles {
  const write = (name: string, text: string) => {
    const path = join(scratch, name);
    writeFileSync(path, text, { mode: 0o644 });
    return path;
  };
  return {
    filter: write('system-calls.json', systemCallFilter),
    inPlaceOfTheHosts: new Map([
      ['/etc/hosts', write('hosts', '127.0.0.1 localhost\n')],
      ['/etc/resolv.conf', write('resolv.conf', `nameserver ${nameServer}\n`)],
    ]),
  };
}

/** Where it would otherwise make volumes of its own, beside those that are counted. */
export const podmanVolumes: Readonly<Record<string, string>> = { '/var/tmp': 'ro,nosuid,nodev,noexec,size=4096' };

/**
 * It has no word for how many files a volume may hold, so root says it to the kernel. For anybody else the limit of
 * memory is the limit of files too: an empty one takes a kibibyte of it.
 * @param pid - Process 1 of the container.
 * @param limits - How many files and directories, by where the volume is inside.
 */
export async function limitFiles(pid: number, limits: Readonly<Record<string, number>>): Promise<void> {
  if (process.getuid?.() !== 0) return;
  for (const [place, inodes] of Object.entries(limits)) {
    try {
      await promisify(execFile)('mount', ['-N', `${pid}`, '-o', `remount,nr_inodes=${inodes}`, place]);
    } catch (cause) {
      throw new SandboxUnavailableError('the number of files could not be limited', { cause });
    }
  }
}
