/**
 * Which hostile program is contained by which sandbox provider, and by what.
 *
 *   npm run bench -- containment [--json] [--only=<part of a name>]
 *
 * Runs every program of the hostile suite on every provider that works here
 * and prints the table in Markdown, or with `--json` every verdict with its
 * reason. Exits 1 when a program was not contained and no declared gap says so.
 */
import { builtInProviders } from '../sandboxes/providers.ts';
import type { SandboxProvider } from '../sandboxes/sandbox.ts';
import { hostileCases } from '../tests/conformance/hostile/cases.ts';
import { describeVerdict, judge, type Verdict } from '../tests/conformance/hostile/hostile-case.ts';

const options = process.argv.slice(2);
const only = options.find((option) => option.startsWith('--only='))?.slice('--only='.length) ?? '';
const cases = hostileCases.filter(({ name }) => name.includes(only));
const providers = builtInProviders();

async function verdictsOf(provider: SandboxProvider): Promise<Verdict[]> {
  const { usable, why } = await provider.probe();
  const verdicts: Verdict[] = [];
  for (const hostile of cases) {
    verdicts.push(
      usable
        ? await judge(hostile, provider).catch((error) => ({ kind: 'not measured', reason: String(error) }))
        : { kind: 'not measured', reason: `${provider.name} is not usable here: ${why}` },
    );
  }
  await provider[Symbol.asyncDispose]();
  return verdicts;
}

const columns: Verdict[][] = [];
for (const provider of providers) columns.push(await verdictsOf(provider));

if (options.includes('--json')) {
  const rows = cases.flatMap(({ name, what, gap }, row) =>
    providers.map((provider, column) => ({
      program: name,
      what,
      gap,
      provider: provider.name,
      ...columns[column]![row]!,
    })),
  );
  console.log(JSON.stringify(rows, null, 2));
} else {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  console.log(line(['program', 'what it does', ...providers.map(({ name }) => name)]));
  console.log(line(Array(providers.length + 2).fill('---')));
  for (const [row, { name, what }] of cases.entries()) {
    console.log(line([name, what, ...columns.map((verdicts) => describeVerdict(verdicts[row]!))]));
  }
}
const isBad = ({ kind }: Verdict) => kind === 'escaped' || kind === 'wrong reason';
if (columns.flat().some(isBad)) process.exitCode = 1;
