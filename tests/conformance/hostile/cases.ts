import { fileCases } from './file-cases.ts';
import type { HostileCase } from './hostile-case.ts';
import { networkCases } from './network-cases.ts';
import { resourceCases } from './resource-cases.ts';
import { systemCases } from './system-cases.ts';

/** Every hostile program. The suite and the table of `bench/containment.ts` run exactly these. */
export const hostileCases: readonly HostileCase[] = [...resourceCases, ...fileCases, ...systemCases, ...networkCases];
