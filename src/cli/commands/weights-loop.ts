import { type Command, Option } from 'commander';
import { beforeAfter, readLoopLives, runWeightsLoop, weightsCredits, weightsRecipes } from '../../index.ts';
import { type CommonOptions, type Session, withJson } from '../session.ts';
import { beforeAfterLines } from './before-after-lines.ts';
import { positiveCount, seedList } from './options.ts';
import { listenForStop } from './stop-signals.ts';
import { weightsLoopLines } from './weights-loop-lines.ts';

interface WeightsLoopFlags extends CommonOptions {
  readonly seed?: readonly number[];
  readonly credit?: (typeof weightsCredits)[number] | 'both' | 'all';
  readonly base: string;
  readonly quick?: boolean;
  readonly to?: string;
}

export function addWeightsLoop(program: Command, session: Session): void {
  const loop = withJson(program.command('weights-loop'))
    .summary('train a small model on what its own commands have freed, and see whether it does better')
    .description(
      'A small model that comes with this program samples commands; sandboxes execute them on small machines; what freed space is kept, an adapter is trained on it, and the model samples again. Then held-out machines, beside a control that learned from as many commands chosen blindly, and the untrained model with as many samples.',
    )
    .option('--seed <n>', 'one seed or several: 1, or 1,2,3 (default: 1)', seedList)
    .addOption(
      new Option('--credit <rule>', 'what counts as having survived; both: the first two, all: every one')
        .choices([...weightsCredits, 'both', 'all'])
        .default(undefined, 'best-sibling'),
    )
    .option('--base <name>', 'the model to start from: small, medium, or the directory of another one', 'small')
    .option('--quick', 'fewer machines and generations: shows that it works, not how well')
    .option('--to <dir>', 'keep adapters and result.json there')
    .addHelpText(
      'after',
      `
Needs bubblewrap (galapagos doctor says whether it is there). A seed takes minutes.

Examples:
  galapagos weights-loop --quick
  galapagos weights-loop --seed 1,2,3,4,5 --credit both --to results/weights-loop`,
    )
    .action(async (_options, command: Command) => {
      const {
        json,
        seed = [1],
        credit = 'best-sibling',
        base,
        quick,
        to,
      } = command.optsWithGlobals<WeightsLoopFlags>();
      const stop = listenForStop(session.io, () => session.note('stopping'));
      try {
        const result = await runWeightsLoop({
          recipe: quick === true ? weightsRecipes.quick : weightsRecipes.full,
          seeds: [...new Set(seed)],
          credits: credit === 'all' ? weightsCredits : credit === 'both' ? ['best-sibling', 'trajectory'] : [credit],
          base,
          ...(to === undefined ? {} : { directory: to }),
          onProgress: session.note,
          signal: stop.stopSoon,
        });
        if (json === true) session.printJson(result);
        else session.print(...weightsLoopLines(result), '', ...beforeAfterLines(beforeAfter(result, {})));
      } finally {
        stop.stopListening();
      }
    });
  addShow(loop, session);
}

interface ShowFlags extends CommonOptions {
  readonly world?: number;
  readonly seed?: readonly number[];
  readonly credit?: (typeof weightsCredits)[number];
  readonly closed?: boolean;
}

function addShow(loop: Command, session: Session): void {
  withJson(loop.command('show <dir>'))
    .summary('what learning changed: the lives of base and survivors in one held-out world')
    .description(
      'The lives of base and survivors in one held-out world of a result that --to has kept: what each saw, what it said, and what that freed.',
    )
    .option('--world <n>', 'from 1 (default: the one in which they differ most)', positiveCount)
    .option('--seed <n>', 'of which seed (default: the first)', seedList)
    .addOption(new Option('--credit <rule>', 'of which rule (default: the first)').choices(weightsCredits))
    .option('--closed', 'in the world closed, where a right has to be taken back first')
    .action((dir: string, _options, command: Command) => {
      // Where the command above has an option of the same name, that one gets the value.
      const { world, seed, credit, closed: isClosed, json } = command.optsWithGlobals<ShowFlags>();
      const shown = beforeAfter(readLoopLives(dir), { world, seed: seed?.[0], credit, isClosed });
      if (json === true) session.printJson(shown);
      else session.print(...beforeAfterLines(shown));
    });
}
