import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inRoot, say } from './checkout.mjs';

/** Not in node_modules: `npm ci` empties that. */
const file = inRoot('dist', '.bootstrap-lock');
const pollMs = 200;
/** Longer than any install; a process id that is still in use after that is somebody else's. */
const oldestMs = 15 * 60_000;

/** Runs `work` while no other process installs or builds in this checkout. */
export async function withCheckoutLock(work) {
  await takeLock();
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/** An npm or a compiler whose parent was killed goes on alone, and holds the lock until it ends. */
export function shareLockWith(pid) {
  appendFileSync(file, ` ${pid}`);
}

async function takeLock() {
  mkdirSync(inRoot('dist'), { recursive: true });
  for (let hasWaited = false; ; hasWaited = true) {
    if (tryToCreate()) return;
    const holder = readHolder();
    if (holder !== null && !isAlive(holder)) {
      rmSync(file, { force: true });
      // Another waiter may have seen the same dead holder and removed the lock made here.
      if (tryToCreate() && (await sleep(pollMs, true)) && readHolder()?.pids[0] === process.pid) return;
    } else {
      if (!hasWaited) say('Another command is preparing this checkout; waiting for it…');
      await sleep(pollMs);
    }
  }
}

function tryToCreate() {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** @returns the processes behind the lock, or `null` when it has just been released. */
function readHolder() {
  try {
    const pids = readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number);
    return { pids, ageMs: Date.now() - statSync(file).mtimeMs };
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

function isAlive({ pids, ageMs }) {
  if (ageMs > oldestMs) return false;
  // Created, but its process id not written yet.
  if (pids.length === 0) return ageMs < 1_000;
  return pids.some((pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch (error) {
      return error.code === 'EPERM';
    }
  });
}
