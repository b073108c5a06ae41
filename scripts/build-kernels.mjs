// The embedded model's kernels: AssemblyScript in, WebAssembly out. Same sources and compiler, same bytes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { filesBelow, fingerprint, inRoot, readText, Stop } from './checkout.mjs';

const sources = 'src/models/embedded/kernels';
const output = ['dist', 'src', 'models', 'embedded', 'kernels.wasm'];
const stamp = ['dist', '.kernels'];

/** Relaxed SIMD stays off: a fused product would give other bits on another processor. */
const options = [
  ...['--outFile', 'kernels.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd,threads'],
  ...['--importMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '32768'],
];

/** Compiles the kernels into dist/ when their sources or the compiler changed. */
export async function buildKernelsIfNeeded() {
  const files = filesBelow(sources).filter((path) => path.endsWith('.as'));
  if (files.length === 0) return;
  const wanted = fingerprint([...files, 'scripts/build-kernels.mjs', 'node_modules/assemblyscript/package.json']);
  if (readText(...stamp) === wanted && existsSync(inRoot(...output))) return;
  const bytes = await compileKernels();
  mkdirSync(dirname(inRoot(...output)), { recursive: true });
  writeFileSync(inRoot(...output), bytes);
  writeFileSync(inRoot(...stamp), wanted);
}

/** @returns the WebAssembly module's bytes. */
export async function compileKernels() {
  const asc = await import('assemblyscript/asc');
  let bytes = null;
  const { error, stderr } = await asc.main(['index.ts', ...options], {
    // The sources end in .as, so that no other compiler takes them for TypeScript.
    readFile: (name) => read(inRoot(...sources.split('/'), name.replace(/\.ts$/, '.as'))),
    writeFile: (_name, contents) => (bytes = contents),
    listFiles: () => [],
  });
  if (error !== null || bytes === null)
    throw new Stop(`${stderr.toString().trim()}\n\nThe kernels could not be compiled.`);
  return bytes;
}

function read(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}
