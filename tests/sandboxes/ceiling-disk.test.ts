import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createProcessProvider } from '../../sandboxes/process/create-process-provider.ts';
import { freeDiskMiB } from '../../sandboxes/scratch.ts';
import { never, sandboxSpec } from '../conformance/sandbox.suite.ts';

it('opens no sandbox whose volume is the disk when the disk has less left than it may write', async () => {
  const scratchDir = mkdtempSync(join(tmpdir(), 'gal-test-'));
  onTestFinished(() => rmSync(scratchDir, { recursive: true, force: true }));
  await using provider = createProcessProvider({ scratchDir });
  const { limits } = sandboxSpec();
  const diskMiB = freeDiskMiB(scratchDir) + 10_000;
  await expect(provider.open(sandboxSpec({ limits: { ...limits, diskMiB } }), never)).rejects.toMatchObject({
    code: 'SANDBOX_UNAVAILABLE',
    message: expect.stringMatching(
      new RegExp(`MiB of disk left, and a sandbox may write ${diskMiB} \\(sandbox.diskMiB\\)`),
    ),
  });
  expect(readdirSync(join(scratchDir, 'process'))).toEqual([]);
  await using _sandbox = await provider.open(sandboxSpec(), never);
});
