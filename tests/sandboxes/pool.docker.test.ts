import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import { Ceiling } from '../../sandboxes/ceiling.ts';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { createPool } from '../../sandboxes/pool.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { parseRunId } from '../../src/core/ids.ts';
import { createLogger } from '../../src/core/log.ts';
import { never, run, sandboxSpec } from '../conformance/sandbox.suite.ts';
import { countOpened } from '../support/counting-provider.ts';
import { itNeeds } from '../support/require-service.ts';

const status = await createDockerProvider().probe();
const needsDocker = itNeeds('docker', status.usable ? null : `${status.why}; ${status.fix}`);

needsDocker(
  'a warm container that something outside has removed is noticed and replaced, and none is left in the end',
  async () => {
    const name = `pooled-${process.pid}`;
    const containers = () =>
      execFileSync('docker', ['ps', '--all', '--format', '{{.Names}}'], { encoding: 'utf8' })
        .split('\n')
        .filter((line) => line.startsWith(`${name}.`));
    const lines: string[] = [];
    const log = createLogger({
      level: 'info',
      destination: { write: (line) => void lines.push(JSON.parse(line).msg) },
    });
    const counting = countOpened(createDockerProvider());
    const { provider } = counting;
    const limits = { sandboxes: 10, memoryMiB: 100_000, minFreeMemoryMiB: 0 };
    const pool = createPool({ provider, warm: 2, ceiling: new Ceiling(), limits, log });
    onTestFinished(() => Promise.resolve(pool[Symbol.asyncDispose]()));
    const spec = (text: string) => sandboxSpec({ run: parseRunId(name), files: new Map([['name', textFile(text)]]) });
    let used = '';
    {
      await using first = await pool.open(spec('first'), never);
      used = first.id;
      expect((await run(first, ['cat', 'name'])).stdout).toBe('first');
      await expect.poll(() => counting.opened, { timeout: 20_000 }).toBe(3);
    }
    await expect.poll(containers, { timeout: 20_000 }).not.toContain(used);
    const warm = containers();
    expect(warm).toHaveLength(2);
    await promisify(execFile)('docker', ['rm', '--force', warm[0]!]);
    await expect.poll(containers, { timeout: 20_000 }).toEqual([warm[1]]);
    for (const text of ['second', 'third']) {
      await using sandbox = await pool.open(spec(text), never);
      expect((await run(sandbox, ['cat', 'name'])).stdout).toBe(text);
      expect(sandbox.id).not.toBe(warm[0]);
    }
    expect(lines).toEqual(['a warm sandbox was gone']);
    await pool[Symbol.asyncDispose]();
    expect(containers()).toEqual([]);
  },
  90_000,
);
