import { once } from 'node:events';
import { chmodSync, existsSync, utimesSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Checkout, copyCheckout, createCheckout, removeCheckouts } from './checkout-fixture.ts';

const bootstrap = (...args: string[]) => [process.execPath, 'scripts/bootstrap.mjs', ...args];

// npm and the compiler run for real, and a busy machine is slow at that.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let prepared: Checkout;
beforeAll(async () => {
  prepared = createCheckout();
  await prepared.run(bootstrap('build'));
});
afterAll(removeCheckouts);

describe('npm start in a fresh checkout', () => {
  it('installs and builds once, then starts at once, also from another folder', async () => {
    const checkout = createCheckout();
    const first = await checkout.run(['npm', '--prefix', checkout.dir, 'start', '--', '--seed', '3'], { cwd: '/' });
    expect(first.stderr).toMatch(/Installing dependencies \(first run only\)…\nInstalled in \d+\.\d s\./);
    expect(first.stderr).toMatch(/Building…\nBuilt in \d+\.\d s\./);
    expect(first.stdout).toContain('main ["run","packing","--seed","3"]');
    expect(first.code).toBe(0);

    const second = await checkout.run(bootstrap('start', '--fail'));
    expect(second).toEqual({ code: 7, stdout: 'main ["run","packing","--fail"]\n', stderr: '' });
  });
});

describe('a prepared checkout', () => {
  it('runs the fast tests, or all of them, with the arguments given', async () => {
    const checkout = copyCheckout(prepared);
    expect((await checkout.run(bootstrap('test', 'tests/core'))).stdout).toBe('vitest ["run","tests/core"] -\n');
    expect((await checkout.run(bootstrap('test:full'))).stdout).toBe('vitest ["run"] 1\n');
    await checkout.run(bootstrap('build'));
    expect(checkout.read('builds.log')).toBe('xx');
  });

  it('starts packing and then finches, which may be skipped; with arguments packing alone', async () => {
    const checkout = copyCheckout(prepared);
    const both = await checkout.run(bootstrap('start'));
    expect(both.stdout.split('\n')).toEqual([
      'main ["run","packing"]',
      expect.stringMatching(/^main \["run",".*finches.*quick.yaml","--skip-without-sandbox"\]$/),
      '',
    ]);
    expect(both.code).toBe(0);
  });

  it('passes a request to stop on, once, and ends as the command ended', async () => {
    const checkout = copyCheckout(prepared);
    const { child, done } = checkout.start(bootstrap('start', '--wait'));
    for (let seen = ''; !seen.includes('waiting'); ) seen += String((await once(child.stdout!, 'data'))[0]);
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    const outcome = await done;
    expect(outcome.code).toBe(130);
    expect(outcome.stdout.match(/stopping/g)).toHaveLength(1);
  });

  it('names the commands there are, for one that there is not', async () => {
    const checkout = copyCheckout(prepared);
    for (const command of [[], ['toString']]) {
      const outcome = await checkout.run(bootstrap(...command));
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain('start|test|test:full|build');
    }
  });
});

describe('what cannot work', () => {
  it('is said with advice when npm cannot install', async () => {
    const checkout = createCheckout();
    checkout.write('package-lock.json', '{"name":"galapagos","lockfileVersion":3,"packages":{}}');
    const outcome = await checkout.run(bootstrap('start'));
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('The dependencies could not be installed');
    expect(outcome.stderr).toContain('npm error');
  });

  it.each([
    ['an old git', 'echo git version 2.20.1', 'this is 2.20.1'],
    ['no git', 'exit 127', 'none was found'],
  ])('is said before anything else with %s', async (_what, body, found) => {
    const checkout = createCheckout();
    checkout.write('bin/git', `#!/bin/sh\n${body}\n`);
    chmodSync(join(checkout.dir, 'bin/git'), 0o755);
    const env = { PATH: join(checkout.dir, 'bin') + delimiter + process.env.PATH };
    const outcome = await checkout.run(bootstrap('start'), { env });
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(`Galapagos needs git 2.32 or newer; ${found}.`);
    expect(existsSync(join(checkout.dir, 'node_modules'))).toBe(false);
  });
});

describe('npx galapagos', () => {
  it('runs what was built in this checkout, and asks no registry', async () => {
    const checkout = copyCheckout(prepared);
    const outcome = await checkout.run(['npx', 'galapagos', 'ls', '--json']);
    expect(outcome).toMatchObject({ code: 0, stdout: 'main ["ls","--json"]\n' });
  });

  it('says that sources are newer than what it runs, until they are built', async () => {
    const checkout = copyCheckout(prepared);
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(checkout.dir, 'src/cli/main.ts'), later, later);
    const galapagos = [process.execPath, 'scripts/galapagos.mjs', 'ls'];
    const outcome = await checkout.run(galapagos);
    expect(outcome).toMatchObject({ code: 0, stdout: 'main ["ls"]\n' });
    expect(outcome.stderr).toMatch(/sources are newer than the build.*npm run build\n$/);
    utimesSync(join(checkout.dir, 'dist/.build'), later, later);
    expect((await checkout.run(galapagos)).stderr).toBe('');
  });

  it('says what to run when nothing is installed', async () => {
    const checkout = createCheckout();
    const outcome = await checkout.run([process.execPath, 'scripts/galapagos.mjs', 'ls']);
    expect(outcome).toEqual({ code: 1, stdout: '', stderr: 'Galapagos is not built yet. Run: npm run build\n' });
  });
});
