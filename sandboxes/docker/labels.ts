import { hostname } from 'node:os';
import type { LineageId, RunId } from '../../src/core/ids.ts';
import { isLeftover, labelFor } from '../scratch.ts';

const maker = 'galapagos.maker';
const host = 'galapagos.host';

/** A new name, and the labels of what carries it. */
export function labelsOf(run: RunId, owner: LineageId | null) {
  const label = labelFor(run);
  const labels: Record<string, string> = { 'galapagos.run': run, [maker]: label, [host]: hostname() };
  if (owner !== null) labels['galapagos.owner'] = owner;
  return { label, labels };
}

/** For the engine: only what this host has made can be judged here. */
export const ownFilter = () => ({ label: [`${host}=${hostname()}`] });

/** Whether whoever made this has died. */
export function isLeftBehind(labels: Readonly<Record<string, string>> | undefined, run: RunId | 'all'): boolean {
  return isLeftover(labels?.[maker] ?? '', run);
}
