import { hash } from 'node:crypto';

/** A value that survives `JSON.parse(JSON.stringify(x))` unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/**
 * JSON with object keys in code-unit order and no white space: equal values
 * give equal bytes. Written out here because an object built by JavaScript
 * puts keys that look like array indices first, whatever order they came in.
 */
export function canonicalJson(value: unknown): string {
  return encode(value) ?? 'null';
}

/** `undefined` for what JSON leaves out of objects. */
function encode(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if ('toJSON' in value && typeof value.toJSON === 'function') return encode(value.toJSON());
  if (Array.isArray(value)) return `[${Array.from(value, (item) => encode(item) ?? 'null').join(',')}]`;
  const members = Object.keys(value)
    .sort()
    .flatMap((key) => {
      const inner = encode((value as Record<string, unknown>)[key]);
      return inner === undefined ? [] : [`${JSON.stringify(key)}:${inner}`];
    });
  return `{${members.join(',')}}`;
}

/** SHA-256 in lower-case hexadecimal, 64 digits. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}
