import { MessageInvalidError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';

/**
 * A deeply frozen copy of a message, equal to what `JSON.parse(JSON.stringify(message))`
 * gives. Sender and receivers cannot reach each other through it, so one copy
 * serves all receivers; a plain walk costs a fraction of `structuredClone`.
 *
 * @throws {MessageInvalidError} for what JSON cannot carry (a cycle, a bigint, a bare function).
 */
export function frozenCopy(message: Json): Json {
  try {
    return copy(message);
  } catch (cause) {
    throw new MessageInvalidError('the message is not JSON', { cause });
  }
}

function copy(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? copyArray(value) : copyObject(value);
    default:
      throw new TypeError(`a ${typeof value} is not JSON`);
  }
}

function copyArray(value: readonly unknown[]): Json {
  const out: Json[] = [];
  for (const item of value) out.push(isAbsent(item) ? null : copy(item));
  return Object.freeze(out);
}

function copyObject(value: object): Json {
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return copy(JSON.parse(JSON.stringify(value)));
  const out: Record<string, Json> = {};
  for (const key of Object.keys(value)) {
    const item = (value as Record<string, unknown>)[key];
    if (isAbsent(item)) continue;
    // Assigning to __proto__ would change the copy's prototype; JSON.parse makes it a key like any other.
    if (key === '__proto__') Object.defineProperty(out, key, { value: copy(item), enumerable: true });
    else out[key] = copy(item);
  }
  return Object.freeze(out);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'function' || typeof value === 'symbol';
}
