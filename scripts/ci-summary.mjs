// node scripts/ci-summary.mjs <failed steps> <vitest report.json>...
//
// Prints `N passed, N failed` as the last line, and exits 1 unless something
// was tested and nothing failed. A report that is missing or cut off, and a
// test file that never got to its tests, count as a failure each.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

export function summarize(failedSteps, reportTexts) {
  const total = { passed: 0, failed: failedSteps };
  for (const text of reportTexts) {
    const { passed, failed } = countsOf(text);
    total.passed += passed;
    total.failed += failed;
  }
  return total;
}

function countsOf(text) {
  try {
    const report = JSON.parse(text);
    const unreached = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + unreached.length };
  } catch {
    return { passed: 0, failed: 1 };
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
  const { passed, failed } = summarize(Number(process.argv[2]), process.argv.slice(3).map(readReport));
  if (passed + failed === 0) console.log('no test was executed');
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}
