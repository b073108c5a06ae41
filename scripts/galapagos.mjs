#!/usr/bin/env node
// The command `galapagos`, from a checkout: runs what was built, and builds it
// when that has not happened yet. Readable by old Nodes, as bootstrap.mjs is.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeProblem } from './prerequisites.mjs';

const main = new URL('../dist/src/cli/main.js', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const problem = nodeProblem(process.versions.node, manifest.engines.node);

function stop(error) {
  console.error(error.exitCode === undefined ? error : error.message);
  process.exitCode = error.exitCode || 1;
}

function buildFirst() {
  if (!existsSync(new URL('../node_modules', import.meta.url))) {
    return Promise.reject(Object.assign(new Error('Galapagos is not built yet. Run: npm run build'), { exitCode: 1 }));
  }
  return import('./bootstrap-command.mjs').then((command) => command.prepare());
}

// By date, which takes milliseconds, and only said: what runs in another window must not be built over.
function sayIfSourcesChanged() {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const stamp = join(root, 'dist', '.build');
  if (!existsSync(stamp)) return;
  const built = statSync(stamp).mtimeMs;
  const folders = ['src', 'actors', 'markspace', 'sandboxes'].map((name) => join(root, name)).filter(existsSync);
  const isNewer = (folder, name) => /\.ts$/.test(name) && statSync(join(folder, name)).mtimeMs > built;
  if (folders.some((folder) => readdirSync(folder, { recursive: true }).some((name) => isNewer(folder, name))))
    console.error('galapagos: sources are newer than the build, which runs all the same. To build them: npm run build');
}

if (problem !== null) {
  console.error(problem);
  process.exitCode = 1;
} else {
  if (existsSync(main)) sayIfSourcesChanged();
  (existsSync(main) ? Promise.resolve() : buildFirst()).then(() => import(main.href)).catch(stop);
}
