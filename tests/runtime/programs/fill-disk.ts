// Appends facts to the journal given as argument until one fails, and prints
// `acked <key>` for each, then `failed <code>` for the failure and for one more try.
import { openJournal } from '../../../src/runtime/journal.ts';

const journal = await openJournal(process.argv[2]!);
for (let i = 0, failures = 0; failures < 2; i += 1) {
  try {
    await journal.append('fact', String(i), { padding: 'x'.repeat((i * 37) % 900) });
    console.log(`acked ${i}`);
  } catch (error) {
    failures += 1;
    console.log(`failed ${(error as { code: string }).code}`);
  }
}
await journal[Symbol.asyncDispose]();
