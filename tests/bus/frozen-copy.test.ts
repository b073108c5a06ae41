import fc from 'fast-check';
import { expect, it } from 'vitest';
import { frozenCopy } from '../../src/bus/frozen-copy.ts';
import type { Json } from '../../src/core/json.ts';

it('equals a round trip through JSON text, hostile keys and odd values included', () => {
  const anything = fc.object({
    key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString')),
    values: [
      fc.string(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.date({ noInvalidDate: true }),
    ],
    withNullPrototype: true,
  });
  fc.assert(
    fc.property(anything, (value) => {
      expect(JSON.stringify(frozenCopy(value as unknown as Json))).toBe(JSON.stringify(value));
    }),
  );
});

it('leaves the prototype of its copy alone', () => {
  const copy = frozenCopy(JSON.parse('{"__proto__": {"isAdmin": true}}') as Json) as Record<string, unknown>;
  expect(copy.isAdmin).toBeUndefined();
  expect(Object.keys(copy)).toEqual(['__proto__']);
});

it.each([[{ n: 1n }], [[Symbol('s'), 1n]], [() => 1], [undefined]])('refuses %o', (value) => {
  expect(() => frozenCopy(value as unknown as Json)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
});
