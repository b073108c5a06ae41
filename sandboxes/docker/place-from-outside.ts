import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { GenomeInvalidError } from '../../src/core/errors.ts';
import type { FileTree } from '../../src/core/file-tree.ts';
import { placeTree } from '../place-tree.ts';
import { inside } from './image-layout.ts';

/**
 * Writes files into the workspace of a container from the host, which takes a
 * fraction of what a process inside takes. Only for a workspace that nothing
 * has run in, so that no name in it leads anywhere else.
 * @param pid - Process 1 of the container, as this host numbers it.
 * @param reserved - Names at the top level that belong to the runtime.
 * @returns whether it could: not without root's rights over other processes' files, or once the container is gone.
 * @throws {GenomeInvalidError} naming the path that does not fit on the volume.
 */
export function placeFromOutside(
  { pid, containerId }: { readonly pid: number; readonly containerId: string },
  files: FileTree,
  reserved: ReadonlySet<string>,
): boolean {
  if (process.getuid?.() !== 0) return false;
  let workspace: number | null = null;
  try {
    const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
    workspace = openSync(`/proc/${pid}/root${inside.workspace}`, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    // Asked now that the directory is held: whoever has the number afterwards had it before.
    if (!readFileSync(`/proc/${pid}/cgroup`, 'latin1').includes(containerId)) return false;
    placeTree(`/proc/self/fd/${workspace}/.`, files, reserved, fstatSync(workspace));
    return true;
  } catch (error) {
    if (error instanceof GenomeInvalidError) throw error;
    return false;
  } finally {
    if (workspace !== null) closeSync(workspace);
  }
}
