import type { Command } from 'commander';
import { experimentJsonSchema } from '../../index.ts';
import { type Session, withJson } from '../session.ts';

export function addSchema(program: Command, session: Session): void {
  withJson(program.command('schema'))
    .summary('print the JSON Schema of experiments')
    .description('Print the JSON Schema of experiment files, for editors.')
    .addHelpText(
      'after',
      `
Example:
  galapagos schema > experiment.schema.json
and as the first line of an experiment:
  # yaml-language-server: $schema=./experiment.schema.json`,
    )
    .action(() => session.printJson(experimentJsonSchema()));
}
