// Runs benches by name, one after another: `npm run bench -- overhead commits`; without a name, lists them.
// What begins with a dash is for the benches: `npm run bench -- containment --json`.
import { readdirSync } from 'node:fs';
import { inRoot } from './checkout.mjs';
import { runChild } from './child.mjs';

const names = readdirSync(inRoot('bench')).flatMap((file) => (file.endsWith('.ts') ? [file.slice(0, -3)] : []));
const options = process.argv.slice(2).filter((word) => word.startsWith('-'));
const asked = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const unknown = asked.filter((name) => !names.includes(name));
if (asked.length === 0 || unknown.length > 0) {
  console.error(`${unknown.length > 0 ? `no bench ${unknown.join(', ')}; ` : ''}benches: ${names.join(', ')}`);
  process.exitCode = asked.length === 0 ? 0 : 2;
} else {
  for (const name of asked) {
    const { code } = await runChild(
      [
        process.execPath,
        '--expose-gc',
        inRoot('node_modules', 'jiti', 'lib', 'jiti-cli.mjs'),
        inRoot('bench', `${name}.ts`),
        ...options,
      ],
      {},
    );
    if (code !== 0) process.exitCode = 1;
  }
}
