import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { tempDirectory } from '../conformance/sandbox.suite.ts';
import { itNeeds } from '../support/require-service.ts';

const status = await createBubblewrapProvider().probe();
const mountChurn = fileURLToPath(new URL('../fixtures/hosts/mount-churn.py', import.meta.url));
const manySandboxes = fileURLToPath(new URL('../fixtures/hosts/many-sandboxes.ts', import.meta.url));
const jiti = fileURLToPath(new URL('../../node_modules/.bin/jiti', import.meta.url));

describe('bubblewrap beside an engine for containers', () => {
  const missing = process.getuid?.() === 0 ? null : 'only root can mount';
  const test = itNeeds('bubblewrap and root', status.usable ? missing : `${status.why}; ${status.fix}`);

  test('opens sandboxes while mounts of the host come and go', async () => {
    const [scratch, churn] = ['scratch', 'churn'].map((name) => join(tempDirectory(), name)) as [string, string];
    for (const path of [scratch, churn]) mkdirSync(path);
    // In mounts of its own, so that nothing stays on the host.
    const both = 'exec 3<&0; python3 "$1" "$2" <&3 >/dev/null & shift 2; "$@" </dev/null';
    const words = ['--mount', 'sh', '-c', both, 'both', mountChurn, churn];
    const child = spawn('unshare', [...words, jiti, manySandboxes, scratch, '60']);
    const complaint = text(child.stderr);
    const said = await text(child.stdout);
    child.stdin.end();
    expect(await complaint).toBe('');
    expect(said).toBe('60\n');
  }, 120_000);
});
