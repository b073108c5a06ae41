import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildKernelsIfNeeded } from './build-kernels.mjs';
import { filesBelow, fingerprint, inRoot, readText, Stop, say } from './checkout.mjs';
import { shareLockWith } from './checkout-lock.mjs';
import { runChild } from './child.mjs';
import { seconds } from './install.mjs';

const sourceFolders = ['src', 'actors', 'markspace', 'sandboxes'];
const stamp = ['dist', '.build'];

/** Builds dist/ when a source changed since the last build that worked. */
export async function buildIfNeeded() {
  if (readText(...stamp) !== sourceFingerprint()) await build();
}

export async function build() {
  const startMs = performance.now();
  // Taken before: a source that changes while the compiler runs calls for another build.
  const built = sourceFingerprint();
  say('Building…');
  rmSync(inRoot(...stamp), { force: true });
  const tsc = inRoot('node_modules', 'typescript', 'bin', 'tsc');
  const options = { capture: true, onStart: shareLockWith };
  const { code, isInterrupted, output } = await runChild([process.execPath, tsc, '-p', 'tsconfig.build.json'], options);
  if (isInterrupted) throw new Stop('Interrupted; the next run builds again.', 130);
  if (code !== 0) throw new Stop(`${output.trim()}\n\nThe build failed; the compiler's messages are above.`);
  await buildKernelsIfNeeded();
  copyBases();
  removeOrphans();
  writeFileSync(inRoot(...stamp), built);
  say(`Built in ${seconds(startMs)}.`);
}

function sourceFingerprint() {
  const configs = ['tsconfig.json', 'tsconfig.build.json', 'package.json'];
  return fingerprint([...sourceFolders.flatMap((folder) => filesBelow(folder)), ...configs]);
}

/** The weights that come with the package, beside the code that reads them. */
function copyBases() {
  for (const path of filesBelow('src/models/embedded/bases').filter((file) => !file.endsWith('.ts'))) {
    const copy = inRoot('dist', path);
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(inRoot(path), copy);
  }
}

/** Removes what was built from sources that are gone: a module that no longer exists must not be importable. */
function removeOrphans() {
  const sources = new Set(sourceFolders.flatMap((folder) => filesBelow(folder)));
  for (const folder of sourceFolders) {
    for (const path of filesBelow(`dist/${folder}`)) {
      const source = path.slice('dist/'.length).replace(/(\.d)?\.([cm]?)[jt]s(\.map)?$/, '.$2ts');
      if (source.endsWith('ts') && !sources.has(source)) rmSync(inRoot(path));
    }
  }
}
