import { fromPromise } from 'xstate';
import type { RoleActor } from '../../src/core/define.ts';
import { hostJobMachine } from '../job-actor.ts';
import { environmentMachine } from './environment-machine.ts';
import { type EnvironmentPorts, measureItem, trialOf } from './measure-item.ts';

export type { EnvironmentPorts } from './measure-item.ts';

/** Grades genomes by the niche's own measurement; situations of one stage run in parallel. */
export function createEnvironment(ports: EnvironmentPorts): RoleActor<'environment'> {
  const machine = environmentMachine.provide({
    actors: {
      propose: fromPromise(async ({ input, signal }) => {
        const { run, seed, lineage, generation, split, places } = input;
        const trial = trialOf(input);
        const count = places === undefined ? input.count : Math.max(...places) + 1;
        const request = { run, seed, lineage, generation, split, count, ...trial };
        const { situations } = await ports.ask('proposer', request, signal);
        return places?.map((place) => situations[place]!) ?? situations;
      }),
      measureAll: fromPromise(({ input, signal }) =>
        Promise.all(input.situations.map((situation) => measureItem(ports, input.request, situation, signal))),
      ),
    },
  });
  return hostJobMachine('environment', machine, undefined);
}
