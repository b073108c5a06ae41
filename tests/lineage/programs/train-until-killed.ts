/** A program for the tests: keeps adapters and commits generations that name them, until somebody kills it. `<dir>` */
import { openRun } from '../adapters.ts';

const { lineage, writeTrained } = await openRun(process.argv[2]!);
for (let n = 0; ; n += 1) {
  const commit = await writeTrained(n);
  if (n % 3 === 2) await lineage.checkpoint();
  process.stdout.write(`${commit}\n`);
}
