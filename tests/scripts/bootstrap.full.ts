import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createCheckout, removeCheckouts } from './checkout-fixture.ts';

const bootstrap = (...args: string[]) => [process.execPath, 'scripts/bootstrap.mjs', ...args];

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
