import { mkdirSync, realpathSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBubblewrapProvider } from '../../sandboxes/bubblewrap/create-bubblewrap-provider.ts';
import { findPython, isPythonAlone } from '../../sandboxes/bubblewrap/python.ts';
import { never, run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';

const status = await createBubblewrapProvider().probe();
/** An installation outside the system directories, as if those had no Python. */
const elsewhere = findPython([]);
const missing = elsewhere === null ? 'here python3 comes from /usr, or not at all' : status.usable ? null : status.why;

describe("the runtime's Python in a bubblewrap sandbox", () => {
  const title = 'is found and works when it lies outside the system directories, and nothing beside it is shown';
  it.skipIf(missing !== null)(missing === null ? title : `${title} (not tried: ${missing})`, async () => {
    const prefix = elsewhere!;
    await using provider = createBubblewrapProvider({ python: prefix });
    await using sandbox = await provider.open(sandboxSpec(), never);
    const script =
      'import ctypes, json, os, ssl, sys; print(json.dumps([sys.base_prefix, os.environ["PATH"].split(":")]))';
    const end = await run(sandbox, [`${prefix}/bin/python3`, '-c', script]);
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    const [seen, path] = JSON.parse(end.stdout);
    expect(seen).toBe(prefix);
    // Last, so that what lies beside it hides no program of the system.
    expect(path.at(-1)).toBe(`${prefix}/bin`);
    const write = await run(sandbox, ['sh', '-c', `touch ${prefix}/x || touch ${dirname(prefix)}/x`]);
    expect(write.exitCode).not.toBe(0);
    // Every directory on the way holds the next one and nothing else.
    for (let at = prefix; at !== '/'; at = dirname(at)) {
      const { stdout } = await run(sandbox, ['ls', '-A', dirname(at)]);
      if (dirname(at) !== '/') expect(stdout).toBe(`${at.slice(dirname(at).length).replace('/', '')}\n`);
    }
  });
});

describe('where Python is looked for', () => {
  it('is nowhere when the system has one', () => {
    const system = tempDirectory();
    symlinkSync(realpathSync('/bin/sh'), join(system, 'python3'));
    expect(findPython([system])).toBeNull();
  });

  it('is never a directory that holds more than an installation', () => {
    const prefix = join(tempDirectory(), 'python');
    mkdirSync(join(prefix, 'bin'), { recursive: true });
    expect(isPythonAlone(prefix)).toBe(false);
    symlinkSync(realpathSync('/bin/sh'), join(prefix, 'bin', 'python3'));
    // Below the temporary directory a command has its own.
    expect(isPythonAlone(prefix)).toBe(!prefix.startsWith('/tmp/'));
    for (const path of ['/', '/opt', homedir(), dirname(homedir()), '/usr', '/usr/local', 'python', '/opt/../usr']) {
      expect(isPythonAlone(path), path).toBe(false);
    }
  });
});
