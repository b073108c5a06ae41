import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/ci-summary.mjs', import.meta.url));

type Tests = readonly ('passed' | 'failed')[] | 'unreadable';

/** The parts of a vitest report that are read; one list of test states per file, its tests named by their place. */
function report(...files: readonly Tests[]): string {
  return JSON.stringify({
    testResults: files.map((file, i) => ({
      name: `/somewhere/${i}.test.ts`,
      status: file === 'unreadable' || file.includes('failed') ? 'failed' : 'passed',
      assertionResults: file === 'unreadable' ? [] : file.map((status, j) => ({ status, fullName: `test ${j}` })),
    })),
  });
}

/** What is printed for reports, and for those of a second try beside them. */
function summary(failedSteps: number, reports: readonly (string | null)[], again: readonly (string | null)[] = []) {
  const { lines, status } = invoke(reports, again, (paths) => [String(failedSteps), ...paths]);
  return { line: lines.at(-1), status, unsteady: lines.filter((line) => line.startsWith('unsteady')) };
}

function invoke(
  reports: readonly (string | null)[],
  again: readonly (string | null)[],
  args: (paths: string[]) => string[],
) {
  const dir = mkdtempSync(join(tmpdir(), 'summary-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const paths = reports.map((text, i) => {
    const path = join(dir, `${i}.json`);
    if (text !== null) writeFileSync(path, text);
    if (again[i]) writeFileSync(`${path}.again`, again[i]);
    return path;
  });
  const { stdout, status } = spawnSync(process.execPath, [script, ...args(paths)], { encoding: 'utf8' });
  return { lines: stdout.trimEnd().split('\n'), status };
}

it('adds up what passed and failed in all runs', () => {
  expect(summary(0, [report(['passed', 'passed']), report(['passed'])])).toMatchObject({
    line: '3 passed, 0 failed',
    status: 0,
  });
  expect(summary(0, [report(['passed', 'failed']), report(['passed'])])).toMatchObject({
    line: '2 passed, 1 failed',
    status: 1,
  });
});

it.each([
  ['a run that left no report', [report(['passed']), null]],
  ['a report that was cut off', [report(['passed']), '{"numPassedTests": 3, "testRes']],
  ['a file that never got to its tests', [report(['passed'], 'unreadable')]],
])('counts %s as a failure', (_what, reports) => {
  expect(summary(0, reports)).toMatchObject({ line: '1 passed, 1 failed', status: 1 });
});

it('counts a check that failed beside the tests', () => {
  expect(summary(2, [report(['passed'])])).toMatchObject({ line: '1 passed, 2 failed', status: 1 });
});

it('is not content with no test at all', () => {
  expect(summary(0, [report()])).toMatchObject({ line: '0 passed, 0 failed', status: 1 });
});

const first = report(['passed', 'failed', 'failed'], ['passed']);

it('counts what passed at a second try as passed, and names it', () => {
  expect(summary(0, [first], [report(['passed', 'passed', 'passed'])])).toMatchObject({
    line: '4 passed, 0 failed',
    status: 0,
    unsteady: [
      'unsteady, passed only at the second try: ../../somewhere/0.test.ts > test 1',
      'unsteady, passed only at the second try: ../../somewhere/0.test.ts > test 2',
    ].map((line) => line.replace('../../somewhere', relative(process.cwd(), '/somewhere'))),
  });
  expect(summary(0, [report('unreadable')], [report(['passed', 'passed'])])).toMatchObject({
    line: '2 passed, 0 failed',
    status: 0,
  });
});

it.each([
  ['fails in the same file, if elsewhere', report(['failed', 'passed', 'passed'])],
  ['does not have the test', report(['passed', 'passed'])],
  ['is of another file', report([], ['passed'])],
  ['was cut off', '{"testResults": ['],
])('is not made good by a second try that %s', (_what, second) => {
  expect(summary(0, [first], [second])).toMatchObject({ status: 1, unsteady: expect.any(Array) });
  expect(summary(0, [first], [second]).line).toMatch(/^\d passed, [12] failed$/);
});

it('names the files in which something failed', () => {
  const { lines } = invoke([report(['passed'], ['failed'], 'unreadable')], [], (paths) => ['--failed', ...paths]);
  expect(lines.map((line) => line.replace(/.*\//, ''))).toEqual(['1.test.ts', '2.test.ts']);
});
