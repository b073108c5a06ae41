import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createDockerProvider } from '../../sandboxes/docker/create-docker-provider.ts';
import { buildImage } from '../../sandboxes/docker/image/build-image.ts';
import type { RootfsSource } from '../../sandboxes/docker/image/rootfs-source.ts';
import { layoutVersion } from '../../sandboxes/docker/image-layout.ts';
import { never, run, sandboxSpec, tempDirectory } from '../conformance/sandbox.suite.ts';
import { dockerMissing, engine } from '../support/docker.ts';
import { itNeeds } from '../support/require-service.ts';

const missing = await dockerMissing();

describe('a docker provider that cannot be used', () => {
  it('names the engine that does not answer, and how to start it', async () => {
    expect(await createDockerProvider({ host: 'unix:///no/such.sock' }).probe()).toMatchObject({
      usable: false,
      why: expect.stringContaining('no Docker engine answers at /no/such.sock'),
      fix: expect.stringContaining('systemctl start docker'),
    });
    expect((await createDockerProvider({ host: 'tcp://127.0.0.1:1' }).probe()).why).toContain('127.0.0.1:1');
    await expect(
      createDockerProvider({ host: 'unix:///no/such.sock' }).open(sandboxSpec(), never),
    ).rejects.toMatchObject({ code: 'SANDBOX_UNAVAILABLE', message: expect.stringContaining('to fix it:') });
  });

  const test = itNeeds('docker', missing);

  test('names the image that is missing, and the command that makes it', async () => {
    expect(await createDockerProvider({ image: 'no-such-image' }).probe()).toEqual({
      usable: false,
      why: 'there is no image no-such-image',
      fix: 'npx galapagos sandbox build --tag no-such-image',
    });
  });

  test('names the runtime that the engine does not have', async () => {
    const status = await createDockerProvider({ runtime: 'no-such-runtime' }).probe();
    expect(status).toMatchObject({ usable: false, why: expect.stringContaining('no runtime no-such-runtime') });
    expect(status.fix).toContain('daemon.json');
  });
});

describe('the image of the docker sandbox', () => {
  const test = itNeeds('docker', missing);
  const build = (source: RootfsSource, tag: string, steps: string[] = []) =>
    buildImage({ source, tag, version: '0.0.0-test', signal: never, onStep: (what) => steps.push(what) });

  test('is recorded with what it was made of, and holds the Node of this process', async () => {
    const { Config, Id } = await engine.getImage('galapagos-sandbox').inspect();
    expect(Config.Labels).toMatchObject({
      'galapagos.layout': layoutVersion,
      'galapagos.from': expect.stringMatching(/./),
      'galapagos.version': expect.stringMatching(/^\d+\.\d+/),
    });
    const provider = createDockerProvider();
    expect(await provider.details!()).toEqual({ image: Id });
    await using sandbox = await provider.open(sandboxSpec(), never);
    expect((await run(sandbox, ['node', '-p', 'process.version'])).stdout.trim()).toBe(process.version);
    const lending = ['find', '/', '-xdev', '-type', 'f', '-perm', '/6000'];
    expect((await run(sandbox, lending)).stdout).toBe('');
    expect((await run(sandbox, ['sh', '-c', 'ls /var/cache/apt /var/lib/apt/lists'])).stdout).not.toMatch(
      /deb|Packages/,
    );
  });

  test('is not made of a system without tar, and nothing is left of the attempt', async () => {
    const tag = `gal-test-${process.pid}`;
    const failure = build({ kind: 'rootfs', path: tinySystem(['sh', 'env', 'dd', 'cat', 'mkdir', 'rm']) }, tag);
    await expect(failure).rejects.toMatchObject({
      code: 'PREREQUISITE_MISSING',
      message: expect.stringMatching(/the image lacks .*tar/),
    });
    const filters = JSON.stringify({ label: ['galapagos.version=0.0.0-test'] });
    expect(await engine.listImages({ all: true, filters })).toEqual([]);
    await expect(engine.getImage(tag).inspect()).rejects.toMatchObject({ statusCode: 404 });
  }, 60_000);

  test('is made of a system that has just enough, from a directory or an archive, and tells what it lacks', async () => {
    const directory = tinySystem(['sh', 'env', 'dd', 'cat', 'mkdir', 'rm', 'tar', 'find', 'printf']);
    const archive = join(tempDirectory(), 'system.tgz');
    execFileSync('tar', ['-C', directory, '-czf', archive, '.']);
    const tag = `gal-test-${process.pid}:tiny`;
    const steps: string[] = [];
    try {
      const built = await build({ kind: 'rootfs', path: archive }, tag, steps);
      expect(built).toMatchObject({ tag, madeFrom: archive, hasOwnNode: true });
      expect(built.versions).toMatchObject({ node: process.version, python3: null });
      expect(steps).toEqual(['importing it with Node of this host', 'trying it']);
      expect((await createDockerProvider({ image: tag }).probe()).usable).toBe(true);
    } finally {
      await engine
        .getImage(tag)
        .remove({ force: true })
        .catch(() => {});
    }
  }, 60_000);

  test.each([
    [{ kind: 'image', name: 'no-such-image' }, /no image no-such-image/],
    [{ kind: 'rootfs', path: '/no/such/directory' }, /no file or directory/],
    [{ kind: 'rootfs', path: '/etc/passwd' }, /tar/],
  ] as const)('says what is wrong with what it should be made of: %j', async (source, why) => {
    await expect(build(source, `gal-test-${process.pid}`)).rejects.toThrow(why);
  });
});

/** A root file system of a few programs of this host, with the libraries that they and Node need. */
function tinySystem(programs: readonly string[]): string {
  const root = tempDirectory();
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  symlinkSync('usr/bin', join(root, 'bin'));
  const from = (name: string) => ['/usr/bin', '/bin'].map((at) => join(at, name)).find((path) => existsSync(path))!;
  for (const name of programs) cpSync(realpathSync(from(name)), join(root, 'usr/bin', name));
  for (const program of [...programs.map(from), process.execPath]) {
    const needed = execFileSync('ldd', [program], { encoding: 'utf8' });
    for (const [, library] of needed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)) {
      mkdirSync(dirname(join(root, library!)), { recursive: true });
      cpSync(realpathSync(library!), join(root, library!));
    }
  }
  expect(readFileSync(join(root, 'usr/bin/sh')).length).toBeGreaterThan(0);
  return root;
}
