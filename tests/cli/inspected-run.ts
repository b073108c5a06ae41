import { create, sharedRun, stand, view } from '../runs/shared-run.ts';

/** The file that `taker` takes from `giver`: twelve lines. */
export const method = `${Array.from({ length: 12 }, (_, i) => `export const method_${i} = (x) => base[${i}] * x;`).join('\n')}\n`;

/**
 * A real run of two lineages and three rounds. `giver` writes `method.mjs`
 * (g1, promoted), gets worse (g2, archived) and breaks its task agent (g3,
 * failed); `taker` leaves a note (g1), adopts `method.mjs` with a line of its
 * own (g2), and changes another line of it (g3).
 * @returns the run's directory, `shared-paired-1`.
 */
export async function inspectedRun(dir: string): Promise<string> {
  const { record } = await sharedRun({
    dir,
    rounds: 3,
    sandbox: 'process',
    scripts: {
      giver: {
        1: [create('method.mjs', method), stand(50)],
        2: [stand(1)],
        3: [create('task.mjs', 'export function main( {\n')],
      },
      taker: {
        2: [view('strategies/giver_gen1/method.mjs'), create('method.mjs', `// taken\n${method}`), stand(60)],
        3: [create('method.mjs', `// taken\n${method.replace('base[3] * x', 'x ** 3')}`), stand(70)],
      },
    },
  });
  return record.dir;
}
