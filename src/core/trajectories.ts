import { LineageCorruptError } from './errors.ts';
import { type FileTree, textFile } from './file-tree.ts';
import { type Trajectory, trajectorySchema } from './records.ts';

const file = 'trajectories.jsonl';

/** Trajectories as a tree: one a line. */
export function trajectoriesTree(trajectories: readonly Trajectory[]): FileTree {
  return new Map([[file, textFile(trajectories.map((one) => `${JSON.stringify(one)}\n`).join(''))]]);
}

/** @throws {LineageCorruptError} naming the line that is no trajectory. */
export function trajectoriesOf(tree: FileTree): Trajectory[] {
  const bytes = tree.get(file)?.bytes;
  if (bytes === undefined) throw new LineageCorruptError(`a tree of trajectories has no ${file}`);
  const lines = Buffer.from(bytes).toString('utf8').split('\n').slice(0, -1);
  return lines.map((line, i) => {
    try {
      return trajectorySchema.parse(JSON.parse(line));
    } catch (cause) {
      throw new LineageCorruptError(`${file}:${i + 1}: not a trajectory`, { cause });
    }
  });
}
