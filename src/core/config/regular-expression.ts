import { z } from 'zod';

/** The source of a regular expression with the flag `u`. */
export const regularExpression = z.string().min(1).refine(isRegularExpression, { error: 'not a regular expression' });

function isRegularExpression(source: string): boolean {
  try {
    new RegExp(source, 'u');
    return true;
  } catch {
    return false;
  }
}
