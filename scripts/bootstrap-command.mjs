import { build, buildIfNeeded } from './build.mjs';
import { inRoot, Stop, say } from './checkout.mjs';
import { withCheckoutLock } from './checkout-lock.mjs';
import { runChild } from './child.mjs';
import { installIfNeeded } from './install.mjs';

const main = ['dist', 'src', 'cli', 'main.js'];
const vitest = ['node_modules', 'vitest', 'vitest.mjs'];

const commands = {
  start: (rest) => (rest.length === 0 ? startAll() : runNode(inRoot(...main), ['run', 'packing', ...rest])),
  test: (rest) => runNode(inRoot(...vitest), ['run', ...rest]),
  'test:full': (rest) => runNode(inRoot(...vitest), ['run', ...rest], { ...process.env, GALAPAGOS_FULL: '1' }),
  build: () => 0,
};

const weights = ['run', inRoot('experiments', 'finches', 'quick.yaml'), '--skip-without-sandbox'];

/** Code that evolves, and then code and weights. */
async function startAll() {
  const code = await runNode(inRoot(...main), ['run', 'packing']);
  return code === 0 ? runNode(inRoot(...main), weights) : code;
}

/** Prepares the checkout, runs the command, and exits as the command did. */
export async function runCommand(name, rest) {
  try {
    if (!Object.hasOwn(commands, name ?? '')) {
      throw new Stop(`usage: node scripts/bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]`, 2);
    }
    await prepare(name === 'build');
    process.exitCode = await commands[name](rest);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say(error.message);
    process.exitCode = error.exitCode;
  }
}

/** Installs and builds what is missing or out of date. */
export async function prepare(isBuildForced = false) {
  await withCheckoutLock(async () => {
    await installIfNeeded();
    await (isBuildForced ? build() : buildIfNeeded());
  });
}

async function runNode(script, rest, env = process.env) {
  const { code } = await runChild([process.execPath, script, ...rest], { env });
  return code;
}
