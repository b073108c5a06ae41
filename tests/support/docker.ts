import Docker from 'dockerode';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';

/** Why the docker provider cannot be used here, or `null` when it can. */
export async function dockerMissing(provider: SandboxProvider = createDockerProvider()): Promise<string | null> {
  const status = await provider.probe();
  return status.usable ? null : `${status.why}; ${status.fix}`;
}

export const engine = new Docker();

/** Containers and networks of a run that the engine still has, running or not. */
export async function thingsOf(run: string): Promise<string[]> {
  const filters = { label: [`galapagos.run=${run}`] };
  const containers = await engine.listContainers({ all: true, filters });
  const networks = await engine.listNetworks({ filters });
  return [...containers.map(({ Names }) => Names.join()), ...networks.map(({ Name }) => Name)];
}
