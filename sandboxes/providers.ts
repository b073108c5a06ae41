import { createBubblewrapProvider } from './bubblewrap/create-bubblewrap-provider.ts';
import { createProcessProvider } from './process/create-process-provider.ts';
import type { SandboxProvider } from './sandbox.ts';

/** The built-in providers, strongest first. Making one costs nothing; it looks at the system when used. */
export function builtInProviders(options: { readonly scratchDir?: string } = {}): readonly SandboxProvider[] {
  return [createBubblewrapProvider(options), createProcessProvider(options)];
}
