import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge } from '../../actors/gate/judge.ts';
import { gateSchema } from '../../src/core/config/gate-schema.ts';
import { checkResult } from '../../src/core/contracts.ts';
import type { RequestOf } from '../../src/core/messages.ts';
import type { Evaluation } from '../../src/core/records.ts';
import { valid } from '../core/valid-messages.ts';
import { measured, unmeasured } from './samples.ts';

type Evidence = RequestOf<'gate'>;
/** What an experiment file without a `gate` section has. */
const defaults = gateSchema.parse({});
const failure = { stage: 'import-check', message: 'task.mjs: SyntaxError' } as const;

function evidence(changes: {
  policy?: Evidence['policy'];
  selection?: Evaluation | null;
  failure?: Evidence['candidate']['failure'];
  best?: Evidence['best'];
}): Evidence {
  const {
    policy = 'strict-improvement',
    selection = measured(2),
    best = { generation: 0, selection: measured(1) },
  } = changes;
  const candidate = { ...valid.gate.request.candidate, selection, failure: changes.failure ?? null };
  return { ...valid.gate.request, policy, candidate, best, retests: [], memory: null };
}

const outcomes = (e: Evidence) => judge(e, defaults, null).checks.map((c) => `${c.name} ${c.outcome}`);

describe('verdicts', () => {
  it.each([
    [
      'failed: it could not be edited or imported',
      evidence({ failure, selection: null }),
      'failed',
      ['validity refuse'],
    ],
    ['failed: a failure counts, whatever was measured', evidence({ failure }), 'failed', ['validity refuse']],
    ['failed: it was not evaluated', evidence({ selection: null }), 'failed', ['validity pass', 'measured unknown']],
    [
      'failed: it could not be measured',
      evidence({ selection: unmeasured() }),
      'failed',
      ['validity pass', 'measured unknown'],
    ],
    [
      'failed: the policy `valid` needs a measurement too',
      evidence({ policy: 'valid', selection: unmeasured() }),
      'failed',
      ['validity pass', 'measured unknown'],
    ],
    [
      'promoted: valid is enough for the policy `valid`',
      evidence({ policy: 'valid', selection: measured(-5) }),
      'promoted',
      ['validity pass', 'measured pass'],
    ],
    [
      'promoted: better than the best',
      evidence({}),
      'promoted',
      ['validity pass', 'measured pass', 'improvement pass'],
    ],
    [
      'promoted: nothing was measured before',
      evidence({ best: null, selection: measured(-5) }),
      'promoted',
      ['validity pass', 'measured pass', 'improvement pass'],
    ],
    [
      'archived: as good as the best',
      evidence({ selection: measured(1) }),
      'archived',
      ['validity pass', 'measured pass', 'improvement refuse'],
    ],
    [
      'archived: worse',
      evidence({ selection: measured(0) }),
      'archived',
      ['validity pass', 'measured pass', 'improvement refuse'],
    ],
    [
      'archived: unknown never passes, so a best without a score beats everybody',
      evidence({ best: { generation: 0, selection: unmeasured() } }),
      'archived',
      ['validity pass', 'measured pass', 'improvement unknown'],
    ],
  ] as const)('%s', (_, e, verdict, checks) => {
    expect(judge(e, defaults, null).verdict).toBe(verdict);
    expect(outcomes(e)).toEqual(checks);
  });

  it('says by how much, against which generation, and why it failed', () => {
    const reasonsOf = (e: Evidence) => judge(e, defaults, null).checks.map((c) => c.reason);
    expect(reasonsOf(evidence({ selection: measured(1.25) })).at(-1)).toBe('+0.2500 against generation 0');
    expect(reasonsOf(evidence({ selection: measured(0.5) })).at(-1)).toBe('-0.5000 against generation 0');
    expect(reasonsOf(evidence({ failure }))).toEqual(['import-check: task.mjs: SyntaxError']);
    expect(reasonsOf(evidence({ selection: unmeasured() })).at(-1)).toBe('timeout: too slow');
  });
});

describe('for every evidence', () => {
  const score = fc.double({ noNaN: true, noDefaultInfinity: true });
  const evaluation = fc.oneof(
    score.map((s) => measured(s)),
    fc.constant(unmeasured()),
  );
  const anyEvidence = fc
    .record({
      policy: fc.constantFrom('strict-improvement' as const, 'valid' as const),
      selection: fc.option(evaluation),
      failure: fc.option(fc.constant(failure)),
      best: fc.option(evaluation.map((selection) => ({ generation: 0, selection }))),
    })
    .map(evidence);

  it('promoted implies that every check passes, and the contract of the role holds', () => {
    fc.assert(
      fc.property(anyEvidence, (e) => {
        const result = judge(e, defaults, null);
        if (result.verdict === 'promoted') expect(result.checks.every((c) => c.outcome === 'pass')).toBe(true);
        expect(() => checkResult('gate', 'gate', e, result)).not.toThrow();
      }),
    );
  });

  it('promotes under strict improvement exactly what is strictly better, however little', () => {
    fc.assert(
      fc.property(score, score, (best, candidate) => {
        const at = (s: number) =>
          evidence({ selection: measured(s), best: { generation: 0, selection: measured(best) } });
        expect(judge(at(best), defaults, null).verdict).toBe('archived');
        expect(judge(at(candidate), defaults, null).verdict).toBe(candidate > best ? 'promoted' : 'archived');
      }),
    );
  });
});
