import { describe, expect, it } from 'vitest';
import { textFile } from '../../src/core/file-tree.ts';
import { parseGenomeManifest } from '../../src/core/genome.ts';

const manifest = (text: string) => parseGenomeManifest(new Map([['genome.json', textFile(text)]]));
const valid = { task: { command: ['node', 'task.js'] }, meta: { command: ['node', 'meta.js'] } };

describe('a genome manifest', () => {
  it('names the two entry points', () => {
    expect(manifest(JSON.stringify(valid))).toEqual({ ...valid, gateway: 'socket' });
  });

  it('must be there', () => {
    expect(() => parseGenomeManifest(new Map([['other.json', textFile('{}')]]))).toThrow('genome.json is missing');
  });

  it.each(['', '{', '{"task":', '\0', 'undefined'])('must be JSON, which %j is not', (text) => {
    expect(() => manifest(text)).toThrow(
      expect.objectContaining({ code: 'GENOME_INVALID', message: 'genome.json is not JSON' }),
    );
  });

  it.each([
    ['null', {}, 'expected object'],
    ['no meta', { task: valid.task }, 'meta'],
    ['a shell line', { ...valid, task: { command: 'node task.js' } }, 'task.command'],
    ['no program', { ...valid, task: { command: [] } }, 'task.command'],
    ['an empty program', { ...valid, meta: { command: [''] } }, 'meta.command[0]'],
    ['too many arguments', { ...valid, meta: { command: new Array(65).fill('x') } }, 'meta.command'],
    ['a key nobody knows', { ...valid, gate: true }, 'gate'],
    ['a limit of its own', { ...valid, task: { ...valid.task, timeoutMs: 1e9 } }, 'timeoutMs'],
  ])('is refused with %s, and the error names the place', (what, value, place) => {
    const text = what === 'null' ? 'null' : JSON.stringify(value);
    expect(() => manifest(text)).toThrow(
      expect.objectContaining({ code: 'GENOME_INVALID', message: expect.stringContaining(place) }),
    );
  });
});
