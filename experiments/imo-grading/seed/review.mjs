// node review.mjs                 what the last measurement on the training items says
// node review.mjs <situation>     one item that was graded wrong, as text
// node review.mjs <situation> --json | node task.mjs
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const grades = [0, 1, 6, 7];

/** The training items as the environment measured them, or an empty list. */
export function trainingItems() {
  if (!existsSync('evals/train.json')) return [];
  const { items = [] } = JSON.parse(readFileSync('evals/train.json', 'utf8')) ?? {};
  return items.filter((item) => item.consequence.status === 'measured');
}

/** Accuracy, mean error, which grade was given for which label, and the names of the items that were graded wrong. */
export function summary(items) {
  if (items.length === 0) return 'Nothing was measured on training items.';
  const of = items.map((item) => item.consequence.details);
  const mean = (name) => (of.reduce((sum, { measures }) => sum + measures[name], 0) / of.length).toFixed(3);
  const given = (label, points) => of.filter((one) => one.label === label && one.points === points).length;
  const rows = grades.map(
    (label) => `label ${label}: ${[...grades, null].map((p) => `${p ?? 'none'}×${given(label, p)}`).join(' ')}`,
  );
  const wrong = items.filter((item) => item.consequence.details.measures.accuracy === 0);
  return [
    `${of.length} training items: accuracy ${mean('accuracy')}, normalized absolute error ${mean('absoluteError')}.`,
    'Points given, by label:',
    ...rows,
    `Graded wrong: ${wrong.map((item) => item.situation).join(', ') || 'none'}`,
  ].join('\n');
}

function main([situation, form]) {
  const items = trainingItems();
  if (situation === undefined) return summary(items);
  const found = items.find((item) => item.situation === situation);
  const { shown, label, points } = found?.consequence.details ?? {};
  if (shown === undefined) return `nothing is shown of ${situation}`;
  if (form === '--json') return JSON.stringify(shown);
  const texts = Object.entries(shown).map(([name, text]) => `## ${name}\n\n${text}`);
  return [`A human gave ${label} points, you gave ${points ?? 'none'}.`, ...texts].join('\n\n');
}

if (process.argv[1] && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  process.stdout.write(`${main(process.argv.slice(2))}\n`);
}
