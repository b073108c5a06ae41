import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, sha256 } from '../../src/core/json.ts';

/** The same value with its keys put in again in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== 'object') return value;
  const out = Object.create(null) as Record<string, unknown>;
  for (const [key, inner] of Object.entries(value).reverse()) out[key] = shuffled(inner);
  return out;
}

describe('canonicalJson', () => {
  it('gives equal values equal bytes, whatever order their keys came in', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(shuffled(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('orders keys by code units, those that look like numbers too', () => {
    expect(canonicalJson({ b: 1, 9: 2, a: 3, 10: 4, B: 5, é: 6 })).toBe('{"10":4,"9":2,"B":5,"a":3,"b":1,"é":6}');
  });

  it('treats as JSON does what JSON has no word for', () => {
    expect(canonicalJson({ a: undefined, b: [undefined, Number.NaN, -0], at: new Date(0) })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","b":[null,null,0]}',
    );
    expect(canonicalJson(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}');
  });
});

describe('sha256', () => {
  it('is the published digest of the empty text and of "abc"', () => {
    expect(sha256('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256(new TextEncoder().encode('abc'))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
