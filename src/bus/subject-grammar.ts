import { IdInvalidError } from '../core/errors.ts';

const token = /^[A-Za-z0-9_-]+$/;

/**
 * Checks a subject that is published to, asked, or answered on.
 * @throws {IdInvalidError} for wildcards, empty or foreign tokens, and work queues: those take jobs only.
 */
export function checkSubject(subject: string): void {
  if (!subject.split('.').every((part) => token.test(part))) {
    throw new IdInvalidError(`${JSON.stringify(subject)} is not a subject: use tokens of letters, digits, "_" and "-"`);
  }
  if (isQueue(subject)) throw new IdInvalidError(`${subject} is a work queue: it takes jobs only`);
}

/** @throws {IdInvalidError} when `*` or `>` is not a whole token, or `>` is not the last one. */
export function checkPattern(pattern: string): void {
  const parts = pattern.split('.');
  const isLegal = parts.every(
    (part, at) => token.test(part) || part === '*' || (part === '>' && at === parts.length - 1),
  );
  if (!isLegal) throw new IdInvalidError(`${JSON.stringify(pattern)} is not a subject pattern`);
}

/** Work queues are the subjects `gal.v1.<run>.<role>.<id>.job-requested`. */
export function isQueue(subject: string): boolean {
  const parts = subject.split('.');
  return parts.length === 6 && parts[0] === 'gal' && parts[1] === 'v1' && parts[5] === 'job-requested';
}

/** @throws {IdInvalidError} when jobs cannot be queued on that subject. */
export function checkQueue(queue: string): void {
  if (!isQueue(queue) || !queue.split('.').every((part) => token.test(part))) {
    throw new IdInvalidError(`${JSON.stringify(queue)} is not a work queue: gal.v1.<run>.<role>.<id>.job-requested`);
  }
}

/** Whether a pattern covers a subject: `*` stands for one token, a final `>` for one or more. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.');
  const given = subject.split('.');
  for (const [at, part] of wanted.entries()) {
    if (part === '>') return given.length > at;
    if (part !== '*' && part !== given[at]) return false;
    if (at >= given.length) return false;
  }
  return wanted.length === given.length;
}
