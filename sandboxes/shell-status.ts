import { constants } from 'node:os';
import type { ExecResult } from './sandbox.ts';

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** A shell, and bubblewrap too, reports a signal as 128 and its number. */
export function statusOf(code: number): Pick<ExecResult, 'exitCode' | 'signal'> {
  const signal = code > 128 ? signalNames.get(code - 128) : undefined;
  return signal === undefined ? { exitCode: code, signal: null } : { exitCode: null, signal };
}
