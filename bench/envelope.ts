/**
 * What the behaviour envelope finds, and what it takes for an attack that is
 * none: simulated agents of many kinds, window by window, through barrier and
 * envelope as in a run. Seeded: the same numbers every time.
 *
 * Run: npm run bench -- envelope
 */

import type { EnvelopeConstants } from '../markspace/regulation/baseline.ts';
import { wilsonInterval } from '../src/analysis/statistics/proportions.ts';
import { detection, falseAlarms, quantile } from '../tests/markspace/regulation/simulate.ts';
import {
  attackers,
  type SimulatedAgent,
  steadyAgents,
  steepAgents,
} from '../tests/markspace/regulation/simulated-agents.ts';

const seed = 1;
const steady = { seed, agents: 200, windows: 1_000 };
const hostile = { seed, agents: 200, windows: 1_100 };
const attackAt = 100;

const perThousand = (share: number) => (1_000 * share).toFixed(3);
const row = (name: string, ...columns: string[]) =>
  console.log(`${name.padEnd(54)}${columns.map((column) => column.padStart(15)).join('')}`);

function alarmsOf(name: string, kinds: readonly SimulatedAgent[], constants: Partial<EnvelopeConstants> = {}): void {
  row(name, 'windows', 'false alarms', 'per 1,000', '95 % interval');
  const all = { windows: 0, alarms: 0 };
  for (const kind of kinds) {
    const { windows, alarms } = falseAlarms(kind, { ...steady, constants });
    all.windows += windows;
    all.alarms += alarms;
    alarmRow(kind.name, windows, alarms);
  }
  alarmRow('all together', all.windows, all.alarms);
  console.log();
}

function alarmRow(name: string, windows: number, alarms: number): void {
  const { low, high } = wilsonInterval(alarms, windows);
  const interval = `${perThousand(low)}–${perThousand(high)}`;
  row(`  ${name}`, windows.toLocaleString('en'), String(alarms), perThousand(alarms / windows), interval);
}

alarmsOf(`Steady agents: ${steady.agents} of each, ${steady.windows} windows`, steadyAgents);
alarmsOf('Steeper rhythms', steepAgents);
alarmsOf('If 3.5 σ flagged at once', steadyAgents.slice(2, 4), { flagSigmas: 3.5 });

row(
  `Attackers: ${hostile.agents} of each, turning bad at ${attackAt}`,
  'detected',
  'delay, median',
  'delay, 95 %',
  'let through',
);
for (const kind of attackers) {
  const { agents, delays, letThrough, early } = detection(kind, hostile, attackAt);
  const share = `${((100 * delays.length) / (agents - early)).toFixed(1)} %`;
  const [median, late, passed] = [quantile(delays, 0.5), quantile(delays, 0.95), quantile(letThrough, 0.5)];
  row(`  ${kind.name}`, share, String(median ?? '–'), String(late ?? '–'), String(passed ?? '–'));
}
console.log('\nDelays in windows from the start of the attack, 0 within the first; let through: operations, median.');
