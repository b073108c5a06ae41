import type { Generation } from '../../src/core/records.ts';

/** The subject line of a generation's commit: what changed, or why it failed. One line, no scores. */
export function summaryOf(g: Omit<Generation, 'commit' | 'published'>): string {
  if (g.verdict === 'seed') return 'the initial harness';
  if (g.failure !== null) return oneLine(`${g.failure.stage}, ${g.failure.message}`);
  const evaluation = [g.train, g.selection].find((e) => e?.status === 'failed');
  if (evaluation?.status === 'failed') return oneLine(`${evaluation.reason}, ${evaluation.message}`);
  const adopted = g.adoption === null ? '' : `, adopted from ${g.adoption.from.lineage} g${g.adoption.from.generation}`;
  const code = g.changedFiles.length === 0 ? [] : [`${g.changedFiles.join(', ')}${adopted}`];
  return oneLine([...code, ...lessonOf(g)].join('; '));
}

function lessonOf({ lesson }: Pick<Generation, 'lesson'>): string[] {
  if (lesson === undefined) return [];
  if (lesson.status === 'failed') return [`no training, ${lesson.reason}`];
  return [`weights trained on ${lesson.examples} examples of ${lesson.generations.length} generations`];
}

function oneLine(text: string): string {
  const clean = [...text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ').trim()];
  return clean.length > 100 ? `${clean.slice(0, 99).join('')}…` : clean.join('');
}
