// Says `ready`, and at each line on stdin tries to take the lock of the directory
// given as argument: `locked`, or the refusal's code. Holds what it took until it ends.
import { createInterface } from 'node:readline';
import { lockRun } from '../../../src/runtime/run-lock.ts';

const held: Disposable[] = [];
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'release') {
    held.pop()?.[Symbol.dispose]();
    console.log('released');
    continue;
  }
  try {
    held.push(lockRun(process.argv[2]!));
    console.log('locked');
  } catch (error) {
    console.log((error as { code?: string }).code ?? String(error));
  }
}
