import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
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

describe('a checkout', () => {
  it('prepares one checkout once when three commands start together', async () => {
    const checkout = createCheckout();
    const outcomes = await Promise.all([1, 2, 3].map((n) => checkout.run(bootstrap('start', String(n)))));
    expect(outcomes.map((o) => o.code)).toEqual([0, 0, 0]);
    expect(outcomes.filter((o) => o.stderr.includes('Installing'))).toHaveLength(1);
    expect(checkout.read('builds.log')).toBe('x');
    expect(existsSync(join(checkout.dir, 'dist/.bootstrap-lock'))).toBe(false);
  });

  it('takes over from a process that died while it prepared', async () => {
    const checkout = createCheckout();
    const dead = checkout.start([process.execPath, '-e', '']);
    await dead.done;
    checkout.write('dist/.bootstrap-lock', String(dead.child.pid));
    expect((await checkout.run(bootstrap('start'))).code).toBe(0);
  });

  it('is installed again when the lock file names other versions, or when an install did not finish', async () => {
    const checkout = createCheckout();
    await checkout.run(bootstrap('start'));
    checkout.write('vendor/vitest/package.json', '{"name":"vitest","version":"1.0.1"}');
    const lock = JSON.parse(checkout.read('package-lock.json')) as { packages: Record<string, { version?: string }> };
    lock.packages['vendor/vitest']!.version = '1.0.1';
    checkout.write('package-lock.json', JSON.stringify(lock));
    expect((await checkout.run(bootstrap('start'))).stderr).toContain('package-lock.json changed');
    expect((await checkout.run(bootstrap('start'))).stderr).toBe('');
    for (const file of ['.galapagos-install', '.package-lock.json']) {
      rmSync(join(checkout.dir, 'node_modules', file), { force: true });
    }
    expect((await checkout.run(bootstrap('start'))).stderr).toContain('Installing dependencies');
  });

  it('is left as it is when somebody ran npm ci by hand', async () => {
    const checkout = createCheckout();
    expect((await checkout.run(['npm', 'ci'])).code).toBe(0);
    expect((await checkout.run(bootstrap('start'))).stderr).not.toContain('Installing');
  });
});

describe('a prepared checkout', () => {
  it('is built again when a source changed, and not when only its date did', async () => {
    const checkout = copyCheckout(prepared);
    checkout.write('src/cli/main.ts', checkout.read('src/cli/main.ts'));
    expect((await checkout.run(bootstrap('start'))).stderr).toBe('');
    checkout.write('src/cli/main.ts', "declare const console: any; console.log('changed'); export {};");
    expect(await checkout.run(bootstrap('start'))).toMatchObject({ code: 0, stdout: 'changed\nchanged\n' });
    expect(checkout.read('builds.log')).toBe('xx');
  });

  it('holds nothing that was built from a source that is gone', async () => {
    const checkout = copyCheckout(prepared);
    checkout.write('src/old.ts', 'export const old = 1;');
    await checkout.run(bootstrap('start'));
    expect(existsSync(join(checkout.dir, 'dist/src/old.js'))).toBe(true);
    rmSync(join(checkout.dir, 'src/old.ts'));
    await checkout.run(bootstrap('start'));
    expect(existsSync(join(checkout.dir, 'dist/src/old.js'))).toBe(false);
    expect(existsSync(join(checkout.dir, 'dist/src/cli/main.js'))).toBe(true);
  });

  it('shows the messages of a build that fails, starts nothing, and tries again next time', async () => {
    const checkout = copyCheckout(prepared);
    checkout.write('src/cli/main.ts', 'export const n: number = "text";');
    for (let i = 0; i < 2; i += 1) {
      const failed = await checkout.run(bootstrap('start'));
      expect(failed).toMatchObject({ code: 1, stdout: '' });
      expect(failed.stderr).toContain('src/cli/main.ts');
      expect(failed.stderr).toContain('The build failed');
    }
  });
});

describe('the command galapagos', () => {
  it('builds first when it is installed and not built, and says so beside the results', async () => {
    const checkout = copyCheckout(prepared);
    rmSync(join(checkout.dir, 'dist'), { recursive: true });
    const outcome = await checkout.run([process.execPath, 'scripts/galapagos.mjs', 'ls']);
    expect(outcome).toMatchObject({ code: 0, stdout: 'main ["ls"]\n' });
    expect(outcome.stderr).toContain('Building…');
  });
});
