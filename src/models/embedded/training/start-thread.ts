import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ThreadInput } from './thread-main.ts';

/** A training thread. Node 20 cannot run TypeScript: in a checkout's own sources jiti reads the file for it. */
export function startThread(input: ThreadInput): Worker {
  const options = { workerData: input, name: `training-${input.index}` };
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./thread-main.js', import.meta.url), options);
  const jiti = pathToFileURL(createRequire(import.meta.url).resolve('jiti')).href;
  const file = fileURLToPath(new URL('./thread-main.ts', import.meta.url));
  const load = `import(${JSON.stringify(jiti)}).then((m) => m.createJiti(${JSON.stringify(file)}).import(${JSON.stringify(file)}))`;
  return new Worker(load, { ...options, eval: true });
}
