import type { Trajectory } from '../../core/records.ts';
import type { Told } from './answer.ts';
import type { WorldPlan } from './plan.ts';
import { siblings } from './play.ts';
import type { WorldHost } from './world-host.ts';

/**
 * What an answer in sentences teaches, every command of it executed: its whole life, and each sentence, tried or
 * played, by itself in an identical copy of the world as it was shown. Gains are in bytes, measured outside.
 */
export async function harvest(host: WorldHost, plan: WorldPlan, told: Told, freedBytes: number): Promise<Trajectory[]> {
  const { prompt, actions, tries } = told;
  const example = (completion: string) => ({ prompt, completion });
  const alone = [...new Map([...actions, ...tries].map((said) => [said.sentence, said])).values()];
  const steps = await siblings(
    host,
    plan,
    alone.map(({ command }) => command),
  );
  const life = { steps: actions.map(({ sentence }) => example(sentence)), gain: freedBytes };
  const single = alone.map(({ sentence }, i) => ({ steps: [example(sentence)], gain: steps[i]!.deltaBytes }));
  // A life of one command is one of the single ones.
  return actions.length > 1 ? [life, ...single] : single;
}
