// node scripts/ci-summary.mjs <failed steps> <vitest report.json>...
// node scripts/ci-summary.mjs --failed <vitest report.json>
//
// Prints `N passed, N failed` as the last line, and exits 1 unless something
// was tested and nothing failed. A report that is missing or cut off, and a
// test file that never got to its tests, count as a failure each. Where
// `<report>.again` is there, files that failed were run a second time: what
// passed then counts as passed, and is named as unsteady.
//
// With --failed: the files in which something failed, one a line.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @param {number} failedSteps
 * @param {{first: string, second: string}[]} reports texts of reports, and of those of a second try (or '')
 * @returns {{passed: number, failed: number, unsteady: string[]}}
 */
export function summarize(failedSteps, reports) {
  const total = { passed: 0, failed: failedSteps, unsteady: [] };
  for (const { first, second } of reports) {
    const files = filesOf(first);
    const again = new Map((filesOf(second) ?? []).map((file) => [file.name, file]));
    if (files === null) total.failed += 1;
    for (const file of files ?? []) {
      const retried = again.get(file.name);
      total.passed += file.passed.length;
      for (const failure of file.failed) {
        const passed = retried?.failed.length === 0 && (failure === unreached || retried.passed.includes(failure));
        if (!passed) total.failed += 1;
        else if (failure === unreached) total.passed += retried.passed.length;
        else total.passed += 1;
        if (passed) total.unsteady.push(`${relative(process.cwd(), file.name)} > ${failure}`);
      }
    }
  }
  return total;
}

const unreached = '(never got to its tests)';

/** Every file of a report with the names of what passed and failed; null of what cannot be read. */
function filesOf(text) {
  try {
    return JSON.parse(text).testResults.map(({ name, status, assertionResults }) => {
      const named = (wanted) => assertionResults.filter((test) => test.status === wanted).map((test) => test.fullName);
      const failed = named('failed');
      if (status === 'failed' && failed.length === 0) failed.push(unreached);
      return { name, passed: named('passed'), failed };
    });
  } catch {
    return null;
  }
}

function readReport(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [what, ...paths] = process.argv.slice(2);
  if (what === '--failed') {
    const files = filesOf(readReport(paths[0])) ?? [];
    for (const file of files) if (file.failed.length > 0) console.log(relative(process.cwd(), file.name));
  } else {
    const reports = paths.map((path) => ({ first: readReport(path), second: readReport(`${path}.again`) }));
    const { passed, failed, unsteady } = summarize(Number(what), reports);
    if (passed + failed === 0) console.log('no test was executed');
    for (const test of unsteady) console.log(`unsteady, passed only at the second try: ${test}`);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
  }
}
