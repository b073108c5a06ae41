import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/ci-summary.mjs', import.meta.url));

/** The parts of a vitest report that are read; one list of test states per file. */
function report(...files: readonly (readonly ('passed' | 'failed')[] | 'unreadable')[]): string {
  const tests = files.flatMap((file) => (file === 'unreadable' ? [] : file));
  return JSON.stringify({
    numPassedTests: tests.filter((t) => t === 'passed').length,
    numFailedTests: tests.filter((t) => t === 'failed').length,
    testResults: files.map((file) => ({
      status: file === 'unreadable' || file.includes('failed') ? 'failed' : 'passed',
      assertionResults: file === 'unreadable' ? [] : file.map((status) => ({ status })),
    })),
  });
}

function summary(failedSteps: number, ...reports: readonly (string | null)[]) {
  const dir = mkdtempSync(join(tmpdir(), 'summary-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const paths = reports.map((text, i) => {
    const path = join(dir, `${i}.json`);
    if (text !== null) writeFileSync(path, text);
    return path;
  });
  const { stdout, status } = spawnSync(process.execPath, [script, String(failedSteps), ...paths], { encoding: 'utf8' });
  return { line: stdout.trimEnd().split('\n').at(-1), status };
}

it('adds up what passed and failed in all runs', () => {
  expect(summary(0, report(['passed', 'passed']), report(['passed']))).toEqual({
    line: '3 passed, 0 failed',
    status: 0,
  });
  expect(summary(0, report(['passed', 'failed']), report(['passed']))).toEqual({
    line: '2 passed, 1 failed',
    status: 1,
  });
});

it.each([
  ['a run that left no report', [report(['passed']), null]],
  ['a report that was cut off', [report(['passed']), '{"numPassedTests": 3, "testRes']],
  ['a file that never got to its tests', [report(['passed'], 'unreadable')]],
])('counts %s as a failure', (_what, reports) => {
  expect(summary(0, ...reports)).toEqual({ line: '1 passed, 1 failed', status: 1 });
});

it('counts a check that failed beside the tests', () => {
  expect(summary(2, report(['passed']))).toEqual({ line: '1 passed, 2 failed', status: 1 });
});

it('is not content with no test at all', () => {
  expect(summary(0, report())).toEqual({ line: '0 passed, 0 failed', status: 1 });
});
