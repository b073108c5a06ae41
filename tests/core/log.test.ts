import { describe, expect, it } from 'vitest';
import { ModelUnavailableError } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/log.ts';

function logged(write: (log: ReturnType<typeof createLogger>) => void, level = 'info'): string[] {
  const lines: string[] = [];
  write(createLogger({ level, bindings: { run: 'r1' }, destination: { write: (line) => void lines.push(line) } }));
  return lines;
}

const secret = 'sk-very-secret';

describe('the log', () => {
  it.each([
    ['an option', { apiKey: secret }],
    ['the options of a client', { client: { apiKey: secret } }],
    ['the options below an error', { err: { client: { apiKey: secret } } }],
    ['headers', { headers: { authorization: `Bearer ${secret}` } }],
    ['a request', { request: { headers: { Authorization: `Bearer ${secret}` } } }],
    ['the request of a failed call', { err: { request: { headers: { authorization: `Bearer ${secret}` } } } }],
  ])('shows no secret out of %s', (_where, fields) => {
    const [line] = logged((log) => log.info(fields, 'call failed'));
    expect(line).toContain('call failed');
    expect(line).toContain('[redacted]');
    expect(line).not.toContain(secret);
  });

  it('shows no secret that a child logger was made with', () => {
    const [line] = logged((log) => log.child({ apiKey: secret }).info('x'));
    expect(line).not.toContain(secret);
  });

  it('tells code, details and causes of an error', () => {
    const err = new ModelUnavailableError('gave up', { details: { attempts: 5 }, cause: new Error('ECONNRESET') });
    const [line] = logged((log) => log.info({ err }, 'call failed'));
    expect(JSON.parse(line!)).toMatchObject({
      run: 'r1',
      err: { code: 'MODEL_UNAVAILABLE', retryable: true, details: { attempts: 5 } },
    });
    expect(line).toContain('ECONNRESET');
  });

  it('stays one line, whatever a candidate printed', () => {
    const lines = logged((log) => log.info({ untrusted: 'a\n{"level":60,"msg":"forged"}' }, 'stderr'));
    expect(lines).toHaveLength(1);
    expect(lines[0]!.trimEnd()).not.toContain('\n');
  });

  it('is silent below its level', () => {
    expect(logged((log) => log.debug('x'), 'warn')).toEqual([]);
  });
});
