import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { fingerprint, inRoot, readText, Stop, say } from './checkout.mjs';
import { shareLockWith } from './checkout-lock.mjs';
import { runChild } from './child.mjs';

const stamp = ['node_modules', '.galapagos-install'];

/** Installs what the lock file says, unless that is what is there. */
export async function installIfNeeded() {
  const wanted = fingerprint(['package-lock.json'], process.platform, process.arch);
  if (readText(...stamp) === wanted) return;
  if (!isInstalledAlready()) await install();
  linkCommands();
  // Only now: an install that was interrupted has no stamp.
  writeFileSync(inRoot(...stamp), wanted);
}

async function install() {
  const isFirst = !existsSync(inRoot('node_modules'));
  say(isFirst ? 'Installing dependencies (first run only)…' : 'Installing dependencies (package-lock.json changed)…');
  const startMs = performance.now();
  rmSync(inRoot(...stamp), { force: true });
  // The compilers are development dependencies, and are needed whatever NODE_ENV says.
  const flags = ['--include=dev', '--prefer-offline', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const options = { env: npmEnv(), capture: true, onStart: shareLockWith };
  const { code, isInterrupted, output } = await runChild([...npm(), 'ci', ...flags], options);
  if (isInterrupted) throw new Stop('Interrupted; the next run installs again.', 130);
  if (code !== 0) {
    throw new Stop(
      [
        output.trim(),
        '',
        'The dependencies could not be installed (npm ci failed; its own words are above).',
        'They are downloaded once: this needs a network connection, or an npm cache that holds them.',
        'Behind a proxy, set it with: npm config set proxy http://host:port',
        'Then run the same command again.',
      ].join('\n'),
    );
  }
  mkdirSync(inRoot('node_modules'), { recursive: true });
  say(`Installed in ${seconds(startMs)}.`);
}

/** True for a complete install made by hand: npm leaves a list of what it put where when it is done. */
function isInstalledAlready() {
  const installed = packagesOf('node_modules/.package-lock.json');
  if (installed === null) return false;
  return Object.entries(packagesOf('package-lock.json') ?? {}).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return optional === true;
    return found.version === version && found.integrity === integrity && existsSync(inRoot(path));
  });
}

function packagesOf(path) {
  const text = readText(path);
  return text === '' ? null : JSON.parse(text).packages;
}

/** Makes `npx galapagos` in this checkout mean this checkout, without a question to the registry. */
function linkCommands() {
  if (process.platform === 'win32') return;
  const { bin = {} } = JSON.parse(readText('package.json'));
  for (const [name, target] of Object.entries(bin)) {
    const link = inRoot('node_modules', '.bin', name);
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { force: true });
    symlinkSync(relative(dirname(link), inRoot(target)), link);
  }
}

/** The npm that started this command, if one did; else the one on the path. */
function npm() {
  const { npm_execpath: path = '' } = process.env;
  if (path.endsWith('npm-cli.js')) return [process.execPath, path];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

/** `npm --prefix DIR` hands its prefix down, where it would be taken relative to another folder. */
function npmEnv() {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_config_(local_|global_)?prefix$/i.test(name)),
  );
}

export function seconds(startMs) {
  return `${((performance.now() - startMs) / 1_000).toFixed(1)} s`;
}
