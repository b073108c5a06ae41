import { expect } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { hostileSuite } from '../conformance/hostile.suite.ts';
import { hostilePrograms, never, run, sandboxSpec, sandboxSuite } from '../conformance/sandbox.suite.ts';
import { itWith } from '../support/require-service.ts';

/** Where `podman system service` listens, such as `unix:///run/podman/podman.sock`. */
const host = process.env.GALAPAGOS_TEST_PODMAN;
if (host === undefined) itWith('podman', 'GALAPAGOS_TEST_PODMAN names no socket');
else {
  const provider = createDockerProvider({ host });
  const { usable, why, fix } = await provider.probe();
  const isPodman = provider.gaps.includes('internal-network');
  const missing = !usable ? `${why}; ${fix}` : isPodman ? null : `the engine at ${host} is not Podman`;
  sandboxSuite('podman', () => provider, missing);
  hostileSuite('podman', () => provider, missing);
  itWith('podman', missing)(
    'a sandbox of Podman shows no name of the host, and no place to write that is not counted',
    async () => {
      await using sandbox = await provider.open(sandboxSpec({ files: hostilePrograms }), never);
      const { stdout } = await run(sandbox, ['cat', '/etc/hosts', '/etc/resolv.conf']);
      expect(stdout).toBe('127.0.0.1 localhost\nnameserver 192.0.2.1\n');
      const find =
        'find / -xdev -type d -writable; for m in $(cut -d " " -f 2 /proc/mounts); do find $m -xdev -type d -writable; done';
      const writable = (await run(sandbox, ['sh', '-c', `{ ${find}; } 2> /dev/null`])).stdout.trim().split('\n');
      const isCounted = (path: string) => /^\/(workspace|tmp|dev\/shm|dev\/mqueue|proc)(\/|$)/.test(path);
      expect(writable.filter((path) => !isCounted(path))).toEqual([]);
    },
  );
}
