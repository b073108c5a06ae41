import { spawnSync } from 'node:child_process';
import { itWith, type TestFunction } from './require-service.ts';

const { status } = spawnSync('git', ['lfs', 'version'], { timeout: 30_000 });

/** For whoever wants to check weights out; nothing here runs it. */
export const itWithGitLfs: TestFunction = itWith('git-lfs', status === 0 ? null : 'Debian: apt-get install git-lfs');

/** What `git lfs install` writes into a user's settings. */
export const lfsInstalled = [
  ...['-c', 'filter.lfs.smudge=git-lfs smudge -- %f', '-c', 'filter.lfs.clean=git-lfs clean -- %f'],
  ...['-c', 'filter.lfs.process=git-lfs filter-process', '-c', 'filter.lfs.required=true'],
];
