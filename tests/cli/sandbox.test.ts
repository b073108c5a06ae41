import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { dockerMissing, engine } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';
import { cli } from './run-cli.ts';

const here = (...argv: string[]) => ['sandbox', 'exec', '--provider', 'process', '--', ...argv];
const missing = await dockerMissing();

describe('galapagos sandbox exec', () => {
  it('shows what a command prints, then how it ended, and ends as the command did', async () => {
    const end = await cli(here('sh', '-c', 'echo out; echo err >&2; exit 7'));
    expect(end).toMatchObject({ exitCode: 7, stdout: 'out\n' });
    const [printed, report] = end.stderr.split('\n');
    expect(printed).toBe('err');
    expect(report).toMatch(/^process: exit code 7, wall \d+ ms, cpu (unknown|\d+ ms), peak memory .+, written .+$/);
  });

  it('says which signal or limit ended a command, as a shell does', async () => {
    const killed = await cli(here('sh', '-c', 'kill -TERM $$'));
    expect(killed.exitCode).toBe(143);
    expect(killed.stderr).toContain('process: ended by SIGTERM,');
    const late = await cli(['sandbox', 'exec', '--provider', 'process', '--timeout', '0.2', '--', 'sleep', '20']);
    expect(late.exitCode).toBe(137);
    expect(late.stderr).toContain('(stopped: timeout)');
  });

  it('puts the files of a directory into the workspace, and leaves the directory as it is', async () => {
    const files = mkdtempSync(join(tmpdir(), 'gal-cli-'));
    onTestFinished(() => rmSync(files, { recursive: true, force: true }));
    writeFileSync(join(files, 'hello.txt'), 'from the host');
    const argv = ['sandbox', 'exec', '--provider', 'process', '--files', files, '--', 'sh', '-c'];
    expect((await cli([...argv, 'cat hello.txt; rm hello.txt; ls'])).stdout).toBe('from the host');
    expect((await cli([...argv, 'cat hello.txt'])).stdout).toBe('from the host');
  });

  it('lets a terminal obey nothing that a command prints, and changes nothing of it elsewhere', async () => {
    const print = here('printf', String.raw`a\033[2Jb\n`);
    expect((await cli(print)).stdout).toBe('a\u001b[2Jb\n');
    expect((await cli(print, { terminal: { columns: 80, rows: 24 } })).stdout).toBe('a␛[2Jb\n');
  });

  it('prints one document for machines', async () => {
    const { exitCode, stdout, stderr } = await cli([
      'sandbox',
      'exec',
      '--json',
      '--provider',
      'process',
      '--',
      'echo',
      'x',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ provider: 'process', exitCode: 0, stdout: 'x\n', stoppedBy: 'exit' });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('names the providers when there is none of that name', async () => {
    const { exitCode, stderr } = await cli(['sandbox', 'exec', '--provider', 'dokcer', '--', 'true']);
    expect(exitCode).toBe(exitCodes.failed);
    expect(stderr).toMatch(/no sandbox provider "dokcer" \(known: docker, bubblewrap, process\)/);
  });

  itNeeds('docker', missing)('runs it in a container when asked, and knows what it took', async () => {
    const argv = ['sandbox', 'exec', '--provider', 'docker', '--json', '--', 'sh', '-c', 'id -u; hostname'];
    expect(JSON.parse((await cli(argv)).stdout)).toMatchObject({ provider: 'docker', stdout: '1000\nsandbox\n' });
    const wrong = await cli(['sandbox', 'exec', '--provider', 'docker', '--image', 'no-such-image', '--', 'true']);
    expect(wrong.exitCode).toBe(exitCodes.failed);
    expect(wrong.stderr).toContain('npx galapagos sandbox build --tag no-such-image');
  });

  it.each([
    [['sandbox'], /Commands:[\s\S]*build[\s\S]*exec/],
    [['sandbox', 'exec'], /missing required argument 'command'/],
    [['sandbox', 'exec', '--timeout', 'soon', '--', 'true'], /Expected seconds/],
    [['sandbox', 'build', '--from', 'a', '--rootfs', 'b'], /cannot be used with/],
  ])('explains itself when misused: %j', async (argv, message) => {
    const { exitCode, stderr } = await cli(argv);
    expect(exitCode).toBe(exitCodes.usage);
    expect(stderr).toMatch(message);
  });
});

describe('galapagos sandbox build', () => {
  const test = itNeeds('docker', missing);

  test.each([
    [['--from', 'no-such-image'], /no image no-such-image; docker pull no-such-image/],
    [['--rootfs', '/no/such/place'], /no file or directory \/no\/such\/place/],
  ])('says what it cannot be made of: %j', async (argv, message) => {
    const { exitCode, stdout, stderr } = await cli(['sandbox', 'build', ...argv]);
    expect({ exitCode, stdout }).toEqual({ exitCode: exitCodes.failed, stdout: '' });
    expect(stderr).toMatch(message);
  });

  test('makes an image of another one, tells each step, and what it holds', async () => {
    const tag = `gal-test-cli-${process.pid}`;
    const { exitCode, stdout, stderr } = await cli(['sandbox', 'build', '--from', 'galapagos-sandbox', '--tag', tag]);
    const again = await cli(['sandbox', 'exec', '--provider', 'docker', '--image', tag, '--', 'node', '-p', '1+1']);
    await engine.getImage(tag).remove({ force: true });
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toBe('importing it with Node of this host …\ntrying it …\n');
    expect(stdout).toMatch(new RegExp(`^${tag} is ready: \\d+ MiB, made in `));
    expect(stdout).toContain(`node    ${process.version}, the one this program runs on`);
    expect(again.stdout).toBe('2\n');
  }, 60_000);
});
