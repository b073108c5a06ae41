import { readFileSync } from 'node:fs';
import { askModel } from './gateway.mjs';
import { readPoints } from './points.mjs';

const tries = 2;

/** The points that the model gives; null when it did not say so in any of its tries. */
export async function grade(situation) {
  const messages = [
    { role: 'system', content: readFileSync(new URL('./rubric.md', import.meta.url), 'utf8') },
    { role: 'user', content: sheet(situation) },
  ];
  for (let i = 0; i < tries; i += 1) {
    const { content } = await askModel(messages);
    const points = readPoints(content ?? '');
    if (points !== null) return points;
    messages.push({ role: 'assistant', content: content || '(nothing)' });
    messages.push({
      role: 'user',
      content: 'Answer with one line: "Points: 0", "Points: 1", "Points: 6" or "Points: 7".',
    });
  }
  return null;
}

/** What is known of an item, the student's text last. */
function sheet({ problem, reference, guidelines, response }) {
  const parts = [
    ['Problem', problem],
    ['Reference solution', reference],
    ['Grading guidelines', guidelines],
    ["Student's answer", response],
  ];
  return parts
    .filter(([, text]) => text !== undefined)
    .map(([title, text]) => `## ${title}\n\n${text}`)
    .join('\n\n');
}
