import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hasPlace, violationsOf } from './layer-rules.ts';
import { codeOf, filesBelow, importsOf, root } from './source-scan.ts';

const folders = ['src', 'actors', 'markspace', 'sandboxes', 'web', 'experiments', 'examples'];
const sources = filesBelow(
  folders.filter((folder) => existsSync(join(root, folder))),
  (path) => /\.[cm]?tsx?$/.test(path),
);

describe('the import direction', () => {
  it('reads the sources it is about', () => {
    expect(sources.map((file) => file.path)).toEqual(
      expect.arrayContaining(['src/core/ids.ts', 'src/bus/bus.ts', 'markspace/mark.ts', 'sandboxes/sandbox.ts']),
    );
    expect(sources.flatMap(importsOf).length).toBeGreaterThan(sources.length);
  });

  it('gives every file a layer', () => {
    expect(sources.map((file) => file.path).filter((path) => !hasPlace(path))).toEqual([]);
  });

  it('is kept by every file', () => {
    expect(sources.flatMap(violationsOf)).toEqual([]);
  });
});

const within = (path: string, text: string) => violationsOf({ path, text });

describe('the check of the import direction', () => {
  it.each([
    ['src/core/ids.ts', '../bus/bus.ts', 'src/bus/bus.ts'],
    ['src/bus/memory-bus.ts', '../lineage/lineage.ts', 'src/lineage/lineage.ts'],
    ['markspace/guard.ts', '../sandboxes/sandbox.ts', 'sandboxes/sandbox.ts'],
    ['src/models/openai-model.ts', '../runtime/start-run.ts', 'src/runtime/start-run.ts'],
    ['actors/solver/create-solver.ts', '../gate/gate-machine.ts', 'actors/gate/gate-machine.ts'],
    ['actors/solver/create-solver.ts', '../../src/bus/memory-bus.ts', 'src/bus/memory-bus.ts'],
    ['actors/serve-role.ts', '../src/bus/bus.ts', 'src/bus/bus.ts'],
    ['actors/serve-role.ts', './solver/create-solver.ts', 'actors/solver/create-solver.ts'],
    ['src/niches/packing/niche.ts', '../storage/niche.ts', 'src/niches/storage/niche.ts'],
    ['src/niches/packing/niche.ts', '../../../actors/serve-role.ts', 'actors/serve-role.ts'],
    ['src/runtime/start-run.ts', '../cli/main.ts', 'src/cli/main.ts'],
    ['src/cli/main.ts', '../core/errors.ts', 'src/core/errors.ts'],
    ['src/cli/main.ts', '../server/serve.ts', 'src/server/serve.ts'],
    ['examples/niche/niche.ts', '../../src/core/niche.ts', 'src/core/niche.ts'],
    ['src/core/ids.ts', '../../tests/support/clock.ts', 'tests/support/clock.ts'],
  ])('catches that %s imports %s, and names both files', (path, specifier, target) => {
    expect(within(path, `import { x } from '${specifier}';`)).toEqual([`${path} must not import ${target}`]);
  });

  it.each([
    ['src/bus/memory-bus.ts', '../core/json.ts'],
    ['src/bus/memory-bus.ts', './bus.ts'],
    ['actors/solver/create-solver.ts', '../../sandboxes/sandbox.ts'],
    ['actors/solver/create-solver.ts', '../serve-role.ts'],
    ['actors/solver/create-solver.ts', './solver-machine.ts'],
    ['src/niches/packing/niche.ts', '../../core/niche.ts'],
    ['src/runtime/start-run.ts', '../bus/memory-bus.ts'],
    ['src/cli/main.ts', '../index.ts'],
    ['examples/niche/niche.ts', 'galapagos'],
    ['src/bus/nats-bus.ts', '@nats-io/jetstream'],
    ['src/core/json.ts', 'node:crypto'],
  ])('lets %s import %s', (path, specifier) => {
    expect(within(path, `import { x } from '${specifier}';`)).toEqual([]);
  });

  it.each([
    "import type { Bus } from '../bus/bus.ts';",
    "import {\n  type Bus,\n} from '../bus/bus.ts';",
    "import '../bus/bus.ts';",
    "export * from '../bus/bus.ts';",
    "export { type Bus } from '../bus/bus.ts';",
    "const bus = await import('../bus/bus.ts');",
    "let bus: import('../bus/bus.ts').Bus;",
    'import { b } from "../bus/bus.ts";',
    "const ok = /[`'\"]/; import { b } from '../bus/bus.ts';",
  ])('sees an import in any form: %s', (text) => {
    expect(within('src/core/ids.ts', text)).toEqual(['src/core/ids.ts must not import src/bus/bus.ts']);
  });

  it.each([
    "// import { b } from '../bus/bus.ts';",
    "/* import '../bus/bus.ts' */",
    "const program = `import { b } from '../bus/bus.ts';`;",
    'const text = "import \'../bus/bus.ts\'";',
    "const list = Array.from('../bus/bus.ts');",
    "const date = 'Date.now()'; // Math.random()",
  ])('sees none where there is only text: %s', (text) => {
    expect(within('src/core/ids.ts', text)).toEqual([]);
  });

  it.each([
    ['src/runtime/start-run.ts', 'openai'],
    ['src/lineage/git-lineage.ts', 'openai/resources'],
    ['src/runtime/start-run.ts', 'simple-git'],
    ['markspace/nats-store.ts', '@nats-io/kv'],
    ['src/runtime/start-run.ts', 'pino'],
    ['src/runtime/start-run.ts', 'commander'],
    ['src/runtime/start-run.ts', 'galapagos'],
  ])('catches that %s imports the package %s', (path, specifier) => {
    expect(within(path, `import x from '${specifier}';`)).toEqual([expect.stringContaining(`${path} must not import`)]);
  });

  it.each([
    ['process.env', 'const key = process.env.KEY;'],
    ['process.env', 'const { KEY } = globalThis.process?.env;'],
    ['process.env', `const text = \`\${process.env.KEY}\`;`],
    ['process.env', "import { env } from 'node:process';"],
    ['Date.now', 'const at = Date.now();'],
    ['new Date()', 'const at = new Date().toISOString();'],
    ['performance.now', 'const at = globalThis.performance.now();'],
    ['Math.random', 'const draw = [1].map(Math.random);'],
  ])('catches %s outside its one place: %s', (what, text) => {
    expect(within('src/runtime/start-run.ts', text)).toEqual([
      expect.stringContaining(`src/runtime/start-run.ts must not use ${what}`),
    ]);
  });

  it('lets the clock, the random streams and the command line have what is theirs', () => {
    expect(within('src/core/clock.ts', 'Date.now(); performance.now();')).toEqual([]);
    expect(within('src/core/random.ts', 'Math.random();')).toEqual([]);
    expect(within('src/cli/main.ts', 'process.env.HOME;')).toEqual([]);
    expect(within('src/core/log.ts', 'new Date(5);')).toEqual([]);
  });

  it('keeps every position when it blanks out what is not code', () => {
    for (const { text } of sources) {
      const code = codeOf(text);
      expect(code.length).toBe(text.length);
      expect(code.split('\n').length).toBe(text.split('\n').length);
    }
  });
});
