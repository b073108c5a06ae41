import { describe, expect, it } from 'vitest';
import { type LineageId, parseLineageId, parseRunId, type RunId } from '../../src/core/ids.ts';
import { roleNames } from '../../src/core/messages.ts';
import { patterns, subjects } from '../../src/core/subjects.ts';

const run = parseRunId('packing-paired-1');
const lineage = parseLineageId('a');
const grammar = /^gal\.v1(\.[a-z0-9][a-z0-9-]{0,62}){4}$/;

describe('a subject', () => {
  it.each([...roleNames])('of the jobs of %s follows the grammar', (role) => {
    const subject = subjects.jobs(run, role, lineage);
    expect(subject).toMatch(grammar);
    expect(subject.startsWith(`gal.v1.packing-paired-1.${role}.`)).toBe(true);
  });

  it('keeps the jobs of two lineages apart, except for roles that serve the whole run', () => {
    const other = parseLineageId('b');
    const shared = roleNames.filter((role) => subjects.jobs(run, role, lineage) === subjects.jobs(run, role, other));
    expect([...shared].sort()).toEqual(['archivist', 'proposer', 'solver']);
  });

  it('spells a dotted fact with hyphens', () => {
    expect(subjects.facts(run, 'gate', 'a', 'generation.judged')).toBe(
      'gal.v1.packing-paired-1.gate.a.generation-judged',
    );
  });

  it.each(['*', '>', 'a.b', '', 'A', 'a b'])('cannot be widened by %j in any place', (part) => {
    const denied = expect.objectContaining({ code: 'ID_INVALID' });
    expect(() => subjects.facts(part as RunId, 'gate', 'a', 'x')).toThrow(denied);
    expect(() => subjects.facts(run, part, 'a', 'x')).toThrow(denied);
    expect(() => subjects.facts(run, 'gate', part, 'x')).toThrow(denied);
    expect(() => subjects.jobs(run, 'gate', part as LineageId)).toThrow(denied);
  });

  it('is covered by the pattern for everything of its run, and of no other', () => {
    const prefix = patterns.everythingOf(run).replace(/>$/, '');
    expect(subjects.jobs(run, 'gate', lineage).startsWith(prefix)).toBe(true);
    expect(subjects.jobs(parseRunId('packing-paired-10'), 'gate', lineage).startsWith(prefix)).toBe(false);
  });
});
