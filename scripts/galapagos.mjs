#!/usr/bin/env node
// The command `galapagos`, from a checkout: runs what was built, and builds it
// when that has not happened yet. Readable by old Nodes, as bootstrap.mjs is.
import { existsSync, readFileSync } from 'node:fs';
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

if (problem !== null) {
  console.error(problem);
  process.exitCode = 1;
} else {
  (existsSync(main) ? Promise.resolve() : buildFirst()).then(() => import(main.href)).catch(stop);
}
