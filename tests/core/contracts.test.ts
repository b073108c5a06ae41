import { describe, expect, it } from 'vitest';
import { checkResult, contracts } from '../../src/core/contracts.ts';
import type { RequestOf, ResultOf, RoleName } from '../../src/core/messages.ts';
import { roleNames } from '../../src/core/messages.ts';
import type { Evaluation } from '../../src/core/records.ts';
import { valid } from './valid-messages.ts';

interface Case {
  readonly request: unknown;
  readonly good: unknown;
  /** Results that break the rule and no earlier one. */
  readonly bad: Readonly<Record<string, unknown>>;
}

function given<R extends RoleName>(
  role: R,
  bad: Readonly<Record<string, ResultOf<R>>>,
  { request = valid[role].request as RequestOf<R>, good = valid[role].result as ResultOf<R> } = {},
): Case {
  return { request, good, bad };
}

const generation = valid.lineage.result.generation!;
const { failure: _, status: __, genome: ___, ...edit } = valid['meta-agent'].result as never as Record<string, unknown>;
const edited = { ...edit, status: 'edited', genome: generation.genome, adoption: null } as ResultOf<'meta-agent'>;
const situation = valid.proposer.result.situations[0]!;
const two = { ...valid.proposer.request, count: 2 };
const situations = (...ids: string[]) => ({ situations: ids.map((id) => ({ ...situation, id })) });
const { evaluation, usage } = valid.environment.result;
const item = evaluation.items[0]!;
const items = [item, { ...item, consequence: { status: 'measured' as const, score: 2.5, details: null } }];
const failedItem = { ...item, consequence: { status: 'failed' as const, reason: 'crash' as const, message: 'x' } };
const scored = (score: number, n: number, of: Evaluation['items']) => ({
  evaluation: { status: 'measured' as const, split: 'selection' as const, score, n, items: of },
  usage,
});
const pass = { name: 'measured', outcome: 'pass' as const, reason: '' };
const failure = { stage: 'collect' as const, message: 'too many files' };
const gate = valid.gate.request;

const rolledBack = valid.trainer.result as Extract<ResultOf<'trainer'>, { status: 'in-service' }>;
const { to } = valid.trainer.request as Extract<RequestOf<'trainer'>, { kind: 'roll-back' }>;
const metrics = { steps: 1, examples: 1, firstLoss: 2, lastLoss: 1 };

const cases: Readonly<Record<string, Case>> = {
  'lineage/1': given('lineage', {
    'another lineage': { generation: { ...generation, lineage: 'b' as typeof generation.lineage }, stop: null },
    'another round': { generation: { ...generation, round: 2 }, stop: null },
  }),
  'meta-agent/1': given('meta-agent', { 'no changed file': { ...edited, changedFiles: [] } }, { good: edited }),
  'proposer/1': given('proposer', { 'too many': situations('s1', 's2'), none: situations() }),
  'proposer/2': given(
    'proposer',
    { 'an id twice': situations('s1', 's1'), 'not a token': situations('s1', '../etc') },
    { request: two, good: situations('s1', 's2') },
  ),
  'proposer/3': given('proposer', { 'of another split': { situations: [{ ...situation, split: 'test' }] } }),
  'solver/1': given('solver', {
    'stopped, and successful': { ...valid.solver.result, stoppedBy: 'timeout', exitCode: 0 },
  }),
  'environment/1': given('environment', {
    'another split': { evaluation: { ...evaluation, split: 'test' }, usage },
  }),
  'environment/2': given(
    'environment',
    {
      'not the mean': scored(2.1, 2, items),
      'a score over fewer items': scored(1.5, 1, [item]),
      'a score though an item failed': scored(1.5, 2, [item, failedItem]),
      'another n': scored(2, 3, items),
    },
    { request: { ...valid.environment.request, count: 2 }, good: scored(2, 2, items) },
  ),
  'gate/1': given('gate', {
    'promoted with a check that refuses': { verdict: 'promoted', checks: [{ ...pass, outcome: 'refuse' }] },
    'promoted with a check that is unknown': { verdict: 'promoted', checks: [pass, { ...pass, outcome: 'unknown' }] },
  }),
  'gate/2': given(
    'gate',
    { 'a failed candidate archived': { verdict: 'archived', checks: [pass] } },
    {
      request: { ...gate, candidate: { ...gate.candidate, failure } },
      good: { verdict: 'failed', checks: [pass] },
    },
  ),
  'gate/3': given(
    'gate',
    { 'promoted before it is measured again': { verdict: 'promoted', checks: [pass], retest: [8] } },
    { good: { verdict: 'refused', checks: [pass], retest: [8] } },
  ),
  'trainer/1': given('trainer', { 'metrics of a training that was none': { ...rolledBack, metrics } }),
  'trainer/2': given('trainer', { 'softly back to the good weights themselves': { ...rolledBack, adapter: to } }),
  'archivist/1': given('archivist', { 'no commit': { commit: null } }),
};

const rules = roleNames.flatMap((role) => contracts[role].map((rule) => ({ role, id: rule.id, says: rule.says })));

it('has a case for every rule, and rule ids that are unique and name their role', () => {
  expect(Object.keys(cases).sort()).toEqual(rules.map((r) => r.id).sort());
  for (const { role, id } of rules) expect(id).toMatch(new RegExp(`^${role}/[1-9]$`));
});

describe.each(rules)('$id: $says', ({ role, id, says }) => {
  const { request, good, bad } = cases[id]!;

  it('lets a good result pass as it is', () => {
    expect(checkResult(role, 'mine', request as never, good)).toEqual(good);
  });

  it.each(Object.entries(bad))('refuses %s, naming actor and rule', (_title, result) => {
    const check = () => checkResult(role, 'my own actor', request as never, result);
    expect(check).toThrow(
      expect.objectContaining({
        code: 'CONTRACT_VIOLATED',
        message: `actor my own actor broke rule ${id}: ${says}`,
        details: { rule: id },
      }),
    );
  });
});

it('gate/2: refuses anything but `failed` for a candidate that was not measured', () => {
  for (const selection of [null, { status: 'failed', split: 'selection', reason: 'crash', message: '', items: [] }]) {
    const request = { ...gate, candidate: { ...gate.candidate, selection } } as RequestOf<'gate'>;
    expect(() => checkResult('gate', 'g', request, { verdict: 'promoted', checks: [pass] })).toThrow('gate/2');
    expect(() => checkResult('gate', 'g', request, { verdict: 'failed', checks: [pass] })).not.toThrow();
  }
});

it('trainer: a training has metrics; back hard means back to the very weights; a failure claims neither', () => {
  const train = { ...valid.trainer.request, kind: 'train' } as RequestOf<'trainer'>;
  expect(() => checkResult('trainer', 't', train, rolledBack)).toThrow('trainer/1');
  expect(() => checkResult('trainer', 't', train, { ...rolledBack, metrics })).not.toThrow();
  const hard = { ...valid.trainer.request, share: 0 } as RequestOf<'trainer'>;
  expect(() => checkResult('trainer', 't', hard, rolledBack)).toThrow('trainer/2');
  expect(() => checkResult('trainer', 't', hard, { ...rolledBack, adapter: to })).not.toThrow();
  expect(() => checkResult('trainer', 't', hard, { status: 'failed', reason: 'damaged' })).not.toThrow();
});

it('environment/2: compares the mean with the tolerance of sums in another order', () => {
  const many = Array.from({ length: 1_000 }, (_v, i) => ({
    ...item,
    situation: `s${i}`,
    consequence: { status: 'measured' as const, score: 0.1 * i, details: null },
  }));
  const request = { ...valid.environment.request, count: 1_000 };
  const backwards = many.reduceRight((sum, { consequence: c }) => sum + c.score, 0) / 1_000;
  expect(() => checkResult('environment', 'e', request, scored(backwards, 1_000, many))).not.toThrow();
  expect(() => checkResult('environment', 'e', request, scored(backwards + 1e-6, 1_000, many))).toThrow(
    'environment/2',
  );
});

describe.each(roleNames)('%s/0: the shape of the message', (role) => {
  it('lets the sample pass', () => {
    expect(checkResult(role, 'mine', valid[role].request, valid[role].result)).toEqual(valid[role].result);
  });

  it.each([
    ['nothing', undefined],
    ['a text', 'done'],
    ['an unknown key', { ...valid[role].result, extra: 1 }],
  ])('refuses %s, naming actor and rule, with the reason as the cause', (_title, result) => {
    const check = () => checkResult(role, 'mine', valid[role].request, result);
    expect(check).toThrow(`actor mine broke rule ${role}/0: its result has the shape of the role's message`);
    expect(check).toThrow(expect.objectContaining({ cause: expect.objectContaining({ code: 'MESSAGE_INVALID' }) }));
  });
});
