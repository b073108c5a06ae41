import type { Command } from 'commander';
import { detection, plan } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { detectionLines } from './detection-lines.ts';
import { armList, deviation, probability, seedList, setting } from './options.ts';
import { planLines } from './plan-lines.ts';

interface PlanFlags extends CommonOptions {
  readonly seed?: readonly number[];
  readonly arm?: readonly string[];
  readonly set?: readonly string[];
  readonly gainSd?: number;
  readonly itemSd?: number;
  readonly power: number;
}

export function addPlan(program: Command, session: Session): void {
  withJson(program.command('plan <experiment>'))
    .summary('say what an experiment can show, and what it costs at most')
    .description('Say what effect the seeds and items of an experiment can detect, and what it costs at most.')
    .option('--seed <n>', 'plan for these seeds; repeat it or separate by commas', seedList)
    .option('--arm <name>', 'plan for these arms; repeat it or separate by commas', armList)
    .option('--set <path=value>', 'change one value of the experiment; repeatable', setting)
    .option('--gain-sd <score>', 'standard deviation of the true gain from seed to seed, from earlier runs', deviation)
    .option('--item-sd <score>', "standard deviation of one item's score when it is measured again", deviation)
    .option('--power <p>', 'chance of finding the effect', probability, 0.8)
    .addHelpText(
      'after',
      `
Nothing is run. Without --gain-sd and --item-sd effects are told in standard deviations only.

Examples:
  galapagos plan packing
  galapagos plan packing --seed 1,2,3,4,5,6,7,8 --gain-sd 0.02 --item-sd 0.01`,
    )
    .action(async (experiment: string, _options, command: Command) => {
      const { seed, arm, set, gainSd, itemSd, power, json } = command.optsWithGlobals<PlanFlags>();
      const planned = await plan(experiment, {
        secret: (name) => session.io.env[name],
        ...(seed === undefined ? {} : { seeds: seed }),
        ...(arm === undefined ? {} : { arms: arm }),
        ...(set === undefined ? {} : { set }),
      });
      const shown = detection({
        arms: planned.arms,
        seeds: planned.seeds.length,
        lineages: Object.keys(planned.lineages).length,
        items: planned.items,
        gainSd: gainSd ?? null,
        itemSd: itemSd ?? null,
        power,
      });
      if (json === true) session.printJson({ ...planned, detection: shown });
      else session.print(...planLines(planned, detectionLines(shown)));
    });
}
