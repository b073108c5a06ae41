import { places } from './families.ts';
import { pageBytes, type WorldPlan } from './plan.ts';

/**
 * The same world with every file read-only and every directory closed to writing: nothing can be freed by one command,
 * and nearly everything by two, of which the first takes a right back (`chmod`). What lies in temporary places, whose
 * directories nobody can close, is left out, and the service's own log, which has to stay writable, is too small to be
 * of interest.
 */
export function closedWorld(plan: WorldPlan): WorldPlan {
  const isTemporary = (path: string) => path.startsWith(`${places.temporary}/`) || path.startsWith(`${places.memory}/`);
  const files = plan.files
    .filter(({ path }) => !isTemporary(path))
    .map((file) => (file.path === plan.ownLog ? { ...file, size: pageBytes } : { ...file, mode: 0o444 }));
  return {
    ...plan,
    files,
    directories: plan.directories.map(({ path }) => ({ path, mode: 0o555 })),
    links: plan.links.filter(({ path, target }) => !isTemporary(path) && !isTemporary(target)),
  };
}
