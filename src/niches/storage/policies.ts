import { commandOf } from './corpus.ts';
import type { ListedFile } from './listing.ts';
import type { Decide, Policy, Sentence } from './play.ts';
import { directoryWordOf, words } from './vocabulary.ts';

const at = (index: number) => words.positions[index]!;

/** Every verb, path and argument as likely as any other. */
export const randomPolicy: Policy = {
  name: 'random',
  open:
    ({ random }) =>
    (observation) =>
      commandOf(random, observation.files.length),
};

/** The same verb for the largest file that it has not failed on: reads sizes and nothing else. */
export function biggestFirst(verb: 'rm' | 'truncate'): Policy {
  return {
    name: `biggest not yet failed (${verb})`,
    open: (): Decide => {
      const failed = new Set<string>();
      let last: string | null = null;
      return ({ files }, step) => {
        if (last !== null && step !== null && step.deltaBytes <= 0) failed.add(last);
        const index = files.findIndex(({ path }) => !failed.has(path));
        if (index === -1) return null;
        last = files[index]!.path;
        return [verb, at(index)];
      };
    },
  };
}

/** Where a service keeps what it cannot do without, to the best of anybody's knowledge. */
const services = ['in:database', 'in:web-root', 'in:mailboxes', 'in:elsewhere'];

/**
 * Reads the attributes: the largest file that one command can free, by the one that does; where none can, rights are
 * taken back first.
 * @param isCareful - Whether it keeps away from the directories of services, which no attribute tells by itself.
 */
export function attributeReader(isCareful: boolean): Policy {
  return {
    name: isCareful ? 'careful reader of attributes' : 'greedy reader of attributes',
    open: (): Decide => {
      const failed = new Set<string>();
      let last: string | null = null;
      return ({ files }, step) => {
        if (last !== null && step !== null && step.deltaBytes <= 0) failed.add(last);
        const eligible = files.flatMap((file, index) => {
          const isService = isCareful && services.includes(directoryWordOf(file.path));
          return file.owner === 'me' && file.flag !== 'sparse' && !isService ? [{ file, index }] : [];
        });
        for (const choose of [freeing, opening]) {
          for (const { file, index } of eligible) {
            const sentence = choose(file, at(index));
            if (sentence === null || failed.has(`${sentence[0]} ${file.path}`)) continue;
            last = `${sentence[0]} ${file.path}`;
            return sentence;
          }
        }
        return null;
      };
    },
  };
}

/** Deleting gives nothing back while another name or a process holds on; emptying always does. */
function freeing(file: ListedFile, position: string): Sentence | null {
  if (file.isWritable) return ['truncate', position];
  return file.flag === 'plain' && file.isDirectoryWritable ? ['rm', position] : null;
}

function opening(file: ListedFile, position: string): Sentence | null {
  return file.isWritable ? null : ['chmod', position, 'u+w'];
}
