import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished } from 'vitest';
import { cli, tinyRun } from '../cli/run-cli.ts';
import { dockerMissing, engine } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const missing = await dockerMissing();

describe('a run in docker sandboxes', () => {
  const test = itNeeds('docker', missing);

  test('makes the commits that it makes elsewhere, and records its image', async () => {
    const out = mkdtempSync(join(tmpdir(), 'gal-runs-'));
    onTestFinished(() => rmSync(out, { recursive: true, force: true }));
    const commits = async (provider: string) => {
      const argv = tinyRun.map((word) => (word === 'process' ? provider : word));
      const end = await cli([...argv, '--set', 'budget.generations=2', '--out', join(out, provider)]);
      expect(end.exitCode, end.stderr).toBe(0);
      const repository = join(out, provider, 'packing-paired-1', 'lineage');
      return execFileSync(
        'git',
        ['-C', repository, 'for-each-ref', '--format=%(refname) %(objectname)', 'refs/attempts'],
        {
          encoding: 'utf8',
        },
      );
    };
    expect(await commits('docker')).toBe(await commits('process'));
    const manifest = JSON.parse(readFileSync(join(out, 'docker', 'packing-paired-1', 'config.json'), 'utf8'));
    const { Id } = await engine.getImage('galapagos-sandbox').inspect();
    expect(manifest).toMatchObject({ sandbox: 'docker', sandboxDetails: { image: Id } });
  }, 300_000);
});
