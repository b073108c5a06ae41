// Read by every Node since 12: nothing newer than ES2019 here, or an old Node
// would show a syntax error instead of the advice.
import { spawnSync } from 'node:child_process';

const leastGit = [2, 32];

/** Whether a version such as "20.19.1" is in a range of `^major.minor` and `>=major` alternatives. */
export function isInRange(version, range) {
  const [major, minor] = numbers(version);
  return range.split('||').some((part) => {
    const [leastMajor, leastMinor] = numbers(part);
    if (part.trim().startsWith('^')) return major === leastMajor && minor >= leastMinor;
    return major > leastMajor || (major === leastMajor && minor >= leastMinor);
  });
}

/** @returns what is wrong and how to get it right, or `null`. */
export function nodeProblem(version, range) {
  if (isInRange(version, range)) return null;
  return [
    `Galapagos needs Node.js ${range}; this is ${version}.`,
    'Get one from https://nodejs.org/en/download, or with a version manager: nvm install 24',
  ].join('\n');
}

/** @returns what is wrong and how to get it right, or `null`. */
export function gitProblem() {
  const found = spawnSync('git', ['--version'], { encoding: 'utf8' });
  const version = /(\d+)\.(\d+)(\.\d+)*/.exec(found.stdout || '');
  if (version !== null) {
    const [major, minor] = numbers(version[0]);
    if (major > leastGit[0] || (major === leastGit[0] && minor >= leastGit[1])) return null;
  }
  return [
    `Galapagos needs git ${leastGit.join('.')} or newer; ${version === null ? 'none was found' : `this is ${version[0]}`}.`,
    'Get it from https://git-scm.com/downloads, or: apt-get install git (Debian, Ubuntu), brew install git (macOS)',
  ].join('\n');
}

function numbers(version) {
  const found = /(\d+)(?:\.(\d+))?/.exec(version);
  return found === null ? [0, 0] : [Number(found[1]), Number(found[2] || 0)];
}
