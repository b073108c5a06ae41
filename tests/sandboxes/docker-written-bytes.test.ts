import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, onTestFinished, it as plain } from 'vitest';
import { writtenByChildrenOf } from '../../sandboxes/docker/written-bytes.ts';

const it = existsSync('/proc/self/io') ? plain : plain.skip;

/** Starts a process that says `ready` once what its program does first is done. */
async function start(program: string) {
  const child = spawn('sh', ['-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child.pid!;
}

describe('what the ended children of a process have written', () => {
  it('is counted without what the process writes itself', async () => {
    const pid = await start(
      'head -c 70000 /dev/zero > /dev/null; (head -c 3000 /dev/zero) > /dev/null; echo ready; read _',
    );
    expect(writtenByChildrenOf(pid)).toBe(73_000);
  });

  it('is exact or not known, never less, while the process writes', async () => {
    const pid = await start(
      'head -c 5000 /dev/zero > /dev/null; echo ready; while true; do i=0; while [ $i -lt 300 ]; do echo > /dev/null; i=$((i+1)); done; read -t 0.001 _ 2> /dev/null; done',
    );
    const seen = new Set(Array.from({ length: 2_000 }, () => writtenByChildrenOf(pid)));
    expect([...seen].filter((bytes) => bytes !== 5_000 && bytes !== null)).toEqual([]);
  });
});
