import { describe, expect, it } from 'vitest';
import * as errors from '../../src/core/errors.ts';

type ErrorClass = new (message: string, options?: errors.GalapagosErrorOptions) => errors.GalapagosError;

const classes = Object.entries(errors as Record<string, unknown>).flatMap(([name, value]): [string, ErrorClass][] =>
  /^[A-Z]\w+Error$/.test(name) && name !== 'GalapagosError' ? [[name, value as ErrorClass]] : [],
);

describe('an error thrown on purpose', () => {
  it.each(classes)('%s carries its own name, a code of its own, and what it was made with', (name, Thrown) => {
    const cause = new Error('below');
    const error = new Thrown('no space', { details: { bytes: 7 }, cause });
    expect(error).toBeInstanceOf(errors.GalapagosError);
    expect(error).toMatchObject({ name, message: 'no space', details: { bytes: 7 }, cause });
    expect(error.code).toBe(
      name
        .replace(/Error$/, '')
        .replace(/(?!^)([A-Z])/g, '_$1')
        .toUpperCase(),
    );
    expect(new Thrown('x').details).toEqual({});
  });

  it('has a code that no other has', () => {
    const codes = classes.map(([, Thrown]) => new Thrown('x').code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.length).toBeGreaterThan(20);
  });

  it('says that a second try may help only where something outside was unavailable or busy', () => {
    const retryable = classes.map(([, Thrown]) => new Thrown('x')).filter((error) => error.retryable);
    expect(retryable.map((error) => error.code).sort()).toEqual([
      'BUS_UNAVAILABLE',
      'JOB_ABANDONED',
      'MODEL_UNAVAILABLE',
      'RUN_LOCKED',
      'SANDBOX_UNAVAILABLE',
    ]);
  });
});

describe('describeError', () => {
  it('tells the message and then the causes', () => {
    const error = new errors.StorageFailedError('cannot append', { cause: new Error('ENOSPC', { cause: 'disk' }) });
    expect(errors.describeError(error)).toBe('cannot append: ENOSPC: disk');
  });

  it('takes anything that can be thrown, and ends on a cause that leads back', () => {
    expect(errors.describeError('text')).toBe('text');
    expect(errors.describeError(undefined)).toBe('');
    const loop = new Error('again');
    loop.cause = loop;
    expect(errors.describeError(loop)).toBe('again: again: again: again: again');
  });
});
