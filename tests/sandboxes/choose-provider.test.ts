import { describe, expect, it } from 'vitest';
import { chooseProvider } from '../../sandboxes/choose-provider.ts';
import { builtInProviders } from '../../sandboxes/providers.ts';
import type { SandboxProvider } from '../../sandboxes/sandbox.ts';
import { createMemoryProvider } from '../support/memory-sandbox.ts';

function candidate(
  name: string,
  isolation: SandboxProvider['isolation'],
  isUsable: boolean,
  gaps: SandboxProvider['gaps'] = [],
): SandboxProvider {
  const status = isUsable
    ? { usable: true, why: `${name} is there`, fix: '' }
    : { usable: false, why: `${name} is not there`, fix: `install ${name}` };
  return { ...createMemoryProvider(async () => ({})), name, isolation, gaps, probe: async () => status };
}

describe('chooseProvider', () => {
  it('takes one that isolates before one that does not, in whatever order they are given', async () => {
    const weak = candidate('process', 'none', true);
    const strong = candidate('bubblewrap', 'namespaces', true);
    const broken = candidate('docker', 'container', false);
    const chosen = await chooseProvider('auto', [weak, broken, strong]);
    expect(chosen.provider).toBe(strong);
    expect(chosen.status.why).toBe('bubblewrap is there');
  });

  it('takes the one with the fewest gaps, and of equals the one that opens soonest', async () => {
    const container = candidate('docker', 'container', true);
    const whole = candidate('bubblewrap', 'namespaces', true);
    const gappy = candidate('bubblewrap', 'namespaces', true, ['unmapped-memory']);
    const plain = candidate('process', 'none', true);
    expect((await chooseProvider('auto', [plain, container, whole])).provider).toBe(whole);
    expect((await chooseProvider('auto', [plain, gappy, container])).provider).toBe(container);
    expect((await chooseProvider('auto', [plain, gappy])).provider).toBe(gappy);
  });

  it('takes the named one, and never a weaker one in its place', async () => {
    const weak = candidate('process', 'none', true);
    const broken = candidate('bubblewrap', 'namespaces', false);
    expect((await chooseProvider('process', [broken, weak])).provider).toBe(weak);
    await expect(chooseProvider('bubblewrap', [broken, weak])).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: 'bubblewrap: bubblewrap is not there. To fix it: install bubblewrap',
    });
  });

  it('names every reason when nothing works, and the known names when there is no such provider', async () => {
    const none = [candidate('a', 'namespaces', false), candidate('b', 'none', false)];
    await expect(chooseProvider('auto', none)).rejects.toThrow(/a is not there.*\n.*b is not there/);
    await expect(chooseProvider('process', none)).rejects.toThrow('(known: a, b)');
  });

  it('finds something on every system it supports, and says what it relies on', async () => {
    const providers = builtInProviders();
    expect(providers.map((provider) => provider.name)).toEqual(['docker', 'bubblewrap', 'process']);
    const { provider, status } = await chooseProvider('auto', providers);
    expect(status).toMatchObject({ usable: true, fix: '' });
    const reliesOn = { docker: /containers of engine/, bubblewrap: /namespaces/, process: /NO ISOLATION/ };
    expect(status.why).toMatch(reliesOn[provider.name as keyof typeof reliesOn]);
  });
});
