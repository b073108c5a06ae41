const words = { incorrect: 0, partial: 1, almost: 6, correct: 7 };
const quotes = '["\'*_`\\s]*';
const grade = '(incorrect|partial|almost|correct|[0-7](?![\\d.]*\\d))';
// "Points: 6", "**Grade:** almost", "the score is 6/7", {"points": 6}, \boxed{6}
const stated = new RegExp(`(?:points?|grade|score|verdict|boxed)${quotes}[:={]?${quotes}(?:is\\s+)?${grade}\\b`, 'gi');
// A last line such as "6", "6/7", "6 points", "almost."
const atTheEnd = new RegExp(
  `(?:^|\\s)${quotes}${grade}(?:\\s*/\\s*7|\\s+out of 7|\\s+points?)?${quotes}\\.?${quotes}$`,
  'i',
);

/** The grade a model's answer ends in: 0, 1, 6 or 7; null when it says none. What it thought aloud before does not count. */
export function readPoints(answer) {
  const text = answer.replace(/^[\s\S]*<\/think(ing)?>/i, '').trim();
  const last = [...text.matchAll(stated)].at(-1)?.[1] ?? atTheEnd.exec(text.split('\n').at(-1))?.[1];
  if (last === undefined) return null;
  const points = words[last.toLowerCase()] ?? Number(last);
  return Object.values(words).includes(points) ? points : null;
}
