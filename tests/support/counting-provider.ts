import type { SandboxProvider } from '../../sandboxes/sandbox.ts';

/** The provider, and how many sandboxes it has opened: completely, not only begun to. */
export function countOpened(provider: SandboxProvider): { readonly provider: SandboxProvider; opened: number } {
  const counting = {
    opened: 0,
    provider: {
      ...provider,
      async open(...request: Parameters<SandboxProvider['open']>) {
        const sandbox = await provider.open(...request);
        counting.opened += 1;
        return sandbox;
      },
    },
  };
  return counting;
}
