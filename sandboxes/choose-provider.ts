import { SandboxUnavailableError } from '../src/core/errors.ts';
import type { ProviderStatus, SandboxProvider } from './sandbox.ts';

export type ProviderName = 'auto' | 'docker' | 'bubblewrap' | 'process';

export interface ChosenProvider {
  readonly provider: SandboxProvider;
  readonly status: ProviderStatus;
}

/** Where two isolate alike, what opens sooner comes first: namespaces take milliseconds, a container half a second. */
const byCost: readonly SandboxProvider['isolation'][] = ['namespaces', 'container', 'none'];

/**
 * Takes the named provider, or with `auto`, of those that work here, one that
 * isolates with the fewest gaps; among equals the cheapest. Whether code may run on the one found is not decided here.
 *
 * @throws {SandboxUnavailableError} with each candidate's reason and remedy when none works.
 */
export async function chooseProvider(
  name: ProviderName,
  providers: readonly SandboxProvider[],
): Promise<ChosenProvider> {
  const candidates = providers
    .filter((provider) => name === 'auto' || provider.name === name)
    .sort((a, b) => weakness(a) - weakness(b) || byCost.indexOf(a.isolation) - byCost.indexOf(b.isolation));
  const refusals: string[] = [];
  for (const provider of candidates) {
    const status = await provider.probe();
    if (status.usable) return { provider, status };
    refusals.push(`${provider.name}: ${status.why}. To fix it: ${status.fix}`);
  }
  const known = providers.map((provider) => provider.name).join(', ');
  throw new SandboxUnavailableError(
    refusals.length > 0
      ? refusals.join('\n')
      : `there is no sandbox provider ${JSON.stringify(name)} (known: ${known})`,
  );
}

/** How many of the guarantees that every provider is tested for it declares not to give. */
function weakness({ isolation, gaps }: SandboxProvider): number {
  return isolation === 'none' ? Number.MAX_SAFE_INTEGER : gaps.length;
}
