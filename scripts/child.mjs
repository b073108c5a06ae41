import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root, Stop } from './checkout.mjs';

const repeatMs = 300;

/**
 * Runs a program to its end, while this process stays out of the way of signals.
 *
 * Ctrl-C reaches the child from the terminal already, so it is passed on only
 * where no terminal did that. npm repeats the signals it gets: the same one
 * within a moment is one wish.
 *
 * @param options.capture - Keeps the output instead of showing it.
 * @param options.onStart - Told the child's process id.
 * @returns the exit code as a shell would report it, whether somebody asked
 *   for an end, and the output if kept.
 */
export function runChild(argv, { env = process.env, capture = false, onStart = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: root,
      env,
      stdio: capture ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    if (child.pid !== undefined) onStart(child.pid);
    const output = [];
    child.stdout?.on('data', (chunk) => output.push(chunk));
    child.stderr?.on('data', (chunk) => output.push(chunk));
    let isInterrupted = false;
    const stopListening = passSignalsTo(child, () => {
      isInterrupted = true;
    });
    child.on('error', (error) => {
      stopListening();
      reject(new Stop(`${argv[0]} cannot be started: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      stopListening();
      const text = Buffer.concat(output).toString('utf8');
      resolve({ code: code ?? 128 + constants.signals[signal], isInterrupted, output: text });
    });
  });
}

function passSignalsTo(child, onSignal) {
  const lastAtMs = new Map();
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => {
    const handler = () => {
      onSignal();
      const isRepeat = performance.now() - (lastAtMs.get(signal) ?? -repeatMs) < repeatMs;
      lastAtMs.set(signal, performance.now());
      if (!isRepeat && !(signal === 'SIGINT' && process.stdin.isTTY)) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
