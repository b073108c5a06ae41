import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SandboxUnavailableError } from '../../src/core/errors.ts';
import { textFile } from '../../src/core/file-tree.ts';
import { type ProgressEvent, type RunRecord, readRun, run } from '../../src/index.ts';
import { hill } from '../support/example-run.ts';
import { createMemoryProvider, type MemoryWorkspace } from '../support/memory-sandbox.ts';
import { passingCheck } from '../support/passing-check.ts';

/** What a generation saw in `strategies/`. */
export interface Shown {
  readonly directory: string;
  readonly lineage: string;
  readonly model?: string;
  readonly generation: number;
  /** 1000 × the seed of the run in which it was measured, plus where it stands. */
  readonly score: number;
}

export interface ArmsRun {
  readonly dir: string;
  readonly lineages: Readonly<Record<string, string>>;
  readonly arms: readonly string[];
  readonly seeds: readonly number[];
  readonly rounds: number;
  /** More of the experiment file, as YAML lines. */
  readonly settings?: string;
  /** Where a child goes to stand; default one further than its parent, so that each is better. */
  readonly stand?: (at: { readonly lineage: string; readonly generation: number; readonly parent: number }) => number;
  /** Where the sandbox is broken, and the run with it. */
  readonly breaks?: (at: { readonly run: string; readonly lineage: string; readonly generation: number }) => boolean;
  readonly onProgress?: (event: ProgressEvent) => void;
}

const place = Symbol.for('galapagos arms test');

/**
 * A whole experiment of real runs; sandboxes are scripted. In generation 1 a
 * lineage writes twelve lines of its own; in generation 2 it copies those of
 * the lineage that `copies.json` of its seed names, or of the first it sees.
 */
export async function armsRun(options: ArmsRun) {
  const { dir, lineages, arms, seeds, rounds, stand = ({ parent }) => parent + 1 } = options;
  const seen = new Map<string, readonly Shown[]>();
  const provider = createMemoryProvider(async (argv, workspace, { stdin, ...rest }) => {
    if (argv[1] === 'task.mjs') {
      const { bias } = JSON.parse(stdin!) as { bias: number };
      return { stdout: JSON.stringify({ x: jsonIn<{ x: number }>(workspace, 'position.json').x + bias }) };
    }
    // Another generation's meta-agent lies in a directory of its own.
    if (!/(^|\/)meta\.mjs$/.test(argv[1]!)) return passingCheck({ ...rest, ...(stdin === undefined ? {} : { stdin }) });
    const { lineage, generation } = JSON.parse(stdin!) as { lineage: string; generation: number };
    const spec = provider.opened.findLast(({ owner, mounts }) => owner === lineage && mounts.length > 0)!;
    if (options.breaks?.({ run: spec.run, lineage, generation })) throw new SandboxUnavailableError('scripted');
    const strategies = spec.mounts.find(({ target }) => target === 'strategies')!.source;
    const shown = shownIn(strategies);
    seen.set(`${spec.run}/${lineage}/${generation}`, shown);
    const parent = jsonIn<{ x: number }>(workspace, 'position.json').x;
    workspace.set('position.json', textFile(`${JSON.stringify({ x: stand({ lineage, generation, parent }) })}\n`));
    if (generation === 1) workspace.set('method.mjs', textFile(methodOf(lineage)));
    const wanted = workspace.has('copies.json') ? jsonIn<string>(workspace, 'copies.json') : shown[0]?.lineage;
    const from = shown.find((one) => one.lineage === wanted);
    const method = from === undefined ? '' : join(strategies, from.directory, 'method.mjs');
    if (generation === 2 && existsSync(method)) workspace.set('copied.mjs', textFile(readFileSync(method, 'utf8')));
    return { stdout: '{}' };
  });
  (globalThis as Record<symbol, unknown>)[place] = provider;
  const file = experimentFile(dir, { lineages, arms, seeds, rounds, settings: options.settings ?? '' });
  const out = join(dir, 'out');
  const { onProgress = () => {} } = options;
  const outcome = await run(file, { out, logLevel: 'silent', parallel: 1, onProgress });
  const records = new Map<string, RunRecord>();
  for (const { arm, seed, dir: at } of outcome.runs) records.set(`${arm}/${seed}`, await readRun(at));
  return { out, outcome, records, seen, provider };
}

function experimentFile(dir: string, options: Pick<ArmsRun, 'lineages' | 'arms' | 'seeds' | 'rounds' | 'settings'>) {
  mkdirSync(dir, { recursive: true });
  for (const id of Object.keys(options.lineages)) {
    cpSync(join(hill, 'seed'), join(dir, `seed-${id}`), { recursive: true });
    writeFileSync(join(dir, `seed-${id}`, 'position.json'), '{"x":0}\n');
    const ring = Object.keys(options.lineages);
    const next = ring[(ring.indexOf(id) + 1) % ring.length];
    if (ring.length > 2) writeFileSync(join(dir, `seed-${id}`, 'copies.json'), `${JSON.stringify(next)}\n`);
  }
  writeFileSync(join(dir, 'niche.mjs'), niche);
  writeFileSync(
    join(dir, 'sandbox.mjs'),
    `export default { kind: 'sandbox', name: 'scripted', create: () => globalThis[Symbol.for(${JSON.stringify(place.description)})] };\n`,
  );
  const lines = Object.entries(options.lineages).map(
    ([id, model]) => `  ${id}: { model: "${model}", seed: seed-${id} }`,
  );
  const file = join(dir, 'experiment.yaml');
  writeFileSync(
    file,
    `name: arms
niche: { module: ./niche.mjs }
lineages:
${lines.join('\n')}
arms: [${options.arms.join(', ')}]
seeds: [${options.seeds.join(', ')}]
budget: { generations: ${options.rounds} }
sandbox: { provider: ./sandbox.mjs, allowUnsafe: true, warm: 0 }
${options.settings ?? ''}
`,
  );
  return file;
}

const niche = `export default {
  kind: 'niche',
  name: 'line',
  create: () => ({
    name: 'line',
    version: '1',
    situations: ({ split, seed, count }) =>
      Array.from({ length: count }, (_, i) => ({ id: split + '-' + i, split, input: { bias: 1000 * seed } })),
    measure: (_situation, { output }) => ({ status: 'measured', score: Number(output.x), details: {} }),
  }),
};
`;

/** Twelve lines of which no six tokens in a row are anybody else's. */
function methodOf(lineage: string): string {
  const name = lineage.replaceAll('-', '_');
  const line = (_: unknown, i: number) => `export const ${name}_${i} = (${name}X) => ${name}Base[${i}] * ${name}X;`;
  return `${Array.from({ length: 12 }, line).join('\n')}\n`;
}

function jsonIn<T>(workspace: MemoryWorkspace, path: string): T {
  return JSON.parse(new TextDecoder().decode(workspace.get(path)!.bytes)) as T;
}

function shownIn(strategies: string): Shown[] {
  return readdirSync(strategies)
    .sort()
    .map((directory) => ({
      directory,
      ...(JSON.parse(readFileSync(join(strategies, directory, 'metadata.json'), 'utf8')) as Omit<Shown, 'directory'>),
    }));
}
