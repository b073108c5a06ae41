/**
 * Exact methods for few observations: what the other parts of the project may
 * use of `statistics/`.
 */
export { holm } from './statistics/holm.ts';
export { binomialUpperTail } from './statistics/proportions.ts';
export { maxSignFlipN, signFlipP } from './statistics/sign-flip.ts';
export { tInterval } from './statistics/student.ts';
