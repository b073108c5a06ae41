import { describe, expect, it } from 'vitest';
import { createToolTally, isRefusal } from '../../actors/meta-agent/tool-tally.ts';

const calls = (...names: [id: string, name: string][]) => ({ calls: names.map(([id, name]) => ({ id, name })) });
const results = (...texts: [id: string, text: string][]) => ({ results: texts.map(([id, text]) => ({ id, text })) });

describe('what became of tool calls', () => {
  it('is counted by tool, once for each call however often a conversation is sent again', () => {
    const tally = createToolTally();
    tally.see(results());
    tally.see(calls(['1', 'bash'], ['2', 'view']));
    tally.see(results(['1', 'error: bash is disabled'], ['2', '    1\tx']));
    tally.see(calls(['3', 'bash']));
    tally.see(results(['1', 'error: bash is disabled'], ['2', '    1\tx'], ['3', 'ok\n[exit code 0]']));
    tally.see(calls(['4', 'bash']));
    expect(tally.outcomes()).toEqual({
      bash: { asked: 3, answered: 2, refused: 1 },
      view: { asked: 1, answered: 1, refused: 0 },
    });
  });

  it('is counted call by call where a model uses one id again and again', () => {
    const tally = createToolTally();
    tally.see(calls(['call', 'bash']));
    tally.see(results(['call', 'error: bash is disabled']));
    tally.see(calls(['call', 'view']));
    tally.see(results(['call', 'error: bash is disabled'], ['call', 'x']));
    expect(tally.outcomes()).toEqual({
      bash: { asked: 1, answered: 1, refused: 1 },
      view: { asked: 1, answered: 1, refused: 0 },
    });
  });

  it('says nothing of answers to calls that no model made: a genome cannot make up a tool that worked', () => {
    const tally = createToolTally();
    tally.see(calls(['1', 'bash']));
    tally.see(results(['made-up', 'ok'], ['1', 'bash is blocked']));
    expect(tally.outcomes()).toEqual({ bash: { asked: 1, answered: 1, refused: 1 } });
  });

  it('is told of the 32 tools that were asked for most', () => {
    const tally = createToolTally();
    for (let i = 0; i < 40; i += 1) tally.see(calls([`a${i}`, `t${i}`], [`b${i}`, i < 10 ? 'often' : `t${i}`]));
    expect(Object.keys(tally.outcomes())).toHaveLength(32);
    expect(tally.outcomes().often).toEqual({ asked: 10, answered: 0, refused: 0 });
  });
});

describe('a refusal', () => {
  it.each([
    'error: bash is disabled',
    'Error: tool use is not allowed in this generation',
    'BLOCKED by the safety layer',
    'This tool is no longer available.',
    'refused: view must not be used twice',
    'error: there is no tool bash',
    'Access denied by policy',
  ])('is %j', (text) => expect(isRefusal(text)).toBe(true));

  it.each([
    ['what the system says', "error: EACCES: permission denied, open 'strategies/b_gen1/x'"],
    ['what the system says of a command', 'bash: ./x: Permission denied\n[exit code 126]'],
    ['a command that refused', 'curl: (7) Failed to connect: Connection refused\n[exit code 7]'],
    ['a file with such a name', 'blocked.mjs\nmeta.mjs'],
    ['a mistake of the caller', 'error: the text to replace occurs 2 times'],
    ['a long file that speaks of it', `tools may be disabled here\n${'x'.repeat(400)}`],
    ['a later line', 'wrote notes.md\nit says that tools are blocked'],
    ['nothing', ''],
  ])('is not %s', (_, text) => expect(isRefusal(text)).toBe(false));
});
