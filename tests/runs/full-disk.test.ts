import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hill, repository, scratchDir } from '../support/example-run.ts';
import { itNeeds } from '../support/require-service.ts';

function namespacesMissing(): string | null {
  try {
    execFileSync('unshare', ['-rm', 'true'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'unshare -rm does not work here';
  }
}

describe('a full disk', () => {
  itNeeds('user namespaces', namespacesMissing())(
    'stops the run with a clear error, and the run resumes once there is space',
    async () => {
      const dir = scratchDir();
      const main = join(repository, 'dist', 'src', 'cli', 'main.js');
      // A volume of its own, seen by nobody else, that is filled and then enlarged.
      const script = `
      mount -t tmpfs -o size=400k none "$1" || exit 99
      node "$2" run "$3" --arm solo --set budget.generations=8 --out "$1" --json >/dev/null; echo "first $?"
      mount -o remount,size=64m "$1"
      node "$2" resume "$1/hill-solo-1" --json >/dev/null; echo "second $?"
      git -C "$1/hill-solo-1/lineage" fsck --strict --no-dangling && echo "repository sound"
      grep -c '"type":"lineage.finished"' "$1/hill-solo-1/journal.jsonl"`;
      const { stdout, stderr } = await new Promise<{ stdout: string; stderr: string }>((done) =>
        execFile(
          'unshare',
          ['-rm', 'sh', '-c', script, 'sh', dir, main, hill],
          { timeout: 110_000 },
          (_error, stdout, stderr) => done({ stdout, stderr }),
        ),
      );
      expect(stdout, stderr).toMatch(/first 1\n/);
      expect(stderr).toMatch(/free some space|ENOSPC|cannot (write|be written)/i);
      expect(stdout, stderr).toMatch(/second 0\n[\s\S]*repository sound\n18\n/);
    },
    120_000,
  );
});
