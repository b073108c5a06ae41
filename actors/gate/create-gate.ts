import type { RoleActor } from '../../src/core/define.ts';
import { hostOneStep } from '../one-step-machine.ts';
import { judge } from './judge.ts';

/** Decides a generation's fate from evidence alone; it needs no port. */
export function createGate(): RoleActor<'gate'> {
  return hostOneStep('gate', async (request) => judge(request));
}
