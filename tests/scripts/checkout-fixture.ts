import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Reports its arguments and its signals; `--wait` keeps it running until it is told to stop. */
const mainSource = `
declare const process: any, console: any, setTimeout: any;
console.log('main', JSON.stringify(process.argv.slice(2)));
if (process.argv.includes('--fail')) process.exitCode = 7;
if (process.argv.includes('--wait')) {
  const timer = setTimeout(() => {}, 20000);
  process.on('SIGTERM', () => { console.log('stopping'); clearTimeout(timer); process.exitCode = 130; });
  console.log('waiting');
}
declare const clearTimeout: any;
export {};
`;

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Checkout {
  readonly dir: string;
  write(path: string, text: string): void;
  read(path: string): string;
  /** Runs a program in the checkout, or in `cwd`. */
  run(argv: readonly string[], options?: { env?: Record<string, string>; cwd?: string }): Promise<Outcome>;
  start(argv: readonly string[]): { readonly child: ChildProcess; readonly done: Promise<Outcome> };
}

/**
 * A small project with this project's scripts, in a folder with a space in its
 * name. npm is the real one; its packages are local, so that nothing is
 * downloaded: `typescript` starts the real compiler, `vitest` says how it was called.
 */
export function createCheckout(): Checkout {
  const dir = temporaryFolder();
  const checkout = open(dir);
  cpSync(join(repository, 'scripts'), join(dir, 'scripts'), { recursive: true });
  writeProject(checkout.write);
  return checkout;
}

/** A copy of a checkout, in whatever state of preparation that is. */
export function copyCheckout(original: Checkout): Checkout {
  const dir = temporaryFolder();
  cpSync(original.dir, dir, { recursive: true, verbatimSymlinks: true });
  return open(dir);
}

const leftovers: string[] = [];
/** For afterAll: checkouts may be shared by the tests of a file. */
export function removeCheckouts(): void {
  for (const dir of leftovers.splice(0)) rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
}

function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'galapagos checkout '));
  leftovers.push(dir);
  return dir;
}

function open(dir: string): Checkout {
  const write = (path: string, text: string) => {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  const start = (argv: readonly string[], env: Record<string, string> = {}, cwd = dir) => launch(argv, env, cwd);
  return {
    dir,
    write,
    read: (path) => readFileSync(join(dir, path), 'utf8'),
    run: (argv, { env, cwd } = {}) => start(argv, env, cwd).done,
    start: (argv) => start(argv),
  };
}

function writeProject(write: (path: string, text: string) => void): void {
  const { engines, bin } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const local = { typescript: 'file:vendor/typescript', vitest: 'file:vendor/vitest' };
  const project = { name: 'galapagos', version: '0.0.1', type: 'module', engines, bin, devDependencies: local };
  const scripts = { start: 'node scripts/bootstrap.mjs start', test: 'node scripts/bootstrap.mjs test' };
  write('package.json', JSON.stringify({ ...project, scripts }));
  write('package-lock.json', lockFile(project));
  write('vendor/typescript/package.json', '{"name":"typescript","version":"1.0.0"}');
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
  write(
    'vendor/typescript/bin/tsc',
    `require('node:fs').appendFileSync('builds.log', 'x');
     const args = [${JSON.stringify(compiler)}, ...process.argv.slice(2)];
     process.exitCode = require('node:child_process').spawnSync(process.execPath, args, { stdio: 'inherit' }).status;`,
  );
  write('vendor/vitest/package.json', '{"name":"vitest","version":"1.0.0"}');
  write(
    'vendor/vitest/vitest.mjs',
    "console.log('vitest', JSON.stringify(process.argv.slice(2)), process.env.GALAPAGOS_FULL ?? '-');",
  );
  const options = { target: 'ES2022', module: 'NodeNext', rootDir: '.', outDir: 'dist', types: [] };
  write('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['src'] }));
  write('tsconfig.build.json', '{"extends":"./tsconfig.json"}');
  write('src/cli/main.ts', mainSource);
}

function lockFile(project: object): string {
  const vendored = (name: string) => ({
    [`node_modules/${name}`]: { resolved: `vendor/${name}`, link: true },
    [`vendor/${name}`]: { version: '1.0.0', dev: true },
  });
  const packages = { '': project, ...vendored('typescript'), ...vendored('vitest') };
  return JSON.stringify({ name: 'galapagos', version: '0.0.1', lockfileVersion: 3, requires: true, packages });
}

function launch(argv: readonly string[], env: Record<string, string>, cwd: string) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^GALAPAGOS_FULL$|^NODE_OPTIONS$/i.test(name),
  );
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd,
    env: { ...Object.fromEntries(inherited), npm_config_offline: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const done = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, ...output }));
  });
  return { child, done };
}
