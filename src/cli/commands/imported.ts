import type { RunRecord } from '../../index.ts';

/** Whether it is known when a run went on and for how long; of an imported one it may not be. */
export const hasTimes = ({ imported }: RunRecord) => imported?.notAvailable.includes('times') !== true;

/** Whether it is known what a run cost. */
export const hasUsage = ({ imported }: RunRecord) => imported?.notAvailable.includes('usage') !== true;
