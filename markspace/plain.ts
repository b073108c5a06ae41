import type { Json } from '../src/core/json.ts';

/**
 * What the value's JSON would be read back as, deeply frozen.
 * @param maxLength - In UTF-16 units of JSON.
 * @param maxDepth - Levels of lists and objects.
 * @returns `undefined` for what is larger, deeper, no JSON, or has a member `__proto__`, which would vanish where others are copied.
 */
export function plainCopy(value: unknown, maxLength: number, maxDepth: number): Json | undefined {
  try {
    const text = JSON.stringify(value) ?? 'null';
    if (text.length > maxLength) return undefined;
    const copy: Json = JSON.parse(text);
    return freezeWithin(copy, maxDepth) ? copy : undefined;
  } catch {
    return undefined;
  }
}

function freezeWithin(value: Json, levels: number): boolean {
  if (value === null || typeof value !== 'object') return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!freezeWithin(item, levels - 1)) return false;
  } else {
    for (const key in value) {
      if (key === '__proto__' || !freezeWithin((value as { [key: string]: Json })[key]!, levels - 1)) return false;
    }
  }
  Object.freeze(value);
  return true;
}

/** Parts of such copies on their way into a mark, so that nobody need copy them again. Few are at a time; a table of all would cost more than copying. */
const vouched: (object | null)[] = new Array(8).fill(null);
let next = 0;

/** @param part - Of what {@link plainCopy} gave. */
export function vouchFor(part: Json): void {
  if (part === null || typeof part !== 'object') return;
  vouched[next] = part;
  next = (next + 1) % vouched.length;
}

/** Whether it was vouched for, and not long ago. */
export const isPlain = (value: object) => vouched.includes(value);
