import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodeOf, exitCodes } from '../../src/cli/exit-codes.ts';
import { reportError } from '../../src/cli/report-error.ts';
import { GalapagosError } from '../../src/index.ts';
import { cli } from './run-cli.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'gal-cli-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a mistake on the command line', () => {
  it.each([
    ['an unknown command', ['rnu'], /unknown command 'rnu'[\s\S]*run/],
    ['an unknown option', ['ls', '--jsno'], /unknown option '--jsno'[\s\S]*--json/],
    ['a missing argument', ['run'], /missing required argument 'experiment'/],
    ['an unknown arm', ['run', 'packing', '--arm', 'piared'], /no arm piared; there are paired, solo/],
    ['a seed that is none', ['run', 'packing', '--seed', '1,x'], /whole numbers/],
    ['a setting without a value', ['run', 'packing', '--set', 'budget'], /path=value/],
    ['no runs at a time', ['run', 'packing', '--parallel', '0'], /1 or more/],
    ['an unknown verdict', ['log', 'x', '--verdict', 'good'], /promoted/],
    ['an unknown run', ['show', 'nosuch', '--out', '/nonexistent'], /no run "nosuch"[\s\S]*galapagos ls/],
  ])('is exit code 2 and says what was wrong: %s', async (_what, argv, message) => {
    const { exitCode, stdout, stderr } = await cli(argv);
    expect({ exitCode, stdout }).toEqual({ exitCode: exitCodes.usage, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it('shows the help on standard error when there is no command, and on standard output when asked', async () => {
    const none = await cli([]);
    expect([none.exitCode, none.stdout]).toEqual([exitCodes.usage, '']);
    expect(none.stderr).toContain('Commands:');
    const asked = await cli(['--help']);
    expect([asked.exitCode, asked.stderr]).toEqual([exitCodes.done, '']);
    expect(asked.stdout).toContain('130 interrupted');
  });

  it.each(['run', 'resume', 'ls', 'show', 'log', 'marks', 'diff', 'doctor', 'clean', 'schema'])(
    'is prevented by the help of %s, which has an example and names --json',
    async (command) => {
      const { exitCode, stdout } = await cli([command, '--help']);
      expect(exitCode).toBe(exitCodes.done);
      expect(stdout).toMatch(/Examples?:\n {2}galapagos /);
      expect(stdout).toContain('--json');
    },
  );
});

describe('a wrong configuration', () => {
  const experiment = (text: string) => {
    const at = mkdtempSync(join(dir, 'experiment-'));
    writeFileSync(join(at, 'experiment.yaml'), text);
    return at;
  };

  it('is exit code 3, and a misspelt key is named with its place and the likely one', async () => {
    const at = experiment('name: x\nniche: circle-packing\nlineages: {}\nbudgte: { generations: 1 }\n');
    const { exitCode, stdout, stderr } = await cli(['run', at, '--dry-run', '--json']);
    expect({ exitCode, stdout }).toEqual({ exitCode: exitCodes.invalidConfiguration, stdout: '' });
    expect(stderr).toContain(`${at}/experiment.yaml:4:1 budgte: unknown key; did you mean "budget"?`);
    expect(stderr).toContain('next: ');
  });

  it('is exit code 3 for a misspelt override and for an experiment that is not there', async () => {
    const misspelt = await cli(['run', 'packing', '--dry-run', '--set', 'budget.generatoins=1']);
    expect(misspelt.exitCode).toBe(exitCodes.invalidConfiguration);
    expect(misspelt.stderr).toContain('did you mean "generations"?');
    const missing = await cli(['run', join(dir, 'nosuch'), '--json']);
    expect([missing.exitCode, missing.stdout]).toEqual([exitCodes.invalidConfiguration, '']);
    expect(missing.stderr).toContain('no experiment');
  });

  it('is exit code 3 for a run of another format', async () => {
    const run = join(dir, 'old');
    mkdirSync(run);
    writeFileSync(join(run, 'config.json'), '{"format":99,"version":"9.9.9"}');
    const { exitCode, stderr } = await cli(['show', run]);
    expect(exitCode).toBe(exitCodes.invalidConfiguration);
    expect(stderr).toContain('9.9.9');
    expect((await cli(['ls', '--out', dir])).stderr).toContain('run format 99');
  });

  it('is found when a secret is missing, which is looked up in the environment by its name only', async () => {
    const at = experiment(
      [
        'name: x\nniche: { module: circle-packing, params: { circles: 4 } }\narms: [solo]\nbudget: { generations: 1 }',
        `lineages: { a: { model: m } }\nseed: ${join(process.cwd(), 'experiments/packing/seed')}`,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the syntax of a secret
        'models: { m: { kind: openai, model: x, apiKey: "${GAL_TEST_KEY}" } }\n',
      ].join('\n'),
    );
    const without = await cli(['run', at, '--dry-run']);
    expect(without.exitCode).toBe(exitCodes.invalidConfiguration);
    expect(without.stderr).toContain('GAL_TEST_KEY');
    const given = await cli(['run', at, '--dry-run', '--json'], { env: { GAL_TEST_KEY: 'hush-hush' } });
    expect(given.exitCode).toBe(exitCodes.done);
    expect(given.stdout + given.stderr).not.toContain('hush-hush');
  });
});

describe('a failure', () => {
  it('is exit code 1 when the results cannot be written, and says where', async () => {
    const file = join(dir, 'a-file');
    writeFileSync(file, '');
    const argv = ['run', 'packing', '--seed', '1', '--arm', 'solo', '--sandbox', 'process', '--json'];
    const { exitCode, stdout, stderr } = await cli([...argv, '--out', join(file, 'below')]);
    expect({ exitCode, stdout }).toEqual({ exitCode: exitCodes.failed, stdout: '' });
    expect(stderr).toContain(join(file, 'below'));
    expect(stderr).toContain('--out');
  });

  it('is exit code 1 for a sandbox that does not exist', async () => {
    const { exitCode, stderr } = await cli(['run', 'packing', '--sandbox', 'shoebox', '--out', dir]);
    expect(exitCode).toBe(exitCodes.failed);
    expect(stderr).toContain('galapagos doctor');
  });

  it('shows a stack only when asked', async () => {
    const argv = ['show', 'nosuch', '--out', dir];
    expect((await cli(argv)).stderr).not.toMatch(/^ {4}at /m);
    expect((await cli([...argv, '--verbose'])).stderr).toMatch(/^ {4}at /m);
    expect((await cli(argv, { env: { GALAPAGOS_DEBUG: '1' } })).stderr).toMatch(/^ {4}at /m);
  });

  it('says that an error nobody meant is a defect, and lets no control character through', () => {
    const report = reportError(new TypeError('odd \x1b[2J'), { isVerbose: false, commandName: 'galapagos' });
    expect(report).toBe('error: odd ␛[2J\nnext: this is a defect of galapagos; --verbose shows where it happened\n');
  });
});

it.each([
  ['POLICY_REFUSED', 4],
  ['MARKSPACE_DENIED', 4],
  ['PLUGIN_INVALID', 3],
  ['ID_INVALID', 3],
  ['RUN_LOCKED', 1],
  ['RUN_CANCELLED', 130],
] as const)('maps %s to exit code %i', (code, expected) => {
  expect(exitCodeOf(new GalapagosError(code, false, ''))).toBe(expected);
});
