import { type LineageOutcome, lineageIds } from '../lineage-outcome.ts';
import type { Wait } from '../statistics/survival.ts';
import { thresholdsFor, waitFor } from '../threshold.ts';
import { type Column, column, seedColumn } from './table.ts';

/** How long one lineage run waited for one threshold. */
export interface WaitRow {
  readonly outcome: LineageOutcome;
  readonly threshold: number;
  readonly wait: Wait;
}

export function waitRows(outcomes: readonly LineageOutcome[], thresholds: readonly number[]): WaitRow[] {
  return lineageIds(outcomes).flatMap((lineage) =>
    thresholdsFor(outcomes, lineage, thresholds).flatMap((threshold) =>
      outcomes
        .filter((o) => o.lineage === lineage)
        .flatMap((outcome): WaitRow[] => {
          const wait = waitFor(threshold, outcome.curve);
          return wait === null ? [] : [{ outcome, threshold, wait }];
        }),
    ),
  );
}

export function waitColumns(): Column<WaitRow>[] {
  return [
    column('lineage', (r) => r.outcome.lineage),
    column('threshold', (r) => r.threshold),
    column('arm', (r) => r.outcome.arm),
    seedColumn((r) => r.outcome),
    column('run', (r) => r.outcome.run),
    column('generations', (r) => r.wait.time),
    column('reached', (r) => (r.wait.isReached ? 1 : 0)),
  ];
}
