import { createBubblewrapProvider } from './bubblewrap/create-bubblewrap-provider.ts';
import { createDockerProvider, type DockerOptions } from './docker/create-docker-provider.ts';
import { createProcessProvider } from './process/create-process-provider.ts';
import type { SandboxProvider } from './sandbox.ts';

export interface ProviderOptions {
  readonly scratchDir?: string;
  readonly docker?: Pick<DockerOptions, 'image' | 'runtime'>;
}

/** The built-in providers. Making one costs nothing; it looks at the system when used. */
export function builtInProviders({ docker, ...options }: ProviderOptions = {}): readonly SandboxProvider[] {
  return [
    createDockerProvider({ ...options, ...docker }),
    createBubblewrapProvider(options),
    createProcessProvider(options),
  ];
}
