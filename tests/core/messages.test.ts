import { describe, expect, it } from 'vitest';
import { parseRequest, parseResult, roleNames } from '../../src/core/messages.ts';
import { addUsage, noUsage } from '../../src/core/records.ts';
import { valid } from './valid-messages.ts';

const overTheWire = <T>(message: T): T => JSON.parse(JSON.stringify(message)) as T;

describe('the messages of a role', () => {
  it.each([...roleNames])('of %s come through the wire unchanged', (role) => {
    expect(parseRequest(role, overTheWire(valid[role].request))).toEqual(valid[role].request);
    expect(parseResult(role, overTheWire(valid[role].result))).toEqual(valid[role].result);
  });

  it.each([...roleNames])('of %s are refused with a field too many, which is named', (role) => {
    const more = { ...valid[role].request, bribe: 1 };
    expect(() => parseRequest(role, more)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID', message: expect.stringMatching(`${role} request.*bribe`) }),
    );
  });

  it.each([...roleNames])('of %s are refused with any field missing, which is named', (role) => {
    for (const field of Object.keys(valid[role].request)) {
      const { [field]: _left, ...rest } = valid[role].request as Record<string, unknown>;
      expect(() => parseRequest(role, rest), field).toThrow(new RegExp(`^${role} request.*${field}`, 's'));
    }
  });

  it("may say which of a generation's trials they belong to, and which places of a split they are about", () => {
    for (const role of ['meta-agent', 'proposer', 'solver', 'environment', 'gate'] as const) {
      const request = { ...valid[role].request, trial: 'retest-1' };
      expect(parseRequest(role, overTheWire(request)), role).toEqual(request);
      expect(() => parseRequest(role, { ...request, trial: '' }), role).toThrow(/trial/);
    }
    const request = { ...valid.environment.request, places: [4] };
    expect(parseRequest('environment', overTheWire(request))).toEqual(request);
    expect(() => parseRequest('environment', { ...request, places: [] })).toThrow(/places/);
  });

  it.each([null, undefined, 7, 'text', []])('are never %j', (message) => {
    expect(() => parseRequest('gate', message)).toThrow(expect.objectContaining({ code: 'MESSAGE_INVALID' }));
  });

  it('carry only ids that were checked', () => {
    for (const [field, value] of [
      ['run', '../other'],
      ['lineage', 'A.*'],
      ['genome', 'not-hex'],
    ] as const) {
      const request = { ...valid.environment.request, [field]: value };
      expect(() => parseRequest('environment', request), field).toThrow(new RegExp(field));
    }
  });

  it('say no score where nothing was measured', () => {
    const failed = { status: 'failed', split: 'selection', reason: 'crash', message: 'x', items: [] };
    const result = (evaluation: object) => ({ evaluation, usage: noUsage });
    expect(() => parseResult('environment', result(failed))).not.toThrow();
    expect(() => parseResult('environment', result({ ...failed, score: 0 }))).toThrow(/score/);
  });

  // Regression: the reader ran out of stack, and the error had no code.
  it('are refused when nested too deeply to be read', () => {
    const depth = 50_000;
    const output: unknown = JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    expect(() => parseResult('solver', { ...valid.solver.result, output })).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID', message: 'solver result (v1): nested too deeply' }),
    );
  });
});

describe('usage', () => {
  const some = { calls: 1, toolCalls: 2, promptTokens: 3, completionTokens: 4, costUsd: 0.5 };

  it('adds up, and nothing added changes nothing', () => {
    expect(addUsage(some, some)).toEqual({ calls: 2, toolCalls: 4, promptTokens: 6, completionTokens: 8, costUsd: 1 });
    expect(addUsage(some, noUsage)).toEqual(some);
  });

  it('has no known price as soon as one part has none', () => {
    expect(addUsage(some, { ...some, costUsd: null }).costUsd).toBeNull();
    expect(addUsage({ ...some, costUsd: null }, some).costUsd).toBeNull();
  });
});
