import { expect, it } from 'vitest';
import { wilsonInterval } from '../../../src/analysis/statistics/proportions.ts';
import { falseAlarms } from './simulate.ts';
import { steadyAgents } from './simulated-agents.ts';

it('the envelope raises fewer than one false alarm in ten thousand windows: some 200 steady agents, 1,000 windows', () => {
  const found = steadyAgents.map((kind) => falseAlarms(kind, { seed: 20, agents: 20, windows: 1_000 }));
  const windows = found.reduce((sum, kind) => sum + kind.windows, 0);
  const alarms = found.reduce((sum, kind) => sum + kind.alarms, 0);
  console.log(`${alarms} false alarms in ${windows} windows`);
  expect(windows).toBeGreaterThan(100_000);
  expect(wilsonInterval(alarms, windows).high).toBeLessThan(1 / 10_000);
}, 600_000);
